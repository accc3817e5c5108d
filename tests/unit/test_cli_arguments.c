#include "cli/arguments.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/endpoint.h"

static const char *value;
static bool flag;
static const ArgumentOption options[] = {
    {"--type", &value, NULL}, {"--json", NULL, &flag}, {NULL, NULL, NULL}};

/* `line` is split at spaces; the words stay where they are until the next call. */
static int parse(const char *line, Arguments *out, ArgumentsError *error)
{
    static char copy[256];
    static char *argv[16];
    int argc = 0;
    (void)snprintf(copy, sizeof copy, "%s", line);
    for (char *at = copy, *word; (word = strsep(&at, " ")) != NULL;)
        argv[argc++] = word;
    argv[argc] = NULL;
    value = NULL;
    flag = false;
    return arguments_parse(argc, argv, options, out, error);
}

static void test_options_stand_anywhere_and_negative_numbers_are_words(void **state)
{
    (void)state;
    Arguments words;
    ArgumentsError error;
    assert_int_equal(0, parse("a --type c -3.5 -.5 --json -", &words, &error));
    assert_int_equal(4, words.count);
    assert_string_equal("a", words.words[0]);
    assert_string_equal("-3.5", words.words[1]);
    assert_string_equal("-.5", words.words[2]);
    assert_string_equal("-", words.words[3]);
    assert_string_equal("c", value);
    assert_true(flag);
    assert_null(words.command);
}

static void test_the_command_stands_behind_two_dashes(void **state)
{
    (void)state;
    Arguments words;
    ArgumentsError error;
    assert_int_equal(0, parse("--type= --type=x=y a -- make --json", &words, &error));
    assert_int_equal(1, words.count);
    assert_string_equal("x=y", value);
    assert_string_equal("make", words.command[0]);
    assert_string_equal("--json", words.command[1]);
    assert_null(words.command[2]);
    assert_false(flag);
}

static void refused(const char *expected, const char *line)
{
    Arguments words;
    ArgumentsError error;
    assert_int_equal(-EINVAL, parse(line, &words, &error));
    assert_string_equal(expected, error.message);
}

static void test_what_is_wrong_is_said(void **state)
{
    (void)state;
    refused("unknown option --typ; did you mean --type?", "--typ c");
    refused("unknown option -type=c; did you mean --type?", "-type=c");
    refused("unknown option --url", "--url x");
    refused("unknown option ---", "---");
    refused("unknown option -x", "-x");
    refused("--type needs a value", "--type");
    refused("--json takes no value: --json=1", "--json=1");
}

static void assert_endpoint(const char *expected, const char *text)
{
    Endpoint endpoint;
    char shown[ENDPOINT_TEXT_SIZE];
    assert_int_equal(0, endpoint_parse(text, 8125, &endpoint));
    assert_string_equal(expected, endpoint_format(&endpoint, shown));
}

static void test_endpoints_are_hosts_with_or_without_a_port(void **state)
{
    (void)state;
    assert_endpoint("127.0.0.1:8125", "127.0.0.1");
    assert_endpoint("127.0.0.1:1", "127.0.0.1:1");
    assert_endpoint("[::1]:8125", "[::1]");
    assert_endpoint("[fe80::1%eth0]:65535", "[fe80::1%eth0]:65535");
    assert_endpoint("localhost:9", "localhost:9");
    const char *const bad[] = {"",   ":1",     "a:",  "a:0", "a:65536", "a:b",      "::1", "[::1",
                               "[]", "[::1]x", "a b", "a/b", "a@b:1",   "http://a", NULL};
    for (size_t i = 0; bad[i] != NULL; i++) {
        Endpoint endpoint = {.port = 7};
        if (endpoint_parse(bad[i], 8125, &endpoint) != -EINVAL || endpoint.port != 7)
            fail_msg("taken: %s", bad[i]);
    }
}

static void test_what_is_no_endpoint_is_explained(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "the host is missing"},
        {":8125", "the host is missing"},
        {"a:", "the port is a number from 1 to 65535"},
        {"a:0", "the port is a number from 1 to 65535"},
        {"a:70000", "the port is a number from 1 to 65535"},
        {"[::1]:x", "the port is a number from 1 to 65535"},
        {"::1", "IPv6 stands in brackets, as in [::1]:PORT"},
        {"http://127.0.0.1:8127", "leave what ends in :// away"},
        {"127.0.0.1:8127/stats", "there is no path in it"},
        {"a b", "a host is letters, digits, . and -, or an IPv6 address in brackets"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Endpoint endpoint;
        assert_int_equal(-EINVAL, endpoint_parse(cases[i][0], 8125, &endpoint));
        assert_string_equal(cases[i][1], endpoint_advice(cases[i][0]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_stand_anywhere_and_negative_numbers_are_words),
        cmocka_unit_test(test_the_command_stands_behind_two_dashes),
        cmocka_unit_test(test_what_is_wrong_is_said),
        cmocka_unit_test(test_endpoints_are_hosts_with_or_without_a_port),
        cmocka_unit_test(test_what_is_no_endpoint_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
