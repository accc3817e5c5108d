#include "app/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include <cmocka.h>

static void test_as_many_descriptors_as_may_be(void **state)
{
    (void)state;
    struct rlimit usual;
    struct rlimit now;
    assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &usual));
    struct rlimit few = {64, usual.rlim_max};
    assert_true(usual.rlim_max > 64);
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &few));
    assert_int_equal(usual.rlim_max, limits_raise_descriptors());
    assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &now));
    assert_int_equal(usual.rlim_max, now.rlim_cur);
    assert_int_equal(usual.rlim_max, now.rlim_max);
    assert_int_equal(usual.rlim_max, limits_raise_descriptors()); /* it is there already */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_many_descriptors_as_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
