#include "metrics/series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The names and their order are what /stats promises. */
static void test_sections_in_their_order(void **state)
{
    (void)state;
    static const char *const expected[] = {"stats", "counters", "gauges",
                                           "sets",  "flags",    "progress"};
    assert_int_equal(sizeof expected / sizeof *expected, SERIES_KINDS);
    for (int kind = 0; kind < SERIES_KINDS; kind++)
        assert_string_equal(expected[kind], series_kind_section((SeriesKind)kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
