#include "base/clock.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void expect_utc(int64_t ns, const char *expected)
{
    char out[CLOCK_TEXT_SIZE];
    memset(out, 'X', sizeof out);
    assert_ptr_equal(clock_format_utc(ns, out), out);
    assert_string_equal(expected, out);
}

static void test_format(void **state)
{
    (void)state;
    expect_utc(0, "1970-01-01T00:00:00.000Z");
    expect_utc(1769860800000000000, "2026-01-31T12:00:00.000Z");
    expect_utc(1709210096123999999, "2024-02-29T12:34:56.123Z");
    expect_utc(951782399999999999, "2000-02-28T23:59:59.999Z");
    expect_utc(951782400000000000, "2000-02-29T00:00:00.000Z");
    expect_utc(4107542400000000000, "2100-03-01T00:00:00.000Z");
    expect_utc(4107542399999999999, "2100-02-28T23:59:59.999Z");
    expect_utc(-1, "1969-12-31T23:59:59.999Z");
    expect_utc(-86400000000000, "1969-12-31T00:00:00.000Z");
    expect_utc(-86400000000001, "1969-12-30T23:59:59.999Z");
    expect_utc(INT64_MAX, "2262-04-11T23:47:16.854Z");
    expect_utc(INT64_MIN, "1677-09-21T00:12:43.145Z");
}

/* Every day that int64_t reaches, at an odd time, against the C library. */
static void test_every_day(void **state)
{
    (void)state;
    for (int64_t day = -106751; day <= 106750; day++) {
        time_t seconds = (time_t)(day * 86400 + (day * 7919 % 86400 + 86400) % 86400);
        struct tm tm;
        char expected[CLOCK_TEXT_SIZE];
        char got[CLOCK_TEXT_SIZE];
        assert_non_null(gmtime_r(&seconds, &tm));
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.987Z", &tm);
        clock_format_utc((int64_t)seconds * 1000000000 + 987654321, got);
        if (strcmp(expected, got) != 0)
            fail_msg("day %" PRId64 ": expected %s, got %s", day, expected, got);
    }
}

static void test_clocks(void **state)
{
    (void)state;
    int64_t before = clock_monotonic_ns();
    for (int i = 0; i < 100000; i++) {
        int64_t now = clock_monotonic_ns();
        if (now < before)
            fail_msg("expected no time before %" PRId64 ", got %" PRId64, before, now);
        before = now;
    }
    assert_true(before > 0);
    int64_t seconds = (int64_t)time(NULL); /* may lag behind by a tick */
    int64_t got = clock_realtime_ns() / 1000000000;
    assert_in_range(got - seconds, 0, 60);
}

static void test_sleep(void **state)
{
    (void)state;
    static const int64_t ns[] = {0, 1, 1000, 2000000, 1000000001};
    for (size_t i = 0; i < sizeof ns / sizeof *ns; i++) {
        int64_t before = clock_monotonic_ns();
        clock_sleep_ns(ns[i]);
        int64_t slept = clock_monotonic_ns() - before;
        if (slept < ns[i])
            fail_msg("expected to sleep %" PRId64 " ns at least, got %" PRId64, ns[i], slept);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_every_day),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
