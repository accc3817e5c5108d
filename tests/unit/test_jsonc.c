#include "app/jsonc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Parses an exact-size heap copy, so that a read beyond the end is seen by ASan. */
static int parse_bytes(const char *text, size_t length, Jsonc *out, JsoncError *error)
{
    char *copy = malloc(length == 0 ? 1 : length);
    assert_non_null(copy);
    memcpy(copy, text, length);
    int status = jsonc_parse(copy, length, out, error);
    free(copy);
    return status;
}

static void assert_compact(const char *expected, const char *text)
{
    Jsonc doc = {0};
    JsoncError error = {{0, 0}, ""};
    int status = parse_bytes(text, strlen(text), &doc, &error);
    if (status != 0)
        fail_msg("%s: %zu:%zu: %s", text, error.place.line, error.place.column, error.text);
    char *printed = cJSON_PrintUnformatted(doc.root);
    assert_string_equal(expected, printed);
    cJSON_free(printed);
    jsonc_free(&doc);
    assert_null(doc.root);
}

static void assert_refused_bytes(const char *expected, const char *text, size_t length)
{
    Jsonc doc;
    Jsonc untouched;
    memset(&doc, 0x5A, sizeof doc);
    untouched = doc;
    JsoncError error = {{0, 0}, ""};
    int status = parse_bytes(text, length, &doc, &error);
    if (status == 0)
        fail_msg("taken: %s", text);
    assert_int_equal(-EINVAL, status);
    char got[256];
    snprintf(got, sizeof got, "%zu:%zu: %s", error.place.line, error.place.column, error.text);
    assert_string_equal(expected, got);
    assert_memory_equal(&untouched, &doc, sizeof doc);
}

static void assert_refused(const char *expected, const char *text)
{
    assert_refused_bytes(expected, text, strlen(text));
}

static void test_plain_json_is_taken(void **state)
{
    (void)state;
    assert_compact("{}", "{}");
    assert_compact("[]", " [ ]\n");
    assert_compact("{\"a\":[1,-2.5,true,false,null,\"x\"]}",
                   "{\"a\" : [ 1 , -2.5, true,\r\n\tfalse, null, \"x\" ] }");
    assert_compact("0", "0");
    assert_compact("-0", "-0");
    assert_compact("1000", "1E+3");
    assert_compact("\"\\\"\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"");
    assert_compact("\"\xF0\x9F\x98\x80\xC3\xA4\"", "\"\\uD83D\\uDE00\\u00e4\"");
    assert_compact("\"\xC3\xA4\xE2\x82\xAC\xED\x9F\xBF\xF4\x8F\xBF\xBF\"",
                   "\"\xC3\xA4\xE2\x82\xAC\xED\x9F\xBF\xF4\x8F\xBF\xBF\"");
}

static void test_comments_are_blanks(void **state)
{
    (void)state;
    assert_compact("{\"a\":1,\"b\":2}", "// first\n{ /* one */ \"a\": /**/ 1, // two }\n"
                                        "\"b\" /* \" */ :2 /* x\n * y **/ } // end");
    assert_compact("[1]", "/***/[1]//");
    /* not in strings */
    assert_compact("[\"/* no */\",\"http://x\",\"\\\"//\"]",
                   "[\"/* no */\", \"http://x\", \"\\\"//\"]");
}

static void test_comments_are_strict_too(void **state)
{
    (void)state;
    assert_refused("2:2: a comment that is not closed", "{}\n /* no end *");
    assert_refused("1:1: a comment that is not closed", "/*/");
    assert_refused("1:3: '/' that begins no comment", "[]/");
    assert_refused("1:2: '/' that begins no comment", "[/ *x*/]");
    assert_refused("1:4: '#' where the end of the text should be; comments begin with //",
                   "{} # no");
    assert_refused("1:4: byte 0xFF is not valid UTF-8: save the file as UTF-8", "// \xFF\n{}");
}

static void test_what_is_not_json(void **state)
{
    (void)state;
    assert_refused("1:1: the text ends where '{' should be", "");
    assert_refused("2:1: the text ends where '{' should be", " // only this\n");
    assert_refused("1:4: '{' where the end of the text should be", "{} {}");
    assert_refused("1:3: a comma before ']': take it out", "[1,]");
    assert_refused("1:7: a comma before '}': take it out", "{\"a\":1,\n}");
    assert_refused("1:2: 'a' where a key in double quotes should be", "{a:1}");
    assert_refused("1:6: '2' where ':' should be", "{\"a\" 2}");
    assert_refused("1:8: '\"' where ',' or '}' should be", "{\"a\":1 \"b\":2}");
    assert_refused("1:4: '}' where ',' or ']' should be", "[1 }");
    assert_refused("1:3: the text ends, and the '[' of line 1 is not closed", "[1");
    assert_refused("3:1: the text ends, and the '{' of line 2 is not closed",
                   "{\"a\":\n{\"b\":[1]\n");
    assert_refused("1:1: 'i' where '{' should be", "ingest:\n  threads: 2");
    assert_refused("1:1: '#' where '{' should be; comments begin with //", "# no");
    assert_refused("1:16: a comma before '}': take it out",
                   "{\"a\":1 /* , */ ,/* and */ // more\n }");
    assert_refused("1:2: 'T' where a value (text stands in double quotes) should be", "[True]");
    assert_refused("1:6: 'y' where ',' or ']' should be", "[truey]");
    assert_refused("1:2: ''' where a value (text stands in double quotes) should be", "['a']");
    assert_refused("1:2: byte 0xC3 where a value should be", "[\xC3\xA4]");
    assert_refused("1:1: a byte order mark: save the file as UTF-8 without it", "\xEF\xBB\xBF{}");
    assert_refused_bytes("1:3: a zero byte: this is no text file", "{}\0{}", 5);
}

static void test_numbers(void **state)
{
    (void)state;
    assert_refused("1:2: a number with a leading zero", "[01]");
    assert_refused("1:2: a number with a leading zero", "[-00]");
    assert_refused("1:3: ']' where a digit should be", "[-]");
    assert_refused("1:4: ']' where a digit should be", "[1.]");
    assert_refused("1:2: '.' where a value should be", "[.5]");
    assert_refused("1:2: '+' where a value should be", "[+5]");
    assert_refused("1:4: ']' where a digit should be", "[1e]");
    assert_refused("1:3: 'x' where ',' or ']' should be", "[0x10]");
    assert_refused("1:2: 'N' where a value (text stands in double quotes) should be", "[NaN]");
    char text[80];
    snprintf(text, sizeof text, "[1%062d]", 0);
    Jsonc doc = {0};
    JsoncError error;
    assert_int_equal(0, parse_bytes(text, strlen(text), &doc, &error));
    assert_true(doc.root->child->valuedouble == 1e62);
    jsonc_free(&doc);
    snprintf(text, sizeof text, "[1%063d]", 0);
    assert_refused("1:2: a number of more than 63 characters", text);
}

static void test_strings(void **state)
{
    (void)state;
    assert_refused("1:2: a string that is not closed on its line", "[\"a\n\"]");
    assert_refused("2:3: a string that is not closed on its line", "[\n  \"a]");
    assert_refused("1:3: control character 0x09 in a string", "[\"\t\"]");
    assert_refused("1:3: a backslash that begins no JSON escape", "[\"\\x\"]");
    assert_refused("1:3: a backslash that begins no JSON escape", "[\"\\u12g4\"]");
    assert_refused("1:3: a backslash that begins no JSON escape", "[\"\\u12");
    assert_refused("1:3: a backslash that begins no JSON escape", "[\"\\");
    assert_refused("1:3: \\u0000 in a string", "[\"\\u0000\"]");
    assert_refused("1:3: half of a surrogate pair in a string", "[\"\\uD800\"]");
    assert_refused("1:3: half of a surrogate pair in a string", "[\"\\uDC00\\uD800\"]");
    assert_refused("1:3: half of a surrogate pair in a string", "[\"\\uD800\\u0041\"]");
}

static void test_utf8(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",             /* a tail without a head */
        "\xC0\x80",         /* overlong */
        "\xE0\x9F\xBF",     /* overlong */
        "\xED\xA0\x80",     /* a surrogate */
        "\xF0\x8F\xBF\xBF", /* overlong */
        "\xF4\x90\x80\x80", /* beyond U+10FFFF */
        "\xF5\x80\x80\x80", /* beyond U+10FFFF */
        "\xC3\"",           /* cut off */
        "\xE2\x82",         /* cut off by the end */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[16];
        char expected[96];
        snprintf(text, sizeof text, "[\"\xC3\xA4%s", bad[i]);
        snprintf(expected, sizeof expected,
                 "1:4: byte 0x%02X is not valid UTF-8: save the file as UTF-8",
                 (unsigned)(unsigned char)bad[i][0]);
        assert_refused(expected, text);
    }
}

static void test_duplicate_keys(void **state)
{
    (void)state;
    assert_refused("2:2: duplicate key a: it is there already, further up", "{\"a\":1,\n \"a\":2}");
    assert_refused("1:14: duplicate key a: it is there already, further up",
                   "[{\"b\":{\"a\":1,\"\\u0061\":2}}]");
    assert_compact("{\"a\":1,\"A\":{\"a\":2}}", "{\"a\":1,\"A\":{\"a\":2}}");
}

static void test_depth_and_size_are_bounded(void **state)
{
    (void)state;
    const size_t depth = JSONC_MAX_DEPTH;
    const size_t values = JSONC_MAX_VALUES;
    char text[2 * JSONC_MAX_VALUES + 8];
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
    assert_compact(text, text);
    memset(text, '[', sizeof text);
    assert_refused_bytes("1:17: objects and lists more than 16 deep", text, sizeof text);

    /* the list itself counts */
    for (size_t i = 0; i < values; i++)
        snprintf(text + 2 * i, 3, "%s", i == 0 ? " [" : "1,");
    text[2 * values - 1] = ']';
    Jsonc doc = {0};
    JsoncError error;
    assert_int_equal(0, parse_bytes(text, 2 * values, &doc, &error));
    assert_int_equal(values, doc.count);
    jsonc_free(&doc);
    snprintf(text + 2 * values - 1, 4, ",1]");
    assert_refused("1:2049: more than 1024 values", text);
}

static void test_places(void **state)
{
    (void)state;
    static const char text[] = "{ // \xC3\xA4\n  \"a\": [1, /* \xE2\x82\xAC\n */ {\"b\" : 2.50}],\n"
                               "/*\xC3\xA4*/\"c\":\n\t\"d\\n\"}";
    Jsonc doc;
    JsoncError error;
    assert_int_equal(0, parse_bytes(text, sizeof text - 1, &doc, &error));

    JsoncNode a = jsonc_locate(&doc, cJSON_GetObjectItemCaseSensitive(doc.root, "a"));
    assert_int_equal(2, a.key.line);
    assert_int_equal(3, a.key.column);
    assert_int_equal(2, a.value.line);
    assert_int_equal(8, a.value.column);

    const cJSON *list = cJSON_GetObjectItemCaseSensitive(doc.root, "a");
    JsoncNode b = jsonc_locate(&doc, cJSON_GetArrayItem(list, 1)->child);
    assert_int_equal(3, b.key.line);
    assert_int_equal(6, b.key.column);
    assert_int_equal(12, b.value.column);
    assert_int_equal(4, b.source_length);
    assert_memory_equal("2.50", b.source, 4);

    JsoncNode c = jsonc_locate(&doc, cJSON_GetObjectItemCaseSensitive(doc.root, "c"));
    assert_int_equal(4, c.key.line);
    assert_int_equal(6, c.key.column);
    assert_int_equal(5, c.value.line);
    assert_int_equal(2, c.value.column);

    JsoncNode root = jsonc_locate(&doc, doc.root);
    assert_int_equal(1, root.key.line);
    assert_int_equal(1, root.key.column);
    assert_int_equal(sizeof text - 1, root.source_length);
    jsonc_free(&doc);
}

static void test_free_takes_a_zeroed_one(void **state)
{
    (void)state;
    Jsonc doc = {0};
    jsonc_free(&doc);
    assert_null(doc.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_json_is_taken),
        cmocka_unit_test(test_comments_are_blanks),
        cmocka_unit_test(test_comments_are_strict_too),
        cmocka_unit_test(test_what_is_not_json),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_duplicate_keys),
        cmocka_unit_test(test_depth_and_size_are_bounded),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_free_takes_a_zeroed_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
