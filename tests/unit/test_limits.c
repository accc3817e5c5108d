#include "app/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "app/config.h"

static void test_as_many_descriptors_as_may_be(void **state)
{
    (void)state;
    struct rlimit usual;
    struct rlimit now;
    Config config;
    config_defaults(&config);
    assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &usual));
    assert_true(usual.rlim_max > 64);
    struct rlimit few = {64, usual.rlim_max};
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &few));
    config.ingest.tcp_max_connections = 1;
    (void)limits_make_room(&config, 2);
    assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &now));
    assert_int_equal(usual.rlim_max, now.rlim_cur);
    assert_int_equal(usual.rlim_max, now.rlim_max);
}

/* One less than it takes, and as many. */
static void test_enough_or_not(void **state)
{
    (void)state;
    Config config;
    config_defaults(&config);
    config.ingest.tcp_max_connections = 100;
    config.http.max_connections = 50;
    struct rlimit just = {100 + 50 + 2 * 8 + 32, 100 + 50 + 2 * 8 + 32};
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &just));
    assert_true(limits_make_room(&config, 2));
    assert_false(limits_make_room(&config, 3));
    config.ingest.tcp_max_connections++;
    assert_false(limits_make_room(&config, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_many_descriptors_as_may_be),
        cmocka_unit_test(test_enough_or_not), /* the last: the limit cannot be raised again */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
