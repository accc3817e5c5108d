#include "base/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    LONGEST = 1500
};

static bool has_avx2(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2");
#else
    return true; /* it is the portable one */
#endif
}

static void fill(unsigned char *text, size_t length, uint64_t seed)
{
    for (size_t i = 0; i < length; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        text[i] = (unsigned char)(seed >> 56);
    }
}

/* Text that ends where its memory ends, so that a sanitizer sees a byte too many. */
static void test_both_ways_give_the_same(void **state)
{
    (void)state;
    for (size_t length = CHECKSUM_LONG; length <= LONGEST; length++) {
        unsigned char *text = malloc(length);
        assert_non_null(text);
        fill(text, length, length);
        uint64_t portable = checksum_long_portable(text, length, length * 7);
        if (has_avx2())
            assert_int_equal(portable, checksum_long_avx2(text, length, length * 7));
        assert_int_equal(portable, checksum_long(text, length, length * 7));
        assert_int_equal(portable, checksum(text, length, length * 7));
        free(text);
    }
}

/* The lower and the upper half, as they are what is kept. */
static void assert_differ(uint64_t a, uint64_t b)
{
    assert_true((uint32_t)a != (uint32_t)b);
    assert_true(a >> 32 != b >> 32);
}

static void test_each_bit_counts(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 8, 30, 63, 64, 65, 95, 96, 97, 740};
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        unsigned char text[LONGEST] = {0}; /* zeroes first, then what has no pattern */
        for (int round = 0; round < 2; round++) {
            uint64_t number = checksum(text, lengths[k], 5);
            for (size_t bit = 0; bit < 8 * lengths[k]; bit++) {
                text[bit / 8] = (unsigned char)(text[bit / 8] ^ 1 << bit % 8);
                assert_differ(number, checksum(text, lengths[k], 5));
                text[bit / 8] = (unsigned char)(text[bit / 8] ^ 1 << bit % 8);
            }
            assert_differ(number, checksum(text, lengths[k], 4));
            assert_differ(number, checksum(text, lengths[k] + 1, 5));
            fill(text, sizeof text, k);
        }
    }
}

/* Any two words, and any two stripes, that change places. */
static void test_places_count(void **state)
{
    (void)state;
    enum {
        WORDS = 40
    };
    uint64_t text[WORDS];
    fill((unsigned char *)text, sizeof text, 1);
    uint64_t number = checksum(text, sizeof text, 0);
    for (size_t size = 1; size <= 4; size += 3) {
        for (size_t i = 0; i + size <= WORDS; i += size) {
            for (size_t k = 0; k < i; k += size) {
                uint64_t swapped[WORDS];
                memcpy(swapped, text, sizeof text);
                memcpy(swapped + i, text + k, size * sizeof *text);
                memcpy(swapped + k, text + i, size * sizeof *text);
                assert_differ(number, checksum(swapped, sizeof swapped, 0));
            }
        }
    }
}

static void test_cut_texts(void **state)
{
    (void)state;
    unsigned char text[LONGEST];
    fill(text, sizeof text, 2);
    uint64_t number = checksum(text, sizeof text, 0);
    for (size_t length = 0; length < sizeof text; length++)
        assert_differ(number, checksum(text, length, 0));
    for (size_t from = 0; from < sizeof text; from++) { /* zeroes from there on */
        unsigned char zeroed[LONGEST] = {0};
        memcpy(zeroed, text, from);
        assert_differ(number, checksum(zeroed, sizeof zeroed, 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways_give_the_same),
        cmocka_unit_test(test_each_bit_counts),
        cmocka_unit_test(test_places_count),
        cmocka_unit_test(test_cut_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
