#include "base/powers_of_ten.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

/* A natural number, lowest word first. The greatest here has 128 + 1077 bits. */
enum {
    WORDS = 48
};
typedef struct {
    uint32_t word[WORDS];
} Big;

static Big big(uint64_t high, uint64_t low)
{
    return (Big){{(uint32_t)low, (uint32_t)(low >> 32), (uint32_t)high, (uint32_t)(high >> 32)}};
}

/* number * factor^times */
static Big big_times(Big number, uint32_t factor, int times)
{
    for (; times > 0; times--) {
        uint64_t carry = 0;
        for (int i = 0; i < WORDS; i++) {
            carry += (uint64_t)number.word[i] * factor;
            number.word[i] = (uint32_t)carry;
            carry >>= 32;
        }
        assert_true(carry == 0);
    }
    return number;
}

static bool big_less(const Big *a, const Big *b)
{
    for (int i = WORDS - 1; i >= 0; i--)
        if (a->word[i] != b->word[i])
            return a->word[i] < b->word[i];
    return false;
}

/* => whether g * 2^r < 10^k. Both sides are multiplied by what makes them whole. */
static bool below_power(uint64_t high, uint64_t low, int r, int k)
{
    Big left = big_times(big_times(big(high, low), 2, r), 10, -k);
    Big right = big_times(big_times(big(0, 1), 2, -r), 10, k);
    return big_less(&left, &right);
}

/* The one g with 2^127 <= g < 2^128 and (g - 1) * 2^r < 10^k <= g * 2^r, for some r. With g, r is
 * shown to be floor(log2(10^k)) - 127, unless g is 2^127 and too great, which no entry is. */
static void test_every_power_of_ten(void **state)
{
    (void)state;
    for (int k = POWERS_OF_TEN_FIRST; k <= POWERS_OF_TEN_LAST; k++) {
        const uint64_t *g = powers_of_ten[k - POWERS_OF_TEN_FIRST];
        int r = powers_of_ten_scale(k);
        bool normal = g[0] >> 63 == 1 && (g[1] != 0 || g[0] << 1 != 0 || k == 0);
        if (!normal || below_power(g[0], g[1], r, k) ||
            !below_power(g[0] - (g[1] == 0), g[1] - 1, r, k))
            fail_msg("10^%d is not 0x%016" PRIx64 "%016" PRIx64 " * 2^%d", k, g[0], g[1], r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_power_of_ten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
