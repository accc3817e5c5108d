#include "metrics/counter_cell.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed = 20260203;

__extension__ typedef __int128 Wide;

static CounterValue value_of(const CounterCell *cells, size_t count)
{
    CounterSum sum = {0};
    for (size_t i = 0; i < count; i++)
        counter_cell_read(&cells[i], &sum);
    return counter_sum_value(&sum);
}

static void expect_integer(int64_t expected, CounterValue actual)
{
    if (!actual.is_integer || actual.integer != expected || actual.value != (double)expected)
        fail_msg("expected integer %" PRId64 ", got %s %" PRId64 ", value %.17g", expected,
                 actual.is_integer ? "integer" : "double", actual.integer, actual.value);
}

static void expect_double(double expected, CounterValue actual)
{
    if (actual.is_integer || !(actual.value == expected))
        fail_msg("expected double %.17g, got %s %" PRId64 ", value %.17g", expected,
                 actual.is_integer ? "integer" : "double", actual.integer, actual.value);
}

static void test_zeroed_memory_adds_nothing(void **state)
{
    (void)state;
    CounterCell cell;
    memset(&cell, 0, sizeof cell);
    CounterSum sum = {.integer = -77, .fraction = 0.25, .any = false};
    counter_cell_read(&cell, &sum);
    assert_true(-77 == sum.integer);
    assert_true(0.25 == sum.fraction);
    assert_false(sum.any);
    counter_cell_add_integer(&cell, 0);
    counter_cell_read(&cell, &sum);
    assert_true(-77 == sum.integer);
    assert_true(sum.any);
}

static void test_integers_are_exact_over_the_whole_range(void **state)
{
    (void)state;
    static const struct {
        int64_t add[4], expected;
    } cases[] = {
        {{0, 0, 0, 0}, 0},
        {{1, -1, 1, -2}, -1},
        {{INT64_MAX, 0, 0, 0}, INT64_MAX},
        {{INT64_MIN, 0, 0, 0}, INT64_MIN},
        {{INT64_MAX, INT64_MIN, 0, 0}, -1},
        {{INT64_MIN, INT64_MAX, INT64_MAX, 1}, INT64_MAX},
        {{INT64_C(9007199254740993), 0, 0, 0}, INT64_C(9007199254740993)},
        {{INT64_C(9007199254740992), 1, 2, 4}, INT64_C(9007199254740999)},
        {{INT64_MAX - 3, 1, 1, 1}, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CounterCell cell;
        memset(&cell, 0, sizeof cell);
        for (size_t k = 0; k < 4; k++)
            counter_cell_add_integer(&cell, cases[i].add[k]);
        expect_integer(cases[i].expected, value_of(&cell, 1));
    }
}

/* Beyond int64 the value is a double; once back, no unit is missing. */
static void test_beyond_int64_and_back(void **state)
{
    (void)state;
    CounterCell cell;
    memset(&cell, 0, sizeof cell);
    counter_cell_add_integer(&cell, INT64_MAX);
    counter_cell_add_integer(&cell, 1);
    expect_double(0x1p63, value_of(&cell, 1));
    counter_cell_add_integer(&cell, -1);
    expect_integer(INT64_MAX, value_of(&cell, 1));
    for (int i = 0; i < 100; i++)
        counter_cell_add_integer(&cell, INT64_MAX);
    expect_double(101 * 0x1p63, value_of(&cell, 1));
    for (int i = 0; i < 201; i++)
        counter_cell_add_integer(&cell, -INT64_MAX);
    expect_double(-100 * 0x1p63, value_of(&cell, 1));
    for (int i = 0; i < 100; i++)
        counter_cell_add_integer(&cell, INT64_MAX);
    expect_integer(0, value_of(&cell, 1));
    counter_cell_add_integer(&cell, INT64_MIN);
    counter_cell_add_integer(&cell, -1);
    expect_double(-0x1p63, value_of(&cell, 1));
    counter_cell_add_double(&cell, 1);
    expect_integer(INT64_MIN, value_of(&cell, 1));
}

static void test_whole_doubles_are_integers(void **state)
{
    (void)state;
    static const struct {
        double value;
        bool is_integer;
    } cases[] = {
        {0, true},          {-0.0, true},         {3, true},          {-1e15, true},
        {0x1p53 + 2, true}, {0x1p62, true},       {-0x1p62, true},    {-0x1p63, true},
        {0x1p63, false},    {1e300, false},       {-1e300, false},    {0x1p126, false},
        {0.5, false},       {-1e-9, false},       {0x1p-1074, false}, {0x1p51 + 0.5, 0},
        {-0x1.8p63, 0},     {0x1p62 - 512, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CounterCell cell;
        memset(&cell, 0, sizeof cell);
        counter_cell_add_double(&cell, cases[i].value);
        if (cases[i].is_integer)
            expect_integer((int64_t)cases[i].value, value_of(&cell, 1));
        else
            expect_double(cases[i].value, value_of(&cell, 1));
        counter_cell_add_double(&cell, -cases[i].value);
        expect_integer(0, value_of(&cell, 1));
    }
}

static void test_fractions_become_whole_again(void **state)
{
    (void)state;
    CounterCell cell;
    memset(&cell, 0, sizeof cell);
    counter_cell_add_double(&cell, -0.5);
    expect_double(-0.5, value_of(&cell, 1));
    counter_cell_add_double(&cell, 0.5);
    expect_integer(0, value_of(&cell, 1));
    counter_cell_add_integer(&cell, INT64_C(1) << 60);
    counter_cell_add_double(&cell, 0.25);
    counter_cell_add_double(&cell, -0.75);
    counter_cell_add_double(&cell, 1.5);
    expect_integer((INT64_C(1) << 60) + 1, value_of(&cell, 1));
    counter_cell_add_integer(&cell, INT64_MAX - (INT64_C(1) << 60) - 1);
    counter_cell_add_double(&cell, -0.5);
    expect_double(0x1p63, value_of(&cell, 1));
    counter_cell_add_double(&cell, -0.5);
    expect_integer(INT64_MAX - 1, value_of(&cell, 1));
}

/* Each addition's rounding is that of a number below 2, however high the counter stands and however
 * large the steps are. */
static void test_ten_million_fractions(void **state)
{
    (void)state;
    static const struct {
        int64_t start;
        double step, expected;
    } cases[] = {
        {0, 0.1, 1e6},
        {0, 1000.1, 10001e6},
        {INT64_C(1) << 50, 0.1, 0x1p50 + 1e6},
        {-2000000, 0.1, -1e6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CounterCell cell;
        memset(&cell, 0, sizeof cell);
        counter_cell_add_integer(&cell, cases[i].start);
        for (int k = 0; k < 10000000; k++)
            counter_cell_add_double(&cell, cases[i].step);
        /* 1000.1 as a double is 2^-44 off at most, and that ten million times. */
        double allowed = cases[i].step > 1 ? 1e-6 : 2e-9;
        double actual = value_of(&cell, 1).value;
        if (!(fabs(actual - cases[i].expected) <= allowed))
            fail_msg("case %zu: expected %.17g, got %.17g", i, cases[i].expected, actual);
    }
}

static void test_the_sum_of_cells(void **state)
{
    (void)state;
    CounterCell cells[4];
    memset(cells, 0, sizeof cells);
    counter_cell_add_integer(&cells[0], INT64_MAX);
    counter_cell_add_integer(&cells[2], INT64_MAX);
    expect_double(0x1p64, value_of(cells, 4));
    counter_cell_add_integer(&cells[3], INT64_MIN);
    expect_integer(INT64_MAX - 1, value_of(cells, 4));
    counter_cell_add_double(&cells[1], 0.5);
    counter_cell_add_double(&cells[3], 0.5);
    expect_integer(INT64_MAX, value_of(cells, 4));
    counter_cell_add_integer(&cells[0], 1);
    expect_double(0x1p63, value_of(cells, 4));
    counter_cell_add_double(&cells[1], -0.5);
    counter_cell_add_double(&cells[1], -0x1p63);
    expect_double(-0.5, value_of(cells, 4));
}

/* Numbers cannot be NaN on the way in, but a sum may overflow; it must not turn into an integer. */
static void test_overflow_of_the_double(void **state)
{
    (void)state;
    CounterCell cell;
    memset(&cell, 0, sizeof cell);
    counter_cell_add_double(&cell, 1.7e308);
    counter_cell_add_double(&cell, 1.7e308);
    expect_double((double)INFINITY, value_of(&cell, 1));
    counter_cell_add_integer(&cell, 5);
    counter_cell_add_double(&cell, -1.7e308);
    expect_double((double)INFINITY, value_of(&cell, 1));
}

static void test_a_half_written_copy_is_invisible(void **state)
{
    (void)state;
    for (int additions = 1; additions <= 4; additions++) {
        CounterCell cell;
        memset(&cell, 0, sizeof cell);
        for (int i = 0; i < additions; i++)
            counter_cell_add_integer(&cell, 10);
        /* relaxed: one thread. */
        uint64_t seq = atomic_load_explicit(&cell.seq, memory_order_relaxed);
        memset(&cell.copy[(seq + 1) & 1], 0xa5, sizeof cell.copy[0]);
        expect_integer(INT64_C(10) * additions, value_of(&cell, 1));
        counter_cell_add_double(&cell, 10);
        expect_integer(INT64_C(10) * additions + 10, value_of(&cell, 1));
    }
}

/* Whole numbers of all magnitudes against 128-bit sums, spread over three cells. */
static void test_random_additions_against_wide_sums(void **state)
{
    (void)state;
    uint64_t rng = seed;
    CounterCell cells[3];
    memset(cells, 0, sizeof cells);
    Wide expected = 0;
    int outside = 0;
    for (int i = 0; i < 300000; i++) {
        rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
        int64_t delta = (int64_t)rng >> (rng % 5 == 0 ? 0 : 1 + (rng >> 8) % 60);
        /* Leans back towards 0, so that the range is left and entered again and again. */
        if ((expected > 0) == (delta > 0) && rng % 3 == 0 && delta != INT64_MIN)
            delta = -delta;
        expected += delta;
        CounterCell *cell = &cells[(rng >> 20) % 3];
        if (rng % 7 == 0 && llabs(delta) < INT64_C(1) << 53)
            counter_cell_add_double(cell, (double)delta);
        else
            counter_cell_add_integer(cell, delta);
        if (expected >= INT64_MIN && expected <= INT64_MAX)
            expect_integer((int64_t)expected, value_of(cells, 3));
        else
            outside++, expect_double((double)expected, value_of(cells, 3));
    }
    print_message("# outside of int64: %d of 300000\n", outside);
    assert_in_range(outside, 1000, 299000);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0) | 1;
    print_message("# seed %llu (first argument)\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_memory_adds_nothing),
        cmocka_unit_test(test_integers_are_exact_over_the_whole_range),
        cmocka_unit_test(test_beyond_int64_and_back),
        cmocka_unit_test(test_whole_doubles_are_integers),
        cmocka_unit_test(test_fractions_become_whole_again),
        cmocka_unit_test(test_ten_million_fractions),
        cmocka_unit_test(test_the_sum_of_cells),
        cmocka_unit_test(test_overflow_of_the_double),
        cmocka_unit_test(test_a_half_written_copy_is_invisible),
        cmocka_unit_test(test_random_additions_against_wide_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
