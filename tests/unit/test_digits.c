#include "base/digits.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_numbers(void **state)
{
    (void)state;
    assert_int_equal(0, digits_parse("0", 0));
    assert_int_equal(0, digits_parse("000", 0));
    assert_int_equal(7, digits_parse("007", 9));
    assert_int_equal(65535, digits_parse("65535", 65535));
    assert_int_equal(INT64_MAX, digits_parse("9223372036854775807", INT64_MAX));
    assert_int_equal(1, digits_parse("00000000000000000000000000000001", 1));
}

static void test_beyond_the_limit(void **state)
{
    (void)state;
    assert_int_equal(-EINVAL, digits_parse("1", 0));
    assert_int_equal(-EINVAL, digits_parse("7", 5));
    assert_int_equal(-EINVAL, digits_parse("19", 18));
    assert_int_equal(-EINVAL, digits_parse("20", 19));
    assert_int_equal(-EINVAL, digits_parse("65536", 65535));
    assert_int_equal(-EINVAL, digits_parse("9223372036854775808", INT64_MAX));
    assert_int_equal(-EINVAL, digits_parse("99999999999999999999999", INT64_MAX));
}

/* Around each limit, by definition. */
static void test_every_small_limit(void **state)
{
    (void)state;
    for (int limit = 0; limit <= 120; limit++)
        for (int number = 0; number <= 200; number++) {
            const char text[] = {(char)('0' + number / 100), (char)('0' + number / 10 % 10),
                                 (char)('0' + number % 10), '\0'};
            assert_int_equal(number <= limit ? number : -EINVAL, digits_parse(text, limit));
        }
}

static void test_what_is_no_number(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "-1", "+1",  " 1",  "1 ",  "1.0",
                                      "1e3", "/",  "0x1", "1:2", "1\n", "\xd9\xa1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(-EINVAL, digits_parse(bad[i], INT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_beyond_the_limit),
        cmocka_unit_test(test_every_small_limit),
        cmocka_unit_test(test_what_is_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
