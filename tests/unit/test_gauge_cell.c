#include "metrics/gauge_cell.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* -0 is not 0 here. */
static void expect(double expected, const GaugeCell *cell)
{
    double actual = gauge_cell_get(cell);
    if (!(expected == actual) || signbit(expected) != signbit(actual))
        fail_msg("expected %.17g, got %.17g", expected, actual);
}

static void test_a_fresh_gauge_is_not_set(void **state)
{
    (void)state;
    GaugeCell cell;
    memset(&cell, 0, sizeof cell);
    assert_true(isnan(gauge_cell_get(&cell)));
}

static void test_the_last_value_wins(void **state)
{
    (void)state;
    static const double values[] = {1, -1, 0, -0.0, 0.1, DBL_MAX, -DBL_MAX, DBL_TRUE_MIN, 42};
    GaugeCell cell = {0};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        gauge_cell_set(&cell, values[i], NULL);
        expect(values[i], &cell);
    }
}

static void test_a_change_of_an_unset_gauge_counts_from_0(void **state)
{
    (void)state;
    static const double values[] = {5, -5, 0, 0.1, DBL_MAX};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        GaugeCell cell = {0};
        gauge_cell_add(&cell, values[i], NULL);
        expect(values[i], &cell);
    }
}

static void test_changes_add_up(void **state)
{
    (void)state;
    GaugeCell cell = {0};
    gauge_cell_set(&cell, 10, NULL);
    gauge_cell_add(&cell, 2.5, NULL);
    expect(12.5, &cell);
    gauge_cell_add(&cell, -20, NULL);
    expect(-7.5, &cell);
    gauge_cell_add(&cell, 0, NULL);
    expect(-7.5, &cell);
    gauge_cell_set(&cell, 1, NULL);
    expect(1, &cell);
}

/* A gauge may overflow; a NaN would make it look as if it had never been set. */
static void test_never_becomes_nan(void **state)
{
    (void)state;
    GaugeCell cell = {0};
    gauge_cell_set(&cell, DBL_MAX, NULL);
    gauge_cell_add(&cell, DBL_MAX, NULL);
    expect((double)INFINITY, &cell);
    gauge_cell_add(&cell, -DBL_MAX, NULL);
    gauge_cell_add(&cell, -DBL_MAX, NULL);
    gauge_cell_add(&cell, -DBL_MAX, NULL);
    expect((double)INFINITY, &cell);
    gauge_cell_set(&cell, -DBL_MAX, NULL);
    gauge_cell_add(&cell, -DBL_MAX, NULL);
    gauge_cell_add(&cell, DBL_MAX, NULL);
    expect(-(double)INFINITY, &cell);
    gauge_cell_set(&cell, 0, NULL);
    expect(0, &cell);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fresh_gauge_is_not_set),
        cmocka_unit_test(test_the_last_value_wins),
        cmocka_unit_test(test_a_change_of_an_unset_gauge_counts_from_0),
        cmocka_unit_test(test_changes_add_up),
        cmocka_unit_test(test_never_becomes_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
