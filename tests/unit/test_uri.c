#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/uri.h"

typedef int Decoder(const char *in, size_t length, char *out, size_t capacity, size_t *out_length);

/* The input stands in a block of exactly its size, so that the sanitizer sees any byte too far. */
static void expect_bytes(Decoder *decode, const char *in, size_t in_length, const char *expected,
                         size_t expected_length)
{
    char *exact = malloc(in_length > 0 ? in_length : 1);
    assert_non_null(exact);
    memcpy(exact, in, in_length);
    char out[64];
    memset(out, '~', sizeof out);
    size_t length = 999;
    assert_int_equal(0, decode(exact, in_length, out, sizeof out, &length));
    assert_int_equal(expected_length, length);
    assert_memory_equal(expected, out, expected_length);
    assert_int_equal('~', out[expected_length]);
    free(exact);
}

static void expect_text(Decoder *decode, const char *in, const char *expected)
{
    expect_bytes(decode, in, strlen(in), expected, strlen(expected));
}

static void expect_error(Decoder *decode, int error, const char *in, size_t in_length,
                         size_t capacity)
{
    char *exact = malloc(in_length > 0 ? in_length : 1);
    assert_non_null(exact);
    memcpy(exact, in, in_length);
    char out[64];
    size_t length = 999;
    assert_int_equal(error, decode(exact, in_length, out, capacity, &length));
    assert_int_equal(999, length);
    free(exact);
}

static void test_decodes_escapes(void **state)
{
    (void)state;
    expect_text(uri_decode, "", "");
    expect_text(uri_decode, "plain", "plain");
    expect_text(uri_decode, "a%7C%23b", "a|#b");
    expect_text(uri_decode, "a%7c%2fb", "a|/b");
    expect_text(uri_decode, "%25%32%35", "%25");
    expect_text(uri_decode, "%C3%a9\xc3\xa9", "\xc3\xa9\xc3\xa9");
    expect_text(uri_decode, "%ff%01", "\xff\x01");
}

static void test_plus_is_a_space_in_a_query_only(void **state)
{
    (void)state;
    expect_text(uri_decode, "a+b%2B", "a+b+");
    expect_text(uri_decode_query, "a+b%2B", "a b+");
}

static void test_every_byte_but_nul_comes_back(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdef";
    for (unsigned byte = 1; byte < 256; byte++) {
        char encoded[3] = {'%', digits[byte / 16], digits[byte % 16]};
        char plain = (char)byte;
        expect_bytes(uri_decode, encoded, 3, &plain, 1);
        if (plain != '%')
            expect_bytes(uri_decode, &plain, 1, &plain, 1);
    }
}

static void test_refuses_broken_escapes(void **state)
{
    (void)state;
    static const char *const broken[] = {"%",   "%4",   "a%",  "a%4", "%g0",
                                         "%0g", "%%41", "%-1", "% 1"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        expect_error(uri_decode, -EINVAL, broken[i], strlen(broken[i]), 64);
        expect_error(uri_decode_query, -EINVAL, broken[i], strlen(broken[i]), 64);
    }
}

static void test_refuses_nul(void **state)
{
    (void)state;
    expect_error(uri_decode, -EINVAL, "a%00b", 5, 64);
    expect_error(uri_decode, -EINVAL, "a\0b", 3, 64);
    expect_error(uri_decode_query, -EINVAL, "%00", 3, 64);
}

static void test_tells_when_the_room_ends(void **state)
{
    (void)state;
    expect_error(uri_decode, -ENOSPC, "abcd", 4, 3);
    expect_error(uri_decode, -ENOSPC, "a", 1, 0);
    char out[3];
    size_t length = 999;
    assert_int_equal(0, uri_decode("%61%62%63", 9, out, sizeof out, &length));
    assert_int_equal(3, length);
}

static void test_decodes_in_place(void **state)
{
    (void)state;
    char text[] = "%61b%63d";
    size_t length = 999;
    assert_int_equal(0, uri_decode(text, strlen(text), text, strlen(text), &length));
    assert_int_equal(4, length);
    assert_memory_equal("abcd", text, 4);
}

static void expect_split(const char *target, const char *path, const char *query)
{
    UriPart path_part = {.data = NULL, .length = 999};
    UriPart query_part = {.data = NULL, .length = 999};
    uri_split(target, strlen(target), &path_part, &query_part);
    assert_true(uri_part_is(&path_part, path));
    assert_true(uri_part_is(&query_part, query));
}

static void test_splits_path_and_query(void **state)
{
    (void)state;
    expect_split("", "", "");
    expect_split("/", "/", "");
    expect_split("/stats", "/stats", "");
    expect_split("/stats?", "/stats", "");
    expect_split("/stats?a=b?c", "/stats", "a=b?c");
    expect_split("/stats/a|#b?pretty", "/stats/a|#b", "pretty");
    expect_split("?x", "", "x");
    expect_split("http://host:80/stats?x=1", "/stats", "x=1");
    expect_split("http://host", "", "");
    expect_split("http://", "", "");
    expect_split("*", "*", "");
}

static void test_walks_over_parameters(void **state)
{
    (void)state;
    const char *text = "&&name=a=b&pretty&=x&k=&";
    static const char *const expected[][2] = {
        {"name", "a=b"}, {"pretty", ""}, {"", "x"}, {"k", ""}};
    UriPart query = {.data = text, .length = strlen(text)};
    UriPart key;
    UriPart value;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_true(uri_next_parameter(&query, &key, &value));
        assert_true(uri_part_is(&key, expected[i][0]));
        assert_true(uri_part_is(&value, expected[i][1]));
    }
    assert_false(uri_next_parameter(&query, &key, &value));
    assert_false(uri_next_parameter(&query, &key, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decodes_escapes),
        cmocka_unit_test(test_plus_is_a_space_in_a_query_only),
        cmocka_unit_test(test_every_byte_but_nul_comes_back),
        cmocka_unit_test(test_refuses_broken_escapes),
        cmocka_unit_test(test_refuses_nul),
        cmocka_unit_test(test_tells_when_the_room_ends),
        cmocka_unit_test(test_decodes_in_place),
        cmocka_unit_test(test_splits_path_and_query),
        cmocka_unit_test(test_walks_over_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
