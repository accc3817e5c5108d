#include "http/framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Makes zero-terminated texts of the line as libmicrohttpd does: at the first and at the last space.
 * => what is made of that. */
static bool is_whole(const char *bytes, size_t length)
{
    char line[64];
    assert_true(length < sizeof line);
    memcpy(line, bytes, length);
    line[length] = '\0';
    char *target = memchr(line, ' ', length);
    char *version = memrchr(line, ' ', length);
    assert_true(target != NULL && version != NULL && target < version);
    *version++ = '\0';
    while (*target == ' ' || target == line + strlen(line))
        *target++ = '\0';
    return framing_line_is_whole(line, target, strlen(target), version);
}

#define IS_WHOLE(line) is_whole(line, sizeof(line) - 1)

static void test_lines_that_are_whole(void **state)
{
    (void)state;
    assert_true(IS_WHOLE("GET / HTTP/1.1"));
    assert_true(IS_WHOLE("HEAD /stats?name=a&b HTTP/1.0"));
    assert_true(IS_WHOLE("GET /a b HTTP/1.1"));
}

static void test_lines_with_more_in_them(void **state)
{
    (void)state;
    assert_false(IS_WHOLE("GET /\0 HTTP/1.1"));
    assert_false(IS_WHOLE("GET /stats\0/x HTTP/1.1"));
    assert_false(IS_WHOLE("GET\0 / HTTP/1.1"));
    assert_false(IS_WHOLE("GET\0X / HTTP/1.1"));
    assert_false(IS_WHOLE("GET  / HTTP/1.1"));
}

static void test_parts_from_elsewhere_are_right(void **state)
{
    (void)state;
    static char places[9 << 20]; /* all texts in it are empty */
    const char *middle = places + (4 << 20);
    assert_true(framing_line_is_whole(places, middle, 0, places + (8 << 20)));
    assert_true(framing_line_is_whole(places + (8 << 20), middle, 0, places));
    assert_false(framing_line_is_whole(middle - 3, middle, 0, places));
    assert_false(framing_line_is_whole(places, middle, 0, middle + 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_that_are_whole),
        cmocka_unit_test(test_lines_with_more_in_them),
        cmocka_unit_test(test_parts_from_elsewhere_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
