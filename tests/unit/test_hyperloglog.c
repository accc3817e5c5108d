#include "metrics/hyperloglog.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"

enum {
    STREAMS = 8
};

/* Streams of different hashes. 0: this program's own hash of decimal numbers, as a client sends
 * them; the others: splitmix64 from other starts. */
static uint64_t stream_hash(int stream, uint64_t i)
{
    if (stream == 0) {
        char text[24];
        int length = snprintf(text, sizeof text, "user%llu", (unsigned long long)i);
        return hash_fixed(text, (size_t)length);
    }
    uint64_t z = (uint64_t)stream * UINT64_C(0x123456789abcdef1) + i * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static HyperLogLog *fresh(void)
{
    HyperLogLog *hll = calloc(1, sizeof *hll);
    assert_non_null(hll);
    return hll;
}

static void add(HyperLogLog *hll, uint64_t hash)
{
    HllRank to = hll_rank_of(hash);
    if (hll_rank_at(hll, to.number) < to.rank)
        hll_raise(hll, to);
}

static void test_an_empty_sketch_is_0(void **state)
{
    (void)state;
    HyperLogLog *hll = fresh();
    assert_true(0 == hll_estimate(hll));
    free(hll);
}

static void test_few_values_are_almost_exact(void **state)
{
    (void)state;
    for (int stream = 0; stream < STREAMS; stream++) {
        HyperLogLog *hll = fresh();
        for (uint64_t i = 1; i <= 40; i++) {
            add(hll, stream_hash(stream, i));
            double estimate = hll_estimate(hll);
            if (!(fabs(estimate - (double)i) < 0.5))
                fail_msg("stream %d: expected about %d, got %g", stream, (int)i, estimate);
        }
        free(hll);
    }
}

/* At every power of ten, and around 2.5 times the registers, where older estimators are worst. */
static void test_error_below_2_percent(void **state)
{
    (void)state;
    static const uint64_t checked[] = {100,   300,   1000,   3000,   10000,  30000,
                                       65536, 81920, 100000, 131072, 300000, 1000000};
    for (int stream = 0; stream < STREAMS; stream++) {
        HyperLogLog *hll = fresh();
        double worst = 0;
        size_t next = 0;
        for (uint64_t i = 1; i <= 1000000; i++) {
            add(hll, stream_hash(stream, i));
            if (i != checked[next])
                continue;
            next++;
            double error = fabs(hll_estimate(hll) / (double)i - 1);
            if (!(error < 0.02))
                fail_msg("stream %d: expected %llu within 2 %%, got %.1f", stream,
                         (unsigned long long)i, hll_estimate(hll));
            worst = fmax(worst, error);
        }
        assert_int_equal(sizeof checked / sizeof *checked, next);
        print_message("# stream %d: worst error %.2f %%\n", stream, 100 * worst);
        free(hll);
    }
}

static void test_adding_twice_is_adding_once(void **state)
{
    (void)state;
    HyperLogLog *once = fresh();
    HyperLogLog *often = fresh();
    for (uint64_t i = 0; i < 50000; i++) {
        add(once, stream_hash(1, i));
        add(often, stream_hash(1, i));
    }
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 50000; i-- > 0;)
            add(often, stream_hash(1, i));
    }
    assert_memory_equal(once, often, sizeof *once);
    assert_true(hll_estimate(once) == hll_estimate(often));
    free(once);
    free(often);
}

/* The rank is where the first 1 stands above the register's own bits; all zeroes is the highest. */
static void test_registers_hold_the_highest_rank(void **state)
{
    (void)state;
    static const struct {
        uint64_t hash;
        uint32_t number;
        uint8_t rank;
    } cases[] = {
        {0, 0, 64 - HLL_BITS + 1},
        {UINT64_C(1) << HLL_BITS, 0, 1},
        {(UINT64_C(1) << HLL_BITS) | 5, 5, 1},
        {(UINT64_C(2) << HLL_BITS) | 5, 5, 2},
        {(UINT64_C(12) << HLL_BITS) | 5, 5, 3},
        {UINT64_C(1) << 63, 0, 64 - HLL_BITS},
        {UINT64_MAX, HLL_REGISTERS - 1, 1},
        {HLL_REGISTERS - 1, HLL_REGISTERS - 1, 64 - HLL_BITS + 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        HyperLogLog *hll = fresh();
        uint8_t expected[HLL_REGISTERS] = {0};
        expected[cases[i].number] = cases[i].rank;
        add(hll, cases[i].hash);
        assert_memory_equal(expected, hll->registers, sizeof expected);
        /* A lower rank changes nothing. */
        add(hll, (UINT64_C(1) << HLL_BITS) | cases[i].number);
        assert_memory_equal(expected, hll->registers, sizeof expected);
        assert_true(hll_estimate(hll) > 0.9 && hll_estimate(hll) < 1.1);
        free(hll);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_sketch_is_0),
        cmocka_unit_test(test_few_values_are_almost_exact),
        cmocka_unit_test(test_error_below_2_percent),
        cmocka_unit_test(test_adding_twice_is_adding_once),
        cmocka_unit_test(test_registers_hold_the_highest_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
