#include "cli/pack.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static Pack pack;
static Metric metric;

static void begin(const char *type, size_t max_bytes)
{
    MetricError error = {"no message"};
    assert_int_equal(0, metric_init(&metric, "ab", type, NULL, NULL, &error));
    pack_init(&pack, &metric, max_bytes);
}

static int add(const char *value)
{
    return pack_add(&pack, value, strlen(value));
}

static void assert_taken(const char *expected, size_t values)
{
    size_t length;
    size_t count;
    const char *bytes = pack_take(&pack, &length, &count);
    assert_int_equal(strlen(expected), length);
    assert_memory_equal(expected, bytes, length);
    assert_int_equal(values, count);
}

static void test_numbers_share_a_line(void **state)
{
    (void)state;
    begin("ms", 100);
    assert_int_equal(0, add("1"));
    assert_int_equal(0, add("-2.5"));
    assert_int_equal(0, add("3"));
    assert_taken("ab:1:-2.5:3|ms", 3);
    assert_taken("", 0);
}

static void test_others_have_a_line_each(void **state)
{
    (void)state;
    begin("s", 100);
    assert_int_equal(0, add("x:y"));
    assert_int_equal(0, add("z"));
    assert_taken("ab:x:y|s\nab:z|s", 2);
}

static void test_a_datagram_is_full_to_the_byte(void **state)
{
    (void)state;
    begin("ms", strlen("ab:1:2|ms"));
    assert_int_equal(0, add("1"));
    assert_int_equal(0, add("2"));
    assert_int_equal(-ENOBUFS, add("3"));
    assert_taken("ab:1:2|ms", 2);
    assert_int_equal(0, add("345"));
    assert_int_equal(-ENOBUFS, add("6"));
    assert_taken("ab:345|ms", 1);
    assert_int_equal(-EMSGSIZE, add("3456"));
    assert_taken("", 0);
    begin("f", strlen("ab:1|f\nab:0|f"));
    assert_int_equal(0, add("1"));
    assert_int_equal(0, add("0"));
    assert_int_equal(-ENOBUFS, add("1"));
    assert_taken("ab:1|f\nab:0|f", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_share_a_line),
        cmocka_unit_test(test_others_have_a_line_each),
        cmocka_unit_test(test_a_datagram_is_full_to_the_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
