#include <atomicstats/stats.h>

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture_stats.h"

static void expect_summary(AtomicStatsSummary expected, const AtomicStats *s)
{
    AtomicStatsSummary actual = summary_of(s);
    expect_double("count", expected.count, actual.count);
    expect_double("sum", expected.sum, actual.sum);
    expect_double("mean", expected.mean, actual.mean);
    expect_double("min", expected.min, actual.min);
    expect_double("max", expected.max, actual.max);
    expect_double("stddev", expected.stddev, actual.stddev);
}

static const AtomicStatsSummary nothing = {0,           0,           (double)NAN,
                                           (double)NAN, (double)NAN, (double)NAN};

static AtomicStats *create(void)
{
    AtomicStats *s = astats_create();
    if (s == NULL)
        abort();
    return s;
}

static void test_nothing_recorded(void **state)
{
    (void)state;
    AtomicStats *s = create();
    expect_summary(nothing, s);
    expect_summary(nothing, s); /* reading changes nothing */
    astats_destroy(s);
    astats_destroy(NULL);
}

static void test_summary_is_six_doubles_in_order(void **state)
{
    (void)state;
    AtomicStats *s = create();
    const double expected[6] = {3, 60, 20, 10, 30, sqrt(200.0 / 3)};
    double actual[6];
    assert_int_equal(sizeof actual, sizeof(AtomicStatsSummary));
    for (int i = 1; i <= 3; i++)
        astats_record(s, 10 * i);
    AtomicStatsSummary summary = summary_of(s);
    memcpy(actual, &summary, sizeof actual);
    assert_memory_equal(expected, actual, sizeof actual);
    expect_double("stddev", 8.16496580927726, actual[5]);
    astats_destroy(s);
}

static void test_what_is_not_recorded(void **state)
{
    (void)state;
    const double nan = (double)NAN, inf = (double)INFINITY;
    const double bad_values[] = {nan, -nan, inf, -inf};
    const double bad_weights[] = {0, -0.0, -1, -DBL_TRUE_MIN, -inf, inf, nan};
    AtomicStats *s = create();
    for (int recorded = 0; recorded <= 1; recorded++) {
        for (size_t i = 0; i < sizeof bad_values / sizeof *bad_values; i++) {
            astats_record(s, bad_values[i]);
            astats_record_weighted(s, bad_values[i], 2);
        }
        for (size_t i = 0; i < sizeof bad_weights / sizeof *bad_weights; i++)
            astats_record_weighted(s, 1, bad_weights[i]);
        if (recorded) {
            expect_summary((AtomicStatsSummary){1, 5, 5, 5, 5, 0}, s);
        } else {
            expect_summary(nothing, s);
            astats_record(s, 5);
        }
    }
    astats_destroy(s);
}

static void test_weights(void **state)
{
    (void)state;
    AtomicStats *s = create();
    astats_record_weighted(s, 3, 1 / 0.1); /* one of ten was sent */
    expect_summary((AtomicStatsSummary){10, 30, 3, 3, 3, 0}, s);
    astats_record_weighted(s, 1, 30);
    expect_summary((AtomicStatsSummary){40, 60, 1.5, 1, 3, sqrt(0.75)}, s);
    astats_record_weighted(s, 1.5, DBL_TRUE_MIN); /* almost none, and still the others' figures */
    expect_summary((AtomicStatsSummary){40, 60, 1.5, 1, 3, sqrt(0.75)}, s);
    astats_destroy(s);
}

static void test_extreme_values(void **state)
{
    (void)state;
    const double inf = (double)INFINITY, tiny = DBL_TRUE_MIN;
    static const struct {
        double values[3];
        double sum, mean, min, max;
    } table[] = {
        {{DBL_MAX, DBL_MAX, DBL_MAX}, (double)INFINITY, (double)INFINITY, DBL_MAX, DBL_MAX},
        {{-DBL_MAX, -DBL_MAX, 1}, -(double)INFINITY, -(double)INFINITY, -DBL_MAX, 1},
        {{DBL_MAX, 0, -DBL_MAX}, 0, 0, -DBL_MAX, DBL_MAX},
        {{1e200, 0, -1e200}, 0, 0, -1e200, 1e200}, /* its squares overflow */
        {{DBL_TRUE_MIN, DBL_TRUE_MIN, -DBL_TRUE_MIN}, DBL_TRUE_MIN, 0, -DBL_TRUE_MIN, DBL_TRUE_MIN},
        {{-0.0, 0, -0.0}, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        AtomicStats *s = create();
        for (int k = 0; k < 3; k++)
            astats_record(s, table[i].values[k]);
        AtomicStatsSummary actual = summary_of(s);
        expect_double("count", 3, actual.count);
        expect_double("sum", table[i].sum, actual.sum);
        expect_double("mean", table[i].mean, actual.mean);
        expect_double("min", table[i].min, actual.min);
        expect_double("max", table[i].max, actual.max);
        astats_destroy(s);
    }
    AtomicStats *s = create();
    astats_record_weighted(s, tiny, tiny); /* the product is 0, the mean must be a value */
    expect_summary((AtomicStatsSummary){tiny, 0, tiny, tiny, tiny, 0}, s);
    astats_record_weighted(s, DBL_MAX, DBL_MAX); /* the product is infinite */
    AtomicStatsSummary actual = summary_of(s);
    expect_double("sum", inf, actual.sum);
    expect_double("max", DBL_MAX, actual.max);
    astats_destroy(s);
}

static void expect_near(const char *what, double expected, double actual, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance))
        fail_msg("%s: expected %.17g +- %g, got %.17g", what, expected, tolerance, actual);
}

static void test_ten_million_tenths(void **state)
{
    (void)state;
    AtomicStats *s = create();
    for (int i = 0; i < 10000000; i++)
        astats_record(s, 0.1);
    AtomicStatsSummary actual = summary_of(s);
    expect_near("sum", 1000000, actual.sum, 2 * 0x1p-33); /* ulps */
    expect_summary((AtomicStatsSummary){1e7, actual.sum, 0.1, 0.1, 0.1, 0}, s);
    astats_destroy(s);
}

static void test_small_spread_far_from_zero(void **state)
{
    (void)state;
    AtomicStats *s = create();
    for (int i = 0; i < 1000000; i++)
        astats_record(s, 1e9 + (i & 1));
    expect_summary((AtomicStatsSummary){1e6, 1e15 + 5e5, 1e9 + 0.5, 1e9, 1e9 + 1, 0.5}, s);
    astats_destroy(s);
}

/* The first value is what squares are measured from, so this is the worst that can come first: each
 * distance is the same large number, and each addition of its square rounds the same way. */
static void test_first_value_far_from_the_others(void **state)
{
    (void)state;
    enum {
        N = 100000,
        HALF = N / 2
    };
    AtomicStats *s = create();
    astats_record(s, 0);
    for (int i = 1; i < N; i++)
        astats_record(s, 1e9 + (i & 1 ? 0.5 : -0.5));
    /* n - 1 values around 1e9, half a unit off, one more above than below; and a zero. */
    long double sum = (N - 1) * 1e9L + 0.5L, mean = sum / N;
    long double above = 1e9L + 0.5L - mean, below = 1e9L - 0.5L - mean;
    long double squares = mean * mean + HALF * above * above + (HALF - 1) * below * below;
    double stddev = (double)sqrtl(squares / N);
    AtomicStatsSummary actual = summary_of(s);
    expect_near("stddev", stddev, actual.stddev, 1e-7 * stddev);
    expect_summary((AtomicStatsSummary){N, (double)sum, (double)mean, 0, 1e9 + 0.5, actual.stddev},
                   s);
    astats_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_recorded),
        cmocka_unit_test(test_summary_is_six_doubles_in_order),
        cmocka_unit_test(test_what_is_not_recorded),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_extreme_values),
        cmocka_unit_test(test_ten_million_tenths),
        cmocka_unit_test(test_small_spread_far_from_zero),
        cmocka_unit_test(test_first_value_far_from_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
