/* ingest/statsd_line.h at its limits: how long, how many. */
#include "ingest/statsd_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture_line.h"

/* NAME of `name` bytes, tags of `tags` bytes, each ending with `last`. */
static void expect_lengths(size_t name, size_t tags, char last, const char *reason)
{
    char line[2048];
    memset(line, 'n', name);
    line[name - 1] = last;
    for (size_t i = 0; i < 6; i++)
        line[name + i] = ":1|c|#"[i];
    memset(line + name + 6, 't', tags);
    if (tags > 0)
        line[name + 6 + tags - 1] = last;
    ParsedLine parsed;
    line_parse(&parsed, line, name + 6 + tags);
    if (reason == NULL) {
        assert_int_equal(STATSD_SAMPLE, parsed.verdict);
        assert_int_equal(name, parsed.line.key.name_length);
        assert_int_equal(tags, parsed.line.key.tags_length);
        assert_ptr_equal(parsed.bytes, parsed.line.key.name);
        assert_ptr_equal(parsed.bytes + name + 6, parsed.line.key.tags);
    } else {
        assert_int_equal(STATSD_REJECTED, parsed.verdict);
        assert_string_equal(reason, reject_reason_name(parsed.why));
    }
    line_free(&parsed);
}

static void test_lengths(void **state)
{
    (void)state;
    expect_lengths(1, 0, 'x', NULL);
    expect_lengths(255, 0, 'x', NULL);
    expect_lengths(255, 1024, 'x', NULL);
    expect_lengths(256, 0, 'x', "too_long");
    expect_lengths(1, 1025, 'x', "too_long");
    expect_lengths(256, 1025, 'x', "too_long");
    /* What is too long is not looked at further. */
    expect_lengths(255, 0, '\x01', "bad_name");
    expect_lengths(256, 0, '\x01', "too_long");
    line_expect("a:1|c|#\x01", 8, "bad_tags");
}

/* "a:" + head + length times `fill` + tail, as a line. */
static void expect_long(const char *head, char fill, size_t length, const char *tail,
                        const char *expected)
{
    size_t before = 2 + strlen(head);
    char *line = malloc(before + length + strlen(tail) + 1);
    assert_non_null(line);
    (void)sprintf(line, "a:%s", head);
    memset(line + before, fill, length);
    memcpy(line + before + length, tail, strlen(tail) + 1);
    line_expect(line, strlen(line), expected);
    free(line);
}

static void test_numbers_of_60000_bytes(void **state)
{
    (void)state;
    expect_long("", '1', 60000, "|ms", "bad_value"); /* overflows */
    expect_long("", '1', 60000, "e-59999|g", "gauge a = 1.1111111111111112");
    expect_long("", '0', 60000, "5|c", "counter a = 5");
    expect_long("-", '0', 60000, "|c", "counter a = 0");
    expect_long("1.", '0', 60000, "|c", "counter a = 1");
    expect_long("1.", '0', 60000, "1|c", "counter a = ~1");
    expect_long("1", '0', 60000, "e-60000|c", "counter a = 1");
    expect_long("0.", '0', 60000, "1e60001|c", "counter a = 1");
    expect_long("0.", '0', 60000, "1|ms", "stats a = 0");
    expect_long("0.", '3', 60000, "|ms", "stats a = 0.33333333333333331");
    expect_long("0.", '3', 60000, "x|ms", "bad_value");
    expect_long("1e", '0', 60000, "2|c", "counter a = 100");
    expect_long("1e-", '9', 60000, "|ms", "stats a = 0");
    expect_long("1e", '9', 60000, "|ms", "bad_value");
    expect_long("1|ms|@0.", '5', 60000, "", "stats a = 1 x 1.7999999999999998");
    expect_long("", '0', 60000, "5/7|p", "progress a = done 5 total 7");
    expect_long("1|ms|", 'x', 60000, "", "stats a = 1");
}

static void test_as_many_values_as_promised(void **state)
{
    (void)state;
    enum {
        COUNT = 32000
    };
    static char line[2 * COUNT + 1] = "a";
    for (size_t i = 0; i < COUNT; i++) {
        line[2 * i + 1] = ':';
        line[2 * i + 2] = (char)('0' + i % 10);
    }
    ParsedLine parsed;
    line_parse(&parsed, line, sizeof line);
    assert_int_equal(STATSD_SAMPLE, parsed.verdict);
    assert_int_equal(COUNT, parsed.line.value_count);
    assert_ptr_equal(parsed.values, parsed.line.values);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(i % 10, (int)parsed.values[i].as.number);
    line_free(&parsed);
    line[sizeof line - 1] = 'x'; /* the very last one: nothing of the line counts */
    line_expect(line, sizeof line, "bad_value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_numbers_of_60000_bytes),
        cmocka_unit_test(test_as_many_values_as_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
