#include "ingest/statsd_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture_line.h"

static void test_types(void **state)
{
    (void)state;
    static const LineCase cases[] = {
        LINE("a:1|ms", "stats a = 1"),
        LINE("a:1|h", "stats a = 1"),
        LINE("a:1|d", "stats a = 1"),
        LINE("a:1", "stats a = 1"),
        LINE("a:1|c", "counter a = 1"),
        LINE("a:1|g", "gauge a = 1"),
        LINE("a:1|s", "set a = \"1\""),
        LINE("a:1|f", "flag a = 1"),
        LINE("a:1|p", "progress a = done 1"),
        LINE("a:1|", "bad_type"),
        LINE("a:1|m", "bad_type"),
        LINE("a:1|mss", "bad_type"),
        LINE("a:1|sm", "bad_type"),
        LINE("a:1|MS", "bad_type"),
        LINE("a:1|C", "bad_type"),
        LINE("a:1|cc", "bad_type"),
        LINE("a:1| c", "bad_type"),
        LINE("a:1|c ", "bad_type"),
        LINE("a:1|c\0", "bad_type"),
        LINE("a:1|\xff", "bad_type"),
        LINE("a:1|m\xc3", "bad_type"),
        LINE("a:1||c", "bad_type"),
        LINE("a:1|T1700000000", "bad_type"),
        LINE("a:1|kv", "bad_type"),
        LINE("a:1|c:x", "bad_type"),
        LINE("a:1|ms:2|#x", "bad_type"),
    };
    LINE_EXPECT_ALL(cases);
}

static void test_names(void **state)
{
    (void)state;
    static const LineCase cases[] = {
        LINE("api.latency:1|ms", "stats api.latency = 1"),
        LINE("a b:1", "stats a b = 1"),
        LINE("@#/\\\"<>:1", "stats @#/\\\"<> = 1"),
        LINE("1:2|c", "counter 1 = 2"),
        LINE("value:2", "stats value = 2"),
        LINE("gr\xc3\xb6\xc3\x9f"
             "e:1",
             "stats gr\xc3\xb6\xc3\x9f"
             "e = 1"),
        LINE("\xe2\x82\xac:1", "stats \xe2\x82\xac = 1"),
        LINE("\xf0\x9f\x98\x80:1", "stats \xf0\x9f\x98\x80 = 1"),
        LINE("\xf4\x8f\xbf\xbf:1", "stats \xf4\x8f\xbf\xbf = 1"),
        LINE(":1", "bad_name"),
        LINE(":", "bad_name"),
        LINE("::1", "bad_name"),
        LINE("\0:1", "bad_name"),
        LINE("a\0b:1", "bad_name"),
        LINE("a\t:1", "bad_name"),
        LINE("a\rb:1", "bad_name"),
        LINE("\x1f:1", "bad_name"),
        LINE("a\x7f:1", "bad_name"),
        LINE("a\xc2\x80:1", "bad_name"), /* U+0080 to U+009F are control characters, too */
        LINE("a\xc2\x9f:1", "bad_name"),
        LINE("a\xc2\xa0:1", "stats a\xc2\xa0 = 1"),
        LINE("\x80:1", "bad_name"),
        LINE("\xc0\xaf:1", "bad_name"),         /* overlong */
        LINE("\xe0\x80\xaf:1", "bad_name"),     /* overlong */
        LINE("\xed\xa0\x80:1", "bad_name"),     /* a surrogate */
        LINE("\xf4\x90\x80\x80:1", "bad_name"), /* above U+10FFFF */
        LINE("\xe2\x82:1", "bad_name"),         /* cut off; the ":" is not part of it */
        LINE("12345678\xff:1", "bad_name"),     /* behind the first 8 bytes */
        LINE("123456789012345\x01:1", "bad_name"),
    };
    LINE_EXPECT_ALL(cases);
    LINE_EXPECT_ALL_WITH(cases, "|ms");
}

static void test_sections(void **state)
{
    (void)state;
    static const LineCase cases[] = {
        LINE("a:1|c|@0.5|#x,y:z", "counter a|#x,y:z = ~2"),
        LINE("a:1|c|#x,y:z|@0.5", "counter a|#x,y:z = ~2"),
        LINE("a:1|#x", "stats a|#x = 1"),
        LINE("a:1|@0.5", "stats a = 1 x 2"),
        LINE("a:1|@0.5|#x", "stats a|#x = 1 x 2"),
        LINE("a:1|#x|@0.5", "stats a|#x = 1 x 2"),
        /* Only the first section can be the type. */
        LINE("a:1|#x|c", "stats a|#x = 1"),
        LINE("a:1|@0.5|c", "stats a = 1 x 2"),
        LINE("a:1|ms|c", "stats a = 1"),
        /* The last one wins. */
        LINE("a:1|ms|@0.5|@0.25", "stats a = 1 x 4"),
        LINE("a:1|ms|@2|@0.25", "stats a = 1 x 4"),
        LINE("a:1|ms|@0.25|@2", "bad_rate"),
        LINE("a:1|ms|#x|#y", "stats a|#y = 1"),
        LINE("a:1|ms|#\x01|#y", "stats a|#y = 1"),
        LINE("a:1|ms|#y|#\x01", "bad_tags"),
        LINE("a:1|ms|#x|#", "stats a = 1"),
        /* What is unknown is for newer clients. */
        LINE("a:1|c|c:in-0123|e:it-x|T1700000000|card:low", "counter a = 1"),
        LINE("a:1|c|c:in-0123|#x|T1700000000", "counter a|#x = 1"),
        LINE("a:1|c|", "counter a = 1"),
        LINE("a:1|c||||", "counter a = 1"),
        LINE("a:1|c|\xff\x01\0", "counter a = 1"),
        LINE("a:1|c| @0.5| #x", "counter a = 1"),
        /* Tags as they came; sorting is for the registry. */
        LINE("a:1|c|#", "counter a = 1"),
        LINE("a:1|c|#,,b,a,b,", "counter a|#,,b,a,b, = 1"),
        LINE("a:1|c|#k:v:w, @#x", "counter a|#k:v:w, @#x = 1"),
        LINE("a:1|c|#\xc3\xb6", "counter a|#\xc3\xb6 = 1"),
        LINE("a:1|c|#a\0", "bad_tags"),
        LINE("a:1|c|#a\tb", "bad_tags"),
        LINE("a:1|c|#\x7f", "bad_tags"),
        LINE("a:1|c|#\xc3", "bad_tags"),
        LINE("a:1|c|#\xc2\x85", "bad_tags"),
    };
    LINE_EXPECT_ALL(cases);
}

static void test_lines_without_a_name(void **state)
{
    (void)state;
    static const LineCase cases[] = {
        LINE("5", "stats value = 5"),    LINE("-2.5e3", "stats value = -2500"),
        LINE(".5", "stats value = 0.5"), LINE("5\r", "stats value = 5"),
        LINE("a", "bad_value"),          LINE(" ", "bad_value"),
        LINE("5 ", "bad_value"),         LINE("nan", "bad_value"),
        LINE("|", "bad_value"),          LINE("5|", "bad_value"),
        LINE("5|ms", "bad_value"),       LINE("5|ms|#a:b", "bad_value"),
        LINE("a|c", "bad_value"),        LINE("|c:1", "bad_value"),
        LINE("\0", "bad_value"),
    };
    LINE_EXPECT_ALL(cases);
}

static void test_blank_and_carriage_return(void **state)
{
    (void)state;
    static const LineCase cases[] = {
        LINE("", "blank"),
        LINE("\r", "blank"),
        LINE("\r\r", "bad_value"), /* one belongs to the line's end, the other to the line */
        LINE("a:1|c\r", "counter a = 1"),
        LINE("a:1\r", "stats a = 1"),
        LINE("a:1|c|#x\r", "counter a|#x = 1"),
        LINE("a:1|c|@0.5\r", "counter a = ~2"),
        LINE("a:x|s\r", "set a = \"x\""),
        LINE("a:1|c\r\r", "bad_type"),
        LINE("a:1\r|c", "bad_value"),
        LINE("\ra:1|c", "bad_name"),
    };
    LINE_EXPECT_ALL(cases);
}

static void test_events_and_checks(void **state)
{
    (void)state;
    static const LineCase cases[] = {
        LINE("_e{5,4}:title|text|p:low|#a", "ignored"),
        LINE("_e{", "ignored"),
        LINE("_e{\xff\0\x01", "ignored"),
        LINE("_e{5,4}:title|text\r", "ignored"),
        LINE("_e{1,1}:5|c", "ignored"), /* though it looks like a counter */
        LINE("_sc|name|0|m:fine", "ignored"),
        LINE("_sc|", "ignored"),
        LINE("_e", "bad_value"),
        LINE("_e:1|c", "counter _e = 1"),
        LINE("_e[5]:1|c", "counter _e[5] = 1"),
        LINE("_sc", "bad_value"),
        LINE("_sc:1|c", "counter _sc = 1"),
        LINE("_", "bad_value"),
        LINE("e{1}:1|c", "counter e{1} = 1"),
        LINE("_E{5,4}:1|c", "counter _E{5,4} = 1"),
    };
    LINE_EXPECT_ALL(cases);
}

/* Each row has one thing wrong less than the row above. */
static void test_the_first_reason_counts(void **state)
{
    (void)state;
    static const LineCase cases[] = {
        LINE("\x01:x|zz|@2|#\x01", "bad_name"),
        LINE("a:x|zz|@2|#\x01", "bad_type"),
        LINE("a:x|ms|@2|#\x01", "bad_value"),
        LINE("a:1|ms|@2|#\x01", "bad_rate"),
        LINE("a:1|ms|@0.5|#\x01", "bad_tags"),
        LINE("a:1|ms|@0.5|#x", "stats a|#x = 1 x 2"),
        LINE("a:1e308|ms|@9|#\x01", "bad_rate"),
        LINE("a:1e308|ms|@.1|#\x01", "bad_value"),
        LINE("a:1e308|ms|@1|#\x01", "bad_tags"),
        LINE(":", "bad_name"),
        LINE("a:", "bad_value"),
        LINE("a:|zz", "bad_type"),
        LINE("a:1:x:2|c|@0|#\x01", "bad_value"),
    };
    LINE_EXPECT_ALL(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_lines_without_a_name),
        cmocka_unit_test(test_blank_and_carriage_return),
        cmocka_unit_test(test_events_and_checks),
        cmocka_unit_test(test_the_first_reason_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
