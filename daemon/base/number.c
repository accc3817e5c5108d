#include "base/number.h"

#include <assert.h>
#include <errno.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Clinger's argument needs each operation to be rounded once, to double (x87 would round twice). */
static_assert(FLT_EVAL_METHOD == 0 && DBL_MANT_DIG == 53, "IEEE double arithmetic");

__extension__ typedef unsigned __int128 Uint128;

enum {
    SHORT_DIGITS = 18, /* so many decimal digits always fit an int64_t */
    EXACT_DIGITS = 19, /* ... a uint64_t */
    /* The exact middle between two doubles has at most 767 significant digits. Whatever follows the
     * 768th can only break a tie, and one non-zero digit breaks it as well as all of them. */
    KEPT_DIGITS = 768,
    MAX_TEN = 22, /* 10^22 is the last power of ten that a double holds exactly */
    MAX_FIVE = 27 /* 5^27 is the last power of five below 2^64 */
};

/* Beyond any text's length in memory, so that no number of zeros in the mantissa makes up for an
 * exponent cut here; and far from the ends of int64_t, so that sums with lengths are safe. */
#define EXPONENT_LIMIT INT64_C(1000000000000000)

static const double tens[MAX_TEN + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                         1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                         1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* clang-format off: one number a line otherwise */
static const uint64_t fives[MAX_FIVE + 1] = {1u,
                                             5u,
                                             25u,
                                             125u,
                                             625u,
                                             3125u,
                                             15625u,
                                             78125u,
                                             390625u,
                                             1953125u,
                                             9765625u,
                                             48828125u,
                                             244140625u,
                                             1220703125u,
                                             6103515625u,
                                             30517578125u,
                                             152587890625u,
                                             762939453125u,
                                             3814697265625u,
                                             19073486328125u,
                                             95367431640625u,
                                             476837158203125u,
                                             2384185791015625u,
                                             11920928955078125u,
                                             59604644775390625u,
                                             298023223876953125u,
                                             1490116119384765625u,
                                             7450580596923828125u};
/* clang-format on */

/* A number as written. Its value is all its digits as one integer, times 10 to the power of
 * exponent - fraction_length. */
typedef struct {
    const char *whole; /* the digits before the point */
    size_t whole_length;
    const char *fraction; /* the digits after it */
    size_t fraction_length;
    uint64_t mantissa; /* all digits as one number, modulo 2^64 */
    int64_t exponent;  /* as written */
    bool negative;
} Literal;

/* => the digit's value, or more than 9 */
static inline unsigned digit_of(char c)
{
    return (unsigned)(unsigned char)c - '0';
}

/* ---- digits and a power of ten => the nearest double -------------------------------------------- */

/* Ends the digits in `text` with an exponent and has strtod read them. Without a decimal point there
 * is nothing in the text that a locale could read differently. */
static double read_back(char *text, size_t length, int64_t exponent)
{
    /* Both limits lie beyond what 769 digits can make up for: still infinity, still zero. */
    if (exponent > 5000)
        exponent = 5000;
    if (exponent < -5000)
        exponent = -5000;
    text[length++] = 'e';
    number_print_int64(exponent, text + length);
    return strtod(text, NULL);
}

/* mantissa / 10^k for mantissa > 0, correctly rounded: the quotient of both numbers shifted to the
 * top of a word has 63 or 64 bits, and any remainder is kept as its lowest bit. That is more than
 * ten bits below the double's last one, so the conversion to double rounds as if it saw all. */
static double divide(uint64_t mantissa, unsigned k)
{
    int mantissa_shift = __builtin_clzll(mantissa);
    int divisor_shift = __builtin_clzll(fives[k]);
    uint64_t divisor = fives[k] << divisor_shift;
    Uint128 dividend = (Uint128)(mantissa << mantissa_shift) << 63;
    uint64_t quotient = (uint64_t)(dividend / divisor);
    bool inexact = (Uint128)quotient * divisor != dividend;
    return ldexp((double)(quotient | inexact), divisor_shift - mantissa_shift - 63 - (int)k);
}

/* mantissa * 10^exponent, correctly rounded; infinity where it overflows */
static double scale(uint64_t mantissa, int64_t exponent)
{
    if (mantissa == 0)
        return 0;
    /* Clinger: two exact operands and one rounding. */
    if (mantissa <= UINT64_C(1) << DBL_MANT_DIG && exponent >= -MAX_TEN && exponent <= MAX_TEN)
        return exponent < 0 ? (double)mantissa / tens[-exponent]
                            : (double)mantissa * tens[exponent];
    if (exponent == 0)
        return (double)mantissa;
    if (exponent < 0 && exponent >= -MAX_FIVE)
        return divide(mantissa, (unsigned)-exponent);
    char text[2 * NUMBER_TEXT_SIZE];
    return read_back(text, number_print_uint64(mantissa, text), exponent);
}

/* ---- grammar ------------------------------------------------------------------------------------ */

/* Passes over digits. Their value joins *mantissa and wraps beyond 19 of them. */
static const char *scan_digits(const char *p, const char *end, uint64_t *mantissa)
{
    for (; p < end && digit_of(*p) <= 9; p++)
        *mantissa = *mantissa * 10 + digit_of(*p);
    return p;
}

/* Reads "[+-]digits" up to `end`. => whether it is that */
static bool scan_exponent(const char *p, const char *end, int64_t *out)
{
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end)
        return false;
    int64_t exponent = 0;
    for (; p < end && digit_of(*p) <= 9; p++)
        if (exponent < EXPONENT_LIMIT)
            exponent = exponent * 10 + digit_of(*p);
    *out = negative ? -exponent : exponent;
    return p == end;
}

/* Goes on at `p`, inside or behind the digits before the point, of which those up to `p` are in the
 * mantissa already. => whether the rest keeps to the grammar */
static bool scan_rest(const char *p, const char *end, Literal *literal)
{
    p = scan_digits(p, end, &literal->mantissa);
    literal->whole_length = (size_t)(p - literal->whole);
    if (p < end && *p == '.') {
        literal->fraction = ++p;
        p = scan_digits(p, end, &literal->mantissa);
        literal->fraction_length = (size_t)(p - literal->fraction);
    }
    if (literal->whole_length + literal->fraction_length == 0)
        return false;
    if (p < end && (*p == 'e' || *p == 'E'))
        return scan_exponent(p + 1, end, &literal->exponent);
    return p == end;
}

/* ---- the general path --------------------------------------------------------------------------- */

/* mantissa * 10^exponent as an int64_t. => whether it is one */
static bool as_integer(uint64_t mantissa, int64_t exponent, bool negative, int64_t *out)
{
    if (mantissa == 0)
        exponent = 0;
    for (; exponent < 0; exponent++, mantissa /= 10)
        if (mantissa % 10 != 0)
            return false;
    for (; exponent > 0; exponent--)
        if (__builtin_mul_overflow(mantissa, UINT64_C(10), &mantissa))
            return false;
    if (mantissa > (uint64_t)INT64_MAX + negative)
        return false;
    /* In unsigned arithmetic, where INT64_MIN has a negation. */
    *out = (int64_t)(negative ? 0 - mantissa : mantissa);
    return true;
}

static int deliver(double magnitude, const Literal *literal, bool is_integer, int64_t integer,
                   Number *out)
{
    if (isinf(magnitude))
        return -ERANGE;
    out->value = literal->negative ? -magnitude : magnitude;
    out->integer = integer;
    out->is_integer = is_integer;
    return 0;
}

static int deliver_exact(uint64_t mantissa, int64_t exponent, const Literal *literal, Number *out)
{
    int64_t integer = 0;
    bool is_integer = as_integer(mantissa, exponent, literal->negative, &integer);
    return deliver(scale(mantissa, exponent), literal, is_integer, integer, out);
}

static char digit_at(const Literal *literal, size_t i)
{
    if (i < literal->whole_length)
        return literal->whole[i];
    return literal->fraction[i - literal->whole_length];
}

/* More digits than a word holds. Zeros at both ends are not significant; if what is left is still too
 * long, it is no int64_t: either it has a fraction, or it is at least 10^19. */
static int convert_long(const Literal *literal, Number *out)
{
    size_t begin = 0;
    size_t end = literal->whole_length + literal->fraction_length;
    int64_t exponent = literal->exponent - (int64_t)literal->fraction_length;
    while (begin < end && digit_at(literal, begin) == '0')
        begin++;
    for (; end > begin && digit_at(literal, end - 1) == '0'; end--)
        exponent++;

    char digits[KEPT_DIGITS + 1 + 1 + NUMBER_TEXT_SIZE];
    size_t count = 0;
    uint64_t mantissa = 0;
    for (size_t i = begin; i < end && count < KEPT_DIGITS; i++) {
        digits[count++] = digit_at(literal, i);
        mantissa = mantissa * 10 + digit_of(digits[count - 1]);
    }
    if (count <= EXACT_DIGITS)
        return deliver_exact(mantissa, exponent, literal, out);
    if (end - begin > count) /* the last digit left out is not 0 */
        digits[count++] = '1';
    exponent += (int64_t)(end - begin) - (int64_t)count;
    return deliver(read_back(digits, count, exponent), literal, false, 0, out);
}

/* What is no short plain integer; the digits up to `p` are in `mantissa`. Out of line, so that the
 * common case need not set up the literal. */
__attribute__((noinline)) static int parse_general(const char *digits, const char *p,
                                                   const char *end, uint64_t mantissa,
                                                   bool negative, Number *out)
{
    Literal literal = {
        .whole = digits, .fraction = end, .mantissa = mantissa, .negative = negative};
    if (!scan_rest(p, end, &literal))
        return -EINVAL;
    if (literal.whole_length + literal.fraction_length > EXACT_DIGITS)
        return convert_long(&literal, out);
    int64_t exponent = literal.exponent - (int64_t)literal.fraction_length;
    return deliver_exact(literal.mantissa, exponent, &literal, out);
}

int number_parse(const char *text, size_t length, Number *out)
{
    const char *p = text;
    const char *end = text + length;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;

    const char *digits = p;
    const char *stop = end - p > SHORT_DIGITS ? p + SHORT_DIGITS : end;
    uint64_t mantissa = 0;
    p = scan_digits(p, stop, &mantissa);
    if (p != end || p == digits)
        return parse_general(digits, p, end, mantissa, negative, out);
    int64_t magnitude = (int64_t)mantissa;
    out->value = negative ? -(double)magnitude : (double)magnitude;
    out->integer = negative ? -magnitude : magnitude;
    out->is_integer = true;
    return 0;
}
