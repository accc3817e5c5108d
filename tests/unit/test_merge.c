#include <atomicstats/merge.h>

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    CELLS_MAX = 40
};

static uint64_t seed = 20260131;

static void expect_double(const char *what, double expected, double actual)
{
    bool same = isnan(expected) ? isnan(actual) : expected == actual;
    if (!same)
        fail_msg("%s: expected %.17g (%a), got %.17g (%a)", what, expected, expected, actual,
                 actual);
}

static void expect_summary(AtomicStatsSummary expected, AtomicStatsSummary actual)
{
    expect_double("count", expected.count, actual.count);
    expect_double("sum", expected.sum, actual.sum);
    expect_double("mean", expected.mean, actual.mean);
    expect_double("min", expected.min, actual.min);
    expect_double("max", expected.max, actual.max);
    expect_double("stddev", expected.stddev, actual.stddev);
}

static void add_cell(AstatsMerge *merge, const AstatsCell *cell)
{
    AstatsCellState state;
    double shift;
    if (astats_cell_snapshot(cell, &state, &shift) != 0)
        astats_merge_add(merge, &state, shift);
}

/* values[i] goes to cell i % cells. */
static AtomicStatsSummary summary_over(int cells, const double *values, size_t n)
{
    static AstatsCell cell[CELLS_MAX];
    memset(cell, 0, sizeof cell);
    for (size_t i = 0; i < n; i++)
        astats_cell_record(&cell[i % (size_t)cells], values[i], 1);
    AstatsMerge merge;
    astats_merge_init(&merge);
    for (int c = 0; c < cells; c++)
        add_cell(&merge, &cell[c]);
    return astats_merge_summary(&merge);
}

static void test_nothing(void **state)
{
    (void)state;
    const double nan = (double)NAN;
    AstatsMerge merge;
    memset(&merge, 0xa5, sizeof merge);
    astats_merge_init(&merge);
    expect_summary((AtomicStatsSummary){0, 0, nan, nan, nan, nan}, astats_merge_summary(&merge));
}

/* However the values are spread over cells, the figures are the same to the bit. */
static void test_small_sets_over_any_number_of_cells(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        double values[4];
        AtomicStatsSummary expected;
    } table[] = {
        {1, {-0.0}, {1, 0, 0, -0.0, -0.0, 0}},
        {1, {42}, {1, 42, 42, 42, 42, 0}},
        {2, {-1, 1}, {2, 0, 0, -1, 1, 1}},
        {2, {1, 4}, {2, 5, 2.5, 1, 4, 1.5}},
        {3, {10, 20, 30}, {3, 60, 20, 10, 30, 8.16496580927726}},
        {4, {-8, -8, 8, 8}, {4, 0, 0, -8, 8, 8}},
        {4, {7, 7, 7, 7}, {4, 28, 7, 7, 7, 0}},
        {3, {0.1, 0.1, 0.1}, {3, 0.1 + 0.1 + 0.1, 0.1, 0.1, 0.1, 0}},
        {2,
         {DBL_TRUE_MIN, DBL_TRUE_MIN},
         {2, 2 * DBL_TRUE_MIN, DBL_TRUE_MIN, DBL_TRUE_MIN, DBL_TRUE_MIN, 0}},
        {3, {0x1p60, 1, -0x1p60}, {3, 1, 1.0 / 3, -0x1p60, 0x1p60, 0}},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (int cells = 1; cells <= 4; cells++) {
            AtomicStatsSummary actual = summary_over(cells, table[i].values, table[i].n);
            AtomicStatsSummary expected = table[i].expected;
            if (expected.max == 0x1p60)
                expected.stddev = actual.stddev; /* no double has its bits; below, by oracle */
            expect_summary(expected, actual);
        }
    }
}

static double random_unit(uint64_t *rng)
{
    *rng ^= *rng << 13, *rng ^= *rng >> 7, *rng ^= *rng << 17;
    return (double)(*rng >> 11) * 0x1p-53;
}

/* => |actual - expected| in units of expected's last place. */
static double ulps(long double expected, double actual)
{
    double e = (double)expected;
    double ulp = nextafter(fabs(e), (double)INFINITY) - fabs(e);
    return (double)fabsl((long double)actual - expected) / ulp;
}

static void expect_close(const char *what, long double expected, double actual, double limit)
{
    double apart = ulps(expected, actual);
    if (!(apart <= limit))
        fail_msg("%s: expected %.21Lg, got %.17g: %.1f ulp, at most %.1f", what, expected, actual,
                 apart, limit);
}

/* In two passes, first the mean, then the distances from it, less what rounding the mean adds. */
static void expect_oracle(const double *values, size_t n, AtomicStatsSummary actual, double limit)
{
    long double sum = 0, distances = 0, squares = 0, many = (long double)n;
    double min = values[0], max = values[0];
    for (size_t i = 0; i < n; i++) {
        sum += (long double)values[i];
        min = fmin(min, values[i]);
        max = fmax(max, values[i]);
    }
    for (size_t i = 0; i < n; i++) {
        long double distance = (long double)values[i] - sum / many;
        distances += distance;
        squares += distance * distance;
    }
    expect_double("count", (double)n, actual.count);
    expect_double("min", min, actual.min);
    expect_double("max", max, actual.max);
    expect_close("sum", sum, actual.sum, 1);
    expect_close("mean", sum / many, actual.mean, 2);
    long double stddev = sqrtl((squares - distances * distances / many) / many);
    double apart = (double)(fabsl((long double)actual.stddev - stddev) / stddev);
    if (!(apart <= limit))
        fail_msg("stddev: expected %.18Lg, got %.17g: %.2g of it, at most %.2g", stddev,
                 actual.stddev, apart, limit);
}

/* Offsets far larger than the spread are what a plain sum of squares fails at. */
static void test_random_sets_against_the_oracle(void **state)
{
    (void)state;
    enum {
        N = 20000
    };
    static double values[N];
    /* A cell's mean is rounded to a double when it is merged, so the limit grows with
     * offset / spread. Within one cell it does not. */
    static const struct {
        double offset, spread, limit;
    } table[] = {
        {0, 1, 1e-13},   {-0.5, 1, 1e-13},    {1000, 1, 1e-12},
        {1e9, 1, 1e-12}, {-1e15, 100, 1e-12}, {1, 1e12, 1e-13},
    };
    uint64_t rng = seed;
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        for (int cells = 1; cells <= CELLS_MAX; cells += 13) {
            for (int i = 0; i < N; i++)
                values[i] = table[k].offset + table[k].spread * random_unit(&rng);
            expect_oracle(values, N, summary_over(cells, values, N),
                          cells == 1 ? 1e-12 : table[k].limit);
        }
    }
}

/* Each cell has a shift of its own, a million times the spread away from the next. */
static void test_cells_far_apart(void **state)
{
    (void)state;
    enum {
        N = 4000
    };
    static double values[N];
    uint64_t rng = seed;
    for (int cells = 2; cells <= CELLS_MAX; cells++) {
        for (int i = 0; i < N; i++)
            values[i] = (i % cells) * 1e6 + random_unit(&rng);
        expect_oracle(values, N, summary_over(cells, values, N), 1e-12);
    }
    static const double one_falls_off[] = {0x1p60, 1, -0x1p60};
    for (int cells = 1; cells <= 3; cells++)
        expect_oracle(one_falls_off, 3, summary_over(cells, one_falls_off, 3), 1e-15);
}

/* A cell with much weight and one with little: the mean is the weighted one. */
static void test_unequal_weights(void **state)
{
    (void)state;
    AstatsCell cell[2];
    memset(cell, 0, sizeof cell);
    astats_cell_record(&cell[0], 1, 30);
    astats_cell_record(&cell[1], 5, 10);
    AstatsMerge merge;
    astats_merge_init(&merge);
    add_cell(&merge, &cell[0]);
    add_cell(&merge, &cell[1]);
    /* Distances -1 and 3 from 2: (30 * 1 + 10 * 9) / 40 = 3. */
    expect_summary((AtomicStatsSummary){40, 80, 2, 1, 5, sqrt(3)}, astats_merge_summary(&merge));
}

/* The mean of equal values must not leave them, nor the variance 0, by a rounding. */
static void test_equal_values(void **state)
{
    (void)state;
    enum {
        N = 1000
    };
    static double values[N];
    static const double constants[] = {0.1, -0.1, 1.0 / 3, 1e300, 7, 1e-310};
    for (size_t k = 0; k < sizeof constants / sizeof *constants; k++) {
        double c = constants[k];
        for (int i = 0; i < N; i++)
            values[i] = c;
        for (int cells = 1; cells <= CELLS_MAX; cells += 13) {
            for (size_t n = 1; n <= N; n += 37) {
                AtomicStatsSummary actual = summary_over(cells, values, n);
                long double sum = (long double)c * (long double)n;
                expect_close("sum", sum, actual.sum, 1);
                expect_summary((AtomicStatsSummary){(double)n, actual.sum, c, c, c, 0}, actual);
            }
        }
    }
}

static void test_overflow_of_the_sum(void **state)
{
    (void)state;
    const double values[] = {DBL_MAX, DBL_MAX, DBL_MAX, 1};
    for (int cells = 1; cells <= 4; cells++) {
        AtomicStatsSummary actual = summary_over(cells, values, 4);
        expect_double("count", 4, actual.count);
        expect_double("sum", (double)INFINITY, actual.sum);
        expect_double("mean", (double)INFINITY, actual.mean);
        expect_double("min", 1, actual.min);
        expect_double("max", DBL_MAX, actual.max);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0) | 1;
    print_message("# seed %llu (first argument)\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_small_sets_over_any_number_of_cells),
        cmocka_unit_test(test_random_sets_against_the_oracle),
        cmocka_unit_test(test_cells_far_apart),
        cmocka_unit_test(test_unequal_weights),
        cmocka_unit_test(test_equal_values),
        cmocka_unit_test(test_overflow_of_the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
