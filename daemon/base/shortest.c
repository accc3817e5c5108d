#include "base/shortest.h"

#include "base/powers_of_ten.h"

#include <assert.h>
#include <float.h>
#include <stdbool.h>
#include <string.h>

/* The value lies between two middles, to its neighbours below and above; whatever lies between them
 * reads back as it. Their distance is that of two doubles, 2^q, or 3/4 of it where the doubles below
 * lie closer. Let k be the greatest with 10^k not above that distance: then between the middles are
 *  - one multiple of 10^(k+1) or none, since 10^(k+1) is wider than they are apart. If there is one,
 *    it is the shortest once its zeros at the end are gone;
 *  - else, one multiple of 10^k at least. All of them have equally many digits, so the closest is the
 *    answer; it is next to the value, on either side.
 * All is computed in quarters of 10^k, of which each double and each middle is a multiple or lies
 * strictly between two: as an integer, made odd where it is not exact ("rounded to odd"), it compares
 * with even ones (all multiples of 10^k are) as the true number does. */

static_assert(DBL_MANT_DIG == 53 && DBL_MAX_EXP == 1024, "IEEE doubles");

__extension__ typedef unsigned __int128 Uint128;

enum {
    FRACTION_BITS = DBL_MANT_DIG - 1,
    LEAST_EXPONENT = DBL_MIN_EXP - DBL_MANT_DIG /* of the last bit of a denormal: 2^-1074 */
};

/* => floor(log10(2^q)), right for -1500 <= q <= 1500 */
static inline int log10_of_spacing(int q)
{
    return (q * 1262611) >> 22;
}

/* => floor(log10(3/4 * 2^q)), right for -1500 <= q <= 1500 */
static inline int log10_of_uneven_spacing(int q)
{
    return (q * 1262611 - 524031) >> 22;
}

/* => factor * 10^k / 2^(r + 128), rounded to odd; `factor` is below 2^60. The table's entry may be
 * too great by less than 1 and the product by less than 2^60, which the lowest of its three words
 * swallows: the middle one is 0 where the quotient is whole. It is not 0 where the quotient is a
 * little above an even number: of all that doubles lead to, the closest is 2^-62.5 above (and 2^-61.5
 * below any number). */
static inline uint64_t multiply(const uint64_t power[static 2], uint64_t factor)
{
    Uint128 low = (Uint128)power[1] * factor;
    Uint128 product = (Uint128)power[0] * factor + (uint64_t)(low >> 64);
    return (uint64_t)(product >> 64) | ((uint64_t)product != 0);
}

static inline void drop_zeros(Decimal *decimal, uint64_t power, int zeros)
{
    if (decimal->digits % power == 0) {
        decimal->digits /= power;
        decimal->exponent += zeros;
    }
}

/* Of a number below 10^16, so with at most 15 zeros at its end: 8 + 4 + 2 + 1. */
static Decimal without_zeros(Decimal decimal)
{
    drop_zeros(&decimal, 100000000, 8);
    drop_zeros(&decimal, 10000, 4);
    drop_zeros(&decimal, 100, 2);
    drop_zeros(&decimal, 10, 1);
    return decimal;
}

/* What has at most six decimals, as most measured values do: 15 ns with its text instead of 37, and
 * next to no cost for the others, as the division runs beside the work that follows. A whole number
 * below 10^15 divided by 10^6 is rounded once, so a quotient equal to the value proves that the
 * decimal reads back; and doubles tell all decimals of 15 digits apart, so it is the shortest. */
static inline bool few_decimals(double magnitude, Decimal *out)
{
    if (magnitude >= 1e9)
        return false;
    int64_t millionths = (int64_t)(magnitude * 1e6 + 0.5);
    if ((double)millionths / 1e6 != magnitude)
        return false;
    *out = without_zeros((Decimal){.digits = (uint64_t)millionths, .exponent = -6});
    return true;
}

/* All in quarters of 10^k; `lower` and `upper` are the outermost that read back. */
static inline Decimal choose(uint64_t lower, uint64_t value, uint64_t upper, int k)
{
    uint64_t tens = value / 40;
    bool down = lower <= 40 * tens;
    bool up = 40 * tens + 40 <= upper;
    if (down || up)
        return without_zeros((Decimal){.digits = tens + up, .exponent = k + 1});
    uint64_t ones = value / 4;
    uint64_t middle = 4 * ones + 2;
    down = lower <= 4 * ones;
    up = 4 * ones + 4 <= upper;
    if (down && up)
        up = value > middle || (value == middle && ones % 2 != 0);
    return (Decimal){.digits = ones + up, .exponent = k};
}

static Decimal schubfach(double magnitude)
{
    uint64_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    uint64_t c = bits & ((UINT64_C(1) << FRACTION_BITS) - 1);
    int q = (int)(bits >> FRACTION_BITS);
    bool uneven = c == 0 && q > 1;
    if (q > 0)
        c |= UINT64_C(1) << FRACTION_BITS;
    q = (q > 0 ? q - 1 : 0) + LEAST_EXPONENT;

    /* magnitude = c * 2^q. A middle reads back only where c is even. */
    uint64_t odd = c & 1;
    int k = uneven ? log10_of_uneven_spacing(q) : log10_of_spacing(q);
    const uint64_t *power = powers_of_ten[-k - POWERS_OF_TEN_FIRST];
    int shift = q + powers_of_ten_scale(-k) + 128; /* 1 to 4 */
    uint64_t lower = multiply(power, (4 * c - 2 + uneven) << shift) + odd;
    uint64_t value = multiply(power, (4 * c) << shift);
    uint64_t upper = multiply(power, (4 * c + 2) << shift) - odd;
    return choose(lower, value, upper, k);
}

Decimal shortest_decimal(double magnitude)
{
    Decimal decimal;
    return few_decimals(magnitude, &decimal) ? decimal : schubfach(magnitude);
}
