/* Summaries of an AtomicStats, taken and compared. Include it after <cmocka.h>. */
#ifndef TESTS_UNIT_FIXTURE_STATS_H
#define TESTS_UNIT_FIXTURE_STATS_H

#include <math.h>
#include <stdbool.h>

#include <atomicstats/stats.h>

static inline void expect_double(const char *what, double expected, double actual)
{
    bool same = isnan(expected) ? isnan(actual) : expected == actual;
    if (!same)
        fail_msg("%s: expected %.17g (%a), got %.17g (%a)", what, expected, expected, actual,
                 actual);
}

/* Into poison, so that a figure that was not filled in shows. */
static inline AtomicStatsSummary summary_of(const AtomicStats *s)
{
    AtomicStatsSummary out = {-77, -77, -77, -77, -77, -77};
    astats_summary(s, &out);
    return out;
}

#endif
