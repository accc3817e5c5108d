#include "app/config_unix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_names(void **state)
{
    (void)state;
    char longest[CONFIG_UNIX_NAME_SIZE + 1];
    static const char *const good[] = {"", "/x", "/run/a b.sock", "@x", "@/x", "@ ", "/\xC3\xA4"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_null(config_unix_refuse_name(good[i]));
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[CONFIG_UNIX_NAME_SIZE] = '\0';
    assert_string_equal("is longer than the 107 bytes that the kernel takes",
                        config_unix_refuse_name(longest));
    longest[CONFIG_UNIX_NAME_SIZE - 1] = '\0';
    assert_null(config_unix_refuse_name(longest));
    assert_string_equal("is neither an absolute path, such as /run/atomicstatsd/values.sock, nor "
                        "\"@\" and an abstract name",
                        config_unix_refuse_name("x.sock"));
    assert_string_equal("has no name behind the \"@\"", config_unix_refuse_name("@"));
    assert_string_equal("is a directory's name: add the socket's",
                        config_unix_refuse_name("/run/"));
    assert_string_equal("is not UTF-8 without control characters",
                        config_unix_refuse_name("/a\nb"));
    assert_string_equal("is not UTF-8 without control characters",
                        config_unix_refuse_name("/\xFF"));
}

static void test_modes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned mode;
    } good[] = {{"0", 0}, {"7", 7}, {"666", 0666}, {"0666", 0666}, {"0777", 0777}, {"0020", 020}};
    static const char *const bad[] = {"",    "8",    "0778", "1777", "00666", "-1",
                                      "+66", "0x1f", " 666", "666 ", "rw",    "6.6"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        unsigned mode = 0x5A5A;
        assert_true(config_unix_read_mode(good[i].text, &mode));
        assert_int_equal(good[i].mode, mode);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        unsigned mode = 0x5A5A;
        assert_false(config_unix_read_mode(bad[i], &mode));
        assert_int_equal(0x5A5A, mode);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_modes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
