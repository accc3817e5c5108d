#include "cli/metric.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static Metric made(const char *type, const char *rate, const char *tags)
{
    Metric metric;
    MetricError error = {"no message"};
    if (metric_init(&metric, "a", type, rate, tags, &error) != 0)
        fail_msg("%s", error.message);
    return metric;
}

static void assert_refused(const char *expected, const char *name, const char *type,
                           const char *rate, const char *tags)
{
    Metric metric;
    memset(&metric, 0x5A, sizeof metric);
    Metric untouched = metric;
    MetricError error = {"no message"};
    assert_int_equal(-EINVAL, metric_init(&metric, name, type, rate, tags, &error));
    assert_string_equal(expected, error.message);
    assert_memory_equal(&untouched, &metric, sizeof metric);
}

static void test_head_and_tail_are_what_stands_around_the_value(void **state)
{
    (void)state;
    Metric metric = made("ms", NULL, NULL);
    assert_string_equal("a:", metric.head);
    assert_string_equal("|ms", metric.tail);
    assert_true(metric.packs);
    metric = made("c", "0.500", "env:prod,b");
    assert_string_equal("|c|@0.5|#env:prod,b", metric.tail);
    assert_int_equal(strlen(metric.tail), metric.tail_length);
    metric = made("s", NULL, "");
    assert_string_equal("|s", metric.tail);
    assert_false(metric.packs);
}

static void test_the_contract_s_limits_hold_to_the_byte(void **state)
{
    (void)state;
    char name[METRIC_NAME_MAX + 2];
    char tags[METRIC_TAGS_MAX + 2];
    Metric metric;
    MetricError error = {"no message"};
    memset(name, 'n', sizeof name);
    memset(tags, 't', sizeof tags);
    name[METRIC_NAME_MAX] = '\0';
    tags[METRIC_TAGS_MAX] = '\0';
    assert_int_equal(0, metric_init(&metric, name, "ms", "2.2250738585072014e-308", tags, &error));
    assert_int_equal(METRIC_NAME_MAX + 1, metric.head_length);
    assert_int_equal(strlen(metric.tail), metric.tail_length);
    name[METRIC_NAME_MAX] = 'n';
    name[METRIC_NAME_MAX + 1] = '\0';
    assert_int_equal(-EINVAL, metric_init(&metric, name, "ms", NULL, NULL, &error));
    tags[METRIC_TAGS_MAX] = 't';
    tags[METRIC_TAGS_MAX + 1] = '\0';
    assert_int_equal(-EINVAL, metric_init(&metric, "a", "ms", NULL, tags, &error));
    assert_string_equal("the tags are too long: 1025 bytes, at most 1024", error.message);
}

static void test_what_is_wrong_is_said(void **state)
{
    (void)state;
    assert_refused("the name is empty", "", "ms", NULL, NULL);
    assert_refused("the name \"a:b\" has a \":\" in it; write NAME VALUE --type TYPE", "a:b", "ms",
                   NULL, NULL);
    assert_refused("the name \"a|b\" has a \"|\" in it; write NAME VALUE --type TYPE", "a|b", "ms",
                   NULL, NULL);
    assert_refused("the name \"a\\x1b[1m\" is not UTF-8 without control characters", "a\033[1m",
                   "ms", NULL, NULL);
    assert_refused("the name \"a\\xff\" is not UTF-8 without control characters", "a\xff", "ms",
                   NULL, NULL);
    assert_refused("there is no type \"timer\": ms h d c g s f p; did you mean ms?", "a", "timer",
                   NULL, NULL);
    assert_refused("there is no type \"Counter\": ms h d c g s f p; did you mean c?", "a",
                   "Counter", NULL, NULL);
    assert_refused("there is no type \"z\": ms h d c g s f p", "a", "z", NULL, NULL);
    assert_refused("the rate \"0\" is no number above 0 and up to 1", "a", "ms", "0", NULL);
    assert_refused("the rate \"1.1\" is no number above 0 and up to 1", "a", "ms", "1.1", NULL);
    assert_refused("the rate \"1e-320\" is no number above 0 and up to 1", "a", "ms", "1e-320",
                   NULL);
    assert_refused("the tags \"a|b\" have a \"|\" in them", "a", "ms", NULL, "a|b");
}

static void check_values(const char *type, const char *const good[], const char *const bad[])
{
    Metric metric = made(type, NULL, NULL);
    MetricError error = {"no message"};
    for (size_t i = 0; good[i] != NULL; i++) {
        if (metric_check_value(&metric, good[i], strlen(good[i]), &error) != 0)
            fail_msg("%s %s: %s", type, good[i], error.message);
    }
    for (size_t i = 0; bad[i] != NULL; i++) {
        if (metric_check_value(&metric, bad[i], strlen(bad[i]), &error) != -EINVAL)
            fail_msg("%s takes %s", type, bad[i]);
    }
}

static void test_values_are_checked_by_type(void **state)
{
    (void)state;
    const char *const numbers[] = {"1", "-3.5", "+.5", "1e3", "1E-3", NULL};
    const char *const no_numbers[] = {"", "x", "1 ", "0x1", "nan", "inf", "1e999", "1:2", NULL};
    check_values("ms", numbers, no_numbers);
    check_values("c", numbers, no_numbers);
    check_values("g", numbers, no_numbers);
    check_values("s", (const char *const[]){"a b", "1:2", "\xff", NULL},
                 (const char *const[]){"", "a|b", "a\nb", NULL});
    check_values("f", (const char *const[]){"1", "0", "true", "false", NULL},
                 (const char *const[]){"", "yes", "TRUE", "10", NULL});
    check_values(
        "p", (const char *const[]){"0", "+5", "/10", "3/10", "9223372036854775807", NULL},
        (const char *const[]){"", "-1", "/", "3/", "+3/10", "1.5", "9223372036854775808", NULL});
}

static void test_a_value_must_not_overflow_with_its_rate(void **state)
{
    (void)state;
    Metric metric = made("c", "0.1", NULL);
    MetricError error = {"no message"};
    assert_int_equal(0, metric_check_value(&metric, "1e307", 5, &error));
    assert_int_equal(-EINVAL, metric_check_value(&metric, "1e308", 5, &error));
    assert_string_equal("\"1e308\" is no value: divided by the rate it overflows", error.message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head_and_tail_are_what_stands_around_the_value),
        cmocka_unit_test(test_the_contract_s_limits_hold_to_the_byte),
        cmocka_unit_test(test_what_is_wrong_is_said),
        cmocka_unit_test(test_values_are_checked_by_type),
        cmocka_unit_test(test_a_value_must_not_overflow_with_its_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
