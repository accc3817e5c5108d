#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "render/prometheus_name.h"

static void test_names_are_mapped(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"hits", "hits"},
        {"api.latency", "api_latency"},
        {"Api-Latency/p99", "Api_Latency_p99"},
        {"a b\"c\\d", "a_b_c_d"},
        {"9lives", "_9lives"},
        {"9", "_9"},
        {".", "_"},
        {"..", "__"},
        {"_x", "_x"},
        {"größe", "gr__e"},        /* a character, not a byte */
        {"\xf0\x9f\x98\x80", "_"}, /* of four bytes */
        {"atomicstatsd_values", "statsd_atomicstatsd_values"},
        {"atomicstatsd.values", "statsd_atomicstatsd_values"},
        {"atomicstatsd", "atomicstatsd"},
        {"up", "statsd_up"},
        {"upper", "upper"},
        {"scrape.duration_seconds", "statsd_scrape_duration_seconds"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char *out = malloc(PROMETHEUS_NAME_MAX); /* of exactly this size, for the sanitizer */
        assert_non_null(out);
        size_t length = prometheus_name(table[i][0], strlen(table[i][0]), out);
        assert_int_equal(strlen(table[i][1]), length);
        assert_memory_equal(table[i][1], out, length);
        free(out);
    }
}

static void test_the_longest_name_fits(void **state)
{
    (void)state;
    char name[SERIES_NAME_MAX];
    memset(name, '7', sizeof name);
    char *out = malloc(PROMETHEUS_NAME_MAX);
    assert_non_null(out);
    assert_int_equal(SERIES_NAME_MAX + 1, prometheus_name(name, sizeof name, out));
    for (size_t i = 0; i < 7; i++)
        name[i] = "scrape_"[i];
    assert_int_equal(PROMETHEUS_NAME_MAX - 1, prometheus_name(name, sizeof name, out));
    free(out);
}

static void test_endings_that_are_taken(void **state)
{
    (void)state;
    static const char *const taken[] = {"x_total",  "x_sum",     "x_count",
                                        "x_bucket", "x_created", "_sum"};
    static const char *const others[] = {"x", "total", "x_totals", "x_count_", "xcount", "x_min"};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        assert_true(prometheus_name_is_taken(taken[i], strlen(taken[i])));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(prometheus_name_is_taken(others[i], strlen(others[i])));
}

static void expect_labels(const char *tags, const char *expected)
{
    char text[1024];
    Buffer out;
    buffer_init(&out, text, sizeof text - 1);
    prometheus_labels(&out, tags, strlen(tags));
    assert_false(out.overflow);
    text[out.length] = '\0';
    assert_string_equal(expected, text);
}

static void test_tags_become_labels(void **state)
{
    (void)state;
    expect_labels("", "");
    expect_labels("env:prod", "env=\"prod\"");
    expect_labels("env:prod,route:/x", "env=\"prod\",route=\"/x\"");
    expect_labels("url:http://x/?a=b", "url=\"http://x/?a=b\"");
    expect_labels("canary", "canary=\"true\"");
    expect_labels("canary,env:", "canary=\"true\"");
    expect_labels("env:", "");
    expect_labels(":v", "_=\"v\"");
    expect_labels("a.b:1,c-d:2", "a_b=\"1\",c_d=\"2\"");
    expect_labels("1st:x", "_1st=\"x\"");
    expect_labels("é:ü", "_=\"ü\"");
    expect_labels("q:\"a\\b\"", "q=\"\\\"a\\\\b\\\"\"");
}

static void test_labels_with_a_meaning_of_their_own(void **state)
{
    (void)state;
    expect_labels("le:0.5,quantile:0.9,statsd_series:x",
                  "tag_le=\"0.5\",tag_quantile=\"0.9\",tag_statsd_series=\"x\"");
    expect_labels("__name__:x", "tag__name__=\"x\"");
    expect_labels("..:x", "tag__=\"x\"");
    expect_labels("instance:x,job:y", "instance=\"x\",job=\"y\"");
}

/* A label stands once, and labels stand in their order, so that equal sets are equal texts. */
static void test_tags_of_one_label_are_joined(void **state)
{
    (void)state;
    expect_labels("a:1,a:2", "a=\"1,2\"");
    expect_labels("a.b:1,a/b:2,a_b:3", "a_b=\"1,2,3\"");
    expect_labels("a,a:", "a=\"true\"");
    expect_labels("a-c:1,a.b:2,a_b:3,ab:4", "a_b=\"2,3\",a_c=\"1\",ab=\"4\"");
    expect_labels("Z:1,a.a:2,a:3,le:4,m:5,z:6",
                  "Z=\"1\",a=\"3\",a_a=\"2\",m=\"5\",tag_le=\"4\",z=\"6\"");
}

/* The most text that tags can become: none is dropped, and it fits. */
static void test_the_longest_labels_fit(void **state)
{
    (void)state;
    static const char *const items[] = {"1",  "a", "\xc3\xa9", "a:\"", "..", "a:\\\\\\\\\\\\\\\\",
                                        "0:1"};
    for (size_t k = 0; k < sizeof items / sizeof items[0]; k++) {
        char tags[SERIES_TAGS_MAX];
        char text[PROMETHEUS_LABELS_MAX];
        size_t length = 0;
        for (size_t size = strlen(items[k]); length + size + 1 <= sizeof tags; length += size + 1) {
            memcpy(tags + length, items[k], size);
            tags[length + size] = ',';
        }
        Buffer out;
        buffer_init(&out, text, sizeof text);
        prometheus_labels(&out, tags, length - 1);
        assert_false(out.overflow);
        assert_true(out.length > 0);
    }
}

/* Names of two bytes each, all different: no joining makes it shorter. */
static void test_many_different_labels_fit(void **state)
{
    (void)state;
    char tags[SERIES_TAGS_MAX];
    char text[PROMETHEUS_LABELS_MAX];
    size_t length = 0;
    for (int i = 0; length + 3 <= sizeof tags; i++) {
        tags[length++] = (char)('0' + i / 26 % 10);
        tags[length++] = (char)('a' + i % 26);
        tags[length++] = ',';
    }
    Buffer out;
    buffer_init(&out, text, sizeof text);
    prometheus_labels(&out, tags, length - 1);
    assert_false(out.overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_mapped),
        cmocka_unit_test(test_the_longest_name_fits),
        cmocka_unit_test(test_endings_that_are_taken),
        cmocka_unit_test(test_tags_become_labels),
        cmocka_unit_test(test_labels_with_a_meaning_of_their_own),
        cmocka_unit_test(test_tags_of_one_label_are_joined),
        cmocka_unit_test(test_the_longest_labels_fit),
        cmocka_unit_test(test_many_different_labels_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
