#include "metrics/progress_cell.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture_progress.h"

#define SECOND INT64_C(1000000000)
#define START (INT64_C(1700000000) * SECOND)
#define UNKNOWN ((double)NAN)

typedef struct {
    int64_t done, total;
    double fraction, rate_per_s, eta_s;
    int64_t started_s, updated_s; /* after START */
} Expected;

static void expect_number(const char *what, double expected, double actual)
{
    if (isnan(expected) ? !isnan(actual) : !(actual == expected))
        fail_msg("%s: expected %.17g, got %.17g", what, expected, actual);
}

static void expect_whole(const char *what, int64_t expected, int64_t actual)
{
    if (expected != actual)
        fail_msg("%s: expected %" PRId64 ", got %" PRId64, what, expected, actual);
}

static void expect(const ProgressCell *cell, Expected expected)
{
    ProgressValue actual;
    memset(&actual, 0xa5, sizeof actual);
    assert_true(progress_cell_read(cell, &actual));
    expect_whole("done", expected.done, actual.done);
    expect_whole("total", expected.total, actual.total);
    expect_number("fraction", expected.fraction, actual.fraction);
    expect_number("rate_per_s", expected.rate_per_s, actual.rate_per_s);
    expect_number("eta_s", expected.eta_s, actual.eta_s);
    expect_whole("started_ns", START + expected.started_s * SECOND, actual.started_ns);
    expect_whole("updated_ns", START + expected.updated_s * SECOND, actual.updated_ns);
}

static int64_t at(int64_t seconds)
{
    return START + seconds * SECOND;
}

static void test_zeroed_memory_is_unknown(void **state)
{
    (void)state;
    ProgressCell cell;
    memset(&cell, 0, sizeof cell);
    ProgressValue value;
    memset(&value, 0xa5, sizeof value);
    ProgressValue before = value;
    assert_false(progress_cell_read(&cell, &value));
    assert_memory_equal(&before, &value, sizeof value);
}

static void test_done_alone(void **state)
{
    (void)state;
    ProgressCell cell;
    memset(&cell, 0, sizeof cell);
    progress_set_done(&cell, 100, at(0));
    expect(&cell, (Expected){100, 0, UNKNOWN, UNKNOWN, UNKNOWN, 0, 0});
    progress_set_done(&cell, 150, at(4));
    expect(&cell, (Expected){150, 0, UNKNOWN, 12.5, UNKNOWN, 0, 4});
    progress_set_done(&cell, 150, at(5));
    expect(&cell, (Expected){150, 0, UNKNOWN, 10, UNKNOWN, 0, 5});
}

static void test_total_alone(void **state)
{
    (void)state;
    ProgressCell cell;
    memset(&cell, 0, sizeof cell);
    progress_set_total(&cell, 1000, at(0));
    expect(&cell, (Expected){0, 1000, 0, UNKNOWN, UNKNOWN, 0, 0});
    progress_set_done(&cell, 250, at(20));
    expect(&cell, (Expected){250, 1000, 0.25, 12.5, 60, 0, 20});
}

static void test_total_after_done(void **state)
{
    (void)state;
    ProgressCell cell;
    memset(&cell, 0, sizeof cell);
    progress_set_done(&cell, 10, at(0));
    progress_set_done(&cell, 30, at(10));
    progress_set_total(&cell, 50, at(20));
    expect(&cell, (Expected){30, 50, 0.6, 1, 20, 0, 20});
    progress_set_total(&cell, 0, at(20));
    expect(&cell, (Expected){30, 0, UNKNOWN, 1, UNKNOWN, 0, 20});
}

/* done first, then total, at one time: what was done before the first sight is not in the rate. */
static void test_both_at_once(void **state)
{
    (void)state;
    ProgressCell cell;
    memset(&cell, 0, sizeof cell);
    progress_set_done(&cell, 500, at(0));
    progress_set_total(&cell, 1000, at(0));
    expect(&cell, (Expected){500, 1000, 0.5, UNKNOWN, UNKNOWN, 0, 0});
    progress_set_done(&cell, 600, at(10));
    progress_set_total(&cell, 1000, at(10));
    expect(&cell, (Expected){600, 1000, 0.6, 10, 40, 0, 10});
}

static void test_increments(void **state)
{
    (void)state;
    ProgressCell cell;
    memset(&cell, 0, sizeof cell);
    progress_add_done(&cell, 5, at(0));
    expect(&cell, (Expected){5, 0, UNKNOWN, UNKNOWN, UNKNOWN, 0, 0});
    progress_add_done(&cell, 0, at(1));
    expect(&cell, (Expected){5, 0, UNKNOWN, UNKNOWN, UNKNOWN, 0, 1});
    progress_add_done(&cell, 8, at(2));
    progress_set_total(&cell, 21, at(2));
    expect(&cell, (Expected){13, 21, 13.0 / 21, 4, 2, 0, 2});
}

static void test_a_lower_done_begins_a_new_run(void **state)
{
    (void)state;
    ProgressCell cell;
    memset(&cell, 0, sizeof cell);
    progress_set_total(&cell, 100, at(0));
    progress_set_done(&cell, 90, at(9));
    expect(&cell, (Expected){90, 100, 0.9, 10, 1, 0, 9});
    progress_set_done(&cell, 20, at(50));
    expect(&cell, (Expected){20, 100, 0.2, UNKNOWN, UNKNOWN, 50, 50});
    progress_set_done(&cell, 30, at(55));
    expect(&cell, (Expected){30, 100, 0.3, 2, 35, 50, 55});
    progress_set_done(&cell, 0, at(60));
    expect(&cell, (Expected){0, 100, 0, UNKNOWN, UNKNOWN, 60, 60});
    /* The same as before is no restart. */
    progress_set_done(&cell, 0, at(70));
    expect(&cell, (Expected){0, 100, 0, UNKNOWN, UNKNOWN, 60, 70});
}

static void test_at_the_end_and_past_it(void **state)
{
    (void)state;
    ProgressCell cell;
    memset(&cell, 0, sizeof cell);
    progress_set_total(&cell, 100, at(0));
    progress_set_done(&cell, 100, at(10));
    expect(&cell, (Expected){100, 100, 1, 10, 0, 0, 10});
    progress_add_done(&cell, 100, at(20));
    expect(&cell, (Expected){200, 100, 2, 10, 0, 0, 20});
}

/* The clock is the wall's: it may be set back. */
static void test_a_clock_that_goes_back(void **state)
{
    (void)state;
    ProgressCell cell;
    memset(&cell, 0, sizeof cell);
    progress_set_done(&cell, 0, at(100));
    progress_set_done(&cell, 50, at(40));
    expect(&cell, (Expected){50, 0, UNKNOWN, UNKNOWN, UNKNOWN, 100, 40});
    progress_set_done(&cell, 50, at(110));
    expect(&cell, (Expected){50, 0, UNKNOWN, 5, UNKNOWN, 100, 110});
}

static void test_increments_stay_at_the_top(void **state)
{
    (void)state;
    static const struct {
        int64_t before, more, expected;
    } cases[] = {
        {INT64_MAX, 0, INT64_MAX},         {INT64_MAX, 1, INT64_MAX},
        {INT64_MAX, INT64_MAX, INT64_MAX}, {INT64_MAX - 5, 5, INT64_MAX},
        {INT64_MAX - 5, 6, INT64_MAX},     {1, INT64_MAX, INT64_MAX},
        {2, INT64_MAX - 1, INT64_MAX},     {1, INT64_MAX - 2, INT64_MAX - 1},
        {0, INT64_MAX, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ProgressCell cell;
        memset(&cell, 0, sizeof cell);
        progress_set_done(&cell, cases[i].before, at(0));
        progress_add_done(&cell, cases[i].more, at(1));
        ProgressValue value;
        memset(&value, 0xa5, sizeof value);
        assert_true(progress_cell_read(&cell, &value));
        expect_whole("done", cases[i].expected, value.done);
        assert_false(value.rate_per_s < 0);
    }
}

static void test_the_largest_numbers(void **state)
{
    (void)state;
    ProgressCell cell;
    memset(&cell, 0, sizeof cell);
    progress_set_total(&cell, INT64_MAX, at(0));
    progress_set_done(&cell, INT64_MAX, at(1));
    expect(&cell, (Expected){INT64_MAX, INT64_MAX, 1, 0x1p63, 0, 0, 1});
    progress_add_done(&cell, INT64_MAX, at(2));
    expect(&cell, (Expected){INT64_MAX, INT64_MAX, 1, 0x1p62, 0, 0, 2});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_memory_is_unknown),
        cmocka_unit_test(test_done_alone),
        cmocka_unit_test(test_total_alone),
        cmocka_unit_test(test_total_after_done),
        cmocka_unit_test(test_both_at_once),
        cmocka_unit_test(test_increments),
        cmocka_unit_test(test_a_lower_done_begins_a_new_run),
        cmocka_unit_test(test_at_the_end_and_past_it),
        cmocka_unit_test(test_a_clock_that_goes_back),
        cmocka_unit_test(test_increments_stay_at_the_top),
        cmocka_unit_test(test_the_largest_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
