#include <atomicstats/cell.h>

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed = 20260131;
static const AstatsCellState poison = {-77, -77, -77, -77, -77, -77};

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* By their bits: -0 is not 0 here. */
static void expect_double(const char *what, double expected, double actual)
{
    if (bits_of(expected) != bits_of(actual))
        fail_msg("%s: expected %.17g (%a), got %.17g (%a)", what, expected, expected, actual,
                 actual);
}

static void expect_state(const AstatsCell *cell, uint64_t records, double shift,
                         AstatsCellState expected)
{
    AstatsCellState actual = poison;
    double actual_shift = -77;
    assert_true(records == astats_cell_snapshot(cell, &actual, &actual_shift));
    expect_double("shift", shift, actual_shift);
    expect_double("count", expected.count, actual.count);
    expect_double("sum", expected.sum, actual.sum);
    expect_double("compensation", expected.compensation, actual.compensation);
    expect_double("min", expected.min, actual.min);
    expect_double("max", expected.max, actual.max);
    expect_double("squares", expected.squares, actual.squares);
}

static void test_zeroed_memory_is_an_empty_cell(void **state)
{
    (void)state;
    AstatsCell cell;
    memset(&cell, 0, sizeof cell);
    AstatsCellState out = poison;
    double shift = -77;
    assert_true(0 == astats_cell_snapshot(&cell, &out, &shift));
    assert_memory_equal(&poison, &out, sizeof out);
    expect_double("shift", -77, shift);
}

static void test_first_record_sets_everything(void **state)
{
    (void)state;
    static const double values[] = {3, -3, 0.1, DBL_MAX, -DBL_MAX, DBL_TRUE_MIN, -DBL_TRUE_MIN};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        AstatsCell cell;
        memset(&cell, 0, sizeof cell);
        double v = values[i];
        astats_cell_record(&cell, v, 1);
        expect_state(&cell, 1, v,
                     (AstatsCellState){.count = 1, .sum = v, .min = v, .max = v, .squares = 0});
    }
}

static void test_each_record_carries_on_from_the_one_before(void **state)
{
    (void)state;
    AstatsCell cell;
    memset(&cell, 0, sizeof cell);
    astats_cell_record(&cell, 10, 1);
    expect_state(&cell, 1, 10, (AstatsCellState){1, 10, 0, 10, 10, 0});
    astats_cell_record(&cell, 30, 1);
    expect_state(&cell, 2, 10, (AstatsCellState){2, 40, 0, 10, 30, 400});
    astats_cell_record(&cell, -20, 1);
    expect_state(&cell, 3, 10, (AstatsCellState){3, 20, 0, -20, 30, 1300});
    astats_cell_record(&cell, 10, 1);
    expect_state(&cell, 4, 10, (AstatsCellState){4, 30, 0, -20, 30, 1300});
    for (int i = 0; i < 1000; i++)
        astats_cell_record(&cell, 11, 1);
    expect_state(&cell, 1004, 10, (AstatsCellState){1004, 11030, 0, -20, 30, 2300});
}

static void test_a_weight_is_that_many_values(void **state)
{
    (void)state;
    AstatsCell cell;
    memset(&cell, 0, sizeof cell);
    astats_cell_record(&cell, 5, 1 / 0.1);
    expect_state(&cell, 1, 5, (AstatsCellState){10, 50, 0, 5, 5, 0});
    astats_cell_record(&cell, 8, 2);
    expect_state(&cell, 2, 5, (AstatsCellState){12, 66, 0, 5, 8, 18});
    astats_cell_record(&cell, -4, 0.25);
    expect_state(&cell, 3, 5, (AstatsCellState){12.25, 65, 0, -4, 8, 38.25});
}

static void test_compensation_keeps_what_rounding_takes(void **state)
{
    (void)state;
    AstatsCell cell;
    memset(&cell, 0, sizeof cell);
    astats_cell_record(&cell, 1, 1);
    astats_cell_record(&cell, 0x1p60, 1); /* 1 falls off the sum's end */
    expect_state(&cell, 2, 1,
                 (AstatsCellState){2, 0x1p60, 1, 1, 0x1p60, (0x1p60 - 1) * (0x1p60 - 1)});
    for (int i = 0; i < 8; i++)
        astats_cell_record(&cell, 1, 1);
    astats_cell_record(&cell, -0x1p60, 1);
    AstatsCellState out = poison;
    double shift = -77;
    assert_true(11 == astats_cell_snapshot(&cell, &out, &shift));
    expect_double("sum", 9, out.sum + out.compensation);
}

static void test_negative_zero_and_denormals(void **state)
{
    (void)state;
    AstatsCell cell;
    memset(&cell, 0, sizeof cell);
    astats_cell_record(&cell, -0.0, 1);
    expect_state(&cell, 1, -0.0, (AstatsCellState){1, 0, 0, -0.0, -0.0, 0});
    /* Neither zero is less than the other. */
    astats_cell_record(&cell, 0.0, 1);
    expect_state(&cell, 2, -0.0, (AstatsCellState){2, 0, 0, -0.0, -0.0, 0});
    astats_cell_record(&cell, DBL_TRUE_MIN, 1);
    astats_cell_record(&cell, -3 * DBL_TRUE_MIN, 1);
    expect_state(&cell, 4, -0.0,
                 (AstatsCellState){4, -2 * DBL_TRUE_MIN, 0, -3 * DBL_TRUE_MIN, DBL_TRUE_MIN, 0});
}

/* Once the sum is infinite its compensation means nothing; the other figures must go on. */
static void test_overflow_of_the_sum_leaves_the_rest(void **state)
{
    (void)state;
    AstatsCell cell;
    memset(&cell, 0, sizeof cell);
    astats_cell_record(&cell, DBL_MAX, 1);
    astats_cell_record(&cell, DBL_MAX, 1);
    astats_cell_record(&cell, 1, 1);
    astats_cell_record(&cell, -DBL_MAX, 1);
    AstatsCellState out = poison;
    double shift = -77;
    assert_true(4 == astats_cell_snapshot(&cell, &out, &shift));
    expect_double("sum", (double)INFINITY, out.sum);
    expect_double("count", 4, out.count);
    expect_double("min", -DBL_MAX, out.min);
    expect_double("max", DBL_MAX, out.max);
}

/* A writer that stops (or dies) in the middle of a record has scribbled over the other copy and not
 * yet moved seq: readers get the last whole state, and the next record does not trust the scratch. */
static void test_a_half_written_copy_is_invisible(void **state)
{
    (void)state;
    for (int records = 1; records <= 4; records++) {
        AstatsCell cell;
        memset(&cell, 0, sizeof cell);
        for (int i = 0; i < records; i++)
            astats_cell_record(&cell, 6, 1);
        /* relaxed: one thread. */
        uint64_t seq = atomic_load_explicit(&cell.seq, memory_order_relaxed);
        memset(&cell.copy[(seq + 1) & 1], 0xa5, sizeof cell.copy[0]);
        double n = records;
        expect_state(&cell, seq, 6, (AstatsCellState){n, 6 * n, 0, 6, 6, 0});
        astats_cell_record(&cell, 6, 1);
        n++;
        expect_state(&cell, seq + 1, 6, (AstatsCellState){n, 6 * n, 0, 6, 6, 0});
    }
}

/* The lowest bit of seq alone chooses the copy, so nothing special happens beyond 32 bits. */
static void test_seq_beyond_32_bits(void **state)
{
    (void)state;
    AstatsCell cell;
    memset(&cell, 0, sizeof cell);
    astats_cell_record(&cell, 1, 1);
    /* relaxed: one thread. The copies stay: the parity of seq does not change. */
    atomic_store_explicit(&cell.seq, UINT64_C(0xffffffff), memory_order_relaxed);
    for (int i = 0; i < 4; i++)
        astats_cell_record(&cell, 1, 1);
    expect_state(&cell, UINT64_C(0x100000003), 1, (AstatsCellState){5, 5, 0, 1, 1, 0});
}

/* The fields against sums in long double, values and weights at random. */
static void test_random_records_against_long_double(void **state)
{
    (void)state;
    uint64_t rng = seed;
    AstatsCell cell;
    memset(&cell, 0, sizeof cell);
    long double count = 0, sum = 0, squares = 0, first = 0;
    for (int i = 0; i < 100000; i++) {
        rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
        double value = ldexp((double)(int64_t)rng, -40 - (int)(rng % 7));
        double weight = (double)(1 + (rng >> 60)) / 4;
        first = i == 0 ? (long double)value : first;
        count += (long double)weight;
        sum += (long double)value * (long double)weight;
        squares +=
            ((long double)value - first) * ((long double)value - first) * (long double)weight;
        astats_cell_record(&cell, value, weight);
    }
    AstatsCellState out = poison;
    double shift = -77;
    assert_true(100000 == astats_cell_snapshot(&cell, &out, &shift));
    expect_double("shift", (double)first, shift);
    expect_double("count", (double)count, out.count);
    long double actual_sum = (long double)out.sum + (long double)out.compensation;
    /* Of value * weight only the product is rounded: half an ulp of 2^25 each, at random. */
    assert_true(fabsl(actual_sum - sum) < 1e-6L);
    assert_true(fabsl((long double)out.squares - squares) < 1e-12L * squares);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0) | 1;
    print_message("# seed %llu (first argument)\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_memory_is_an_empty_cell),
        cmocka_unit_test(test_first_record_sets_everything),
        cmocka_unit_test(test_each_record_carries_on_from_the_one_before),
        cmocka_unit_test(test_a_weight_is_that_many_values),
        cmocka_unit_test(test_compensation_keeps_what_rounding_takes),
        cmocka_unit_test(test_negative_zero_and_denormals),
        cmocka_unit_test(test_overflow_of_the_sum_leaves_the_rest),
        cmocka_unit_test(test_a_half_written_copy_is_invisible),
        cmocka_unit_test(test_seq_beyond_32_bits),
        cmocka_unit_test(test_random_records_against_long_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
