#include "metrics/glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed = 20260205;

/* On copies that end where the text does, so that ASan sees a read beyond either length. */
static bool matches(const char *pattern, size_t pattern_length, const char *text,
                    size_t text_length)
{
    char *p = malloc(pattern_length + 1);
    char *t = malloc(text_length + 1);
    if (p == NULL || t == NULL)
        abort();
    memcpy(p + 1, pattern, pattern_length);
    memcpy(t + 1, text, text_length);
    bool result = glob_matches(p + 1, pattern_length, t + 1, text_length);
    free(p);
    free(t);
    return result;
}

static void test_table(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool expected;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"?", "", false},
        {"*", "", true},
        {"***", "", true},
        {"*?", "", false},
        {"a", "a", true},
        {"a", "b", false},
        {"a", "aa", false},
        {"aa", "a", false},
        {"abc", "abc", true},
        {"*", "anything at all", true},
        {"api.*", "api.latency", true},
        {"api.*", "api.", true},
        {"api.*", "api", false},
        {"*.latency", "api.latency", true},
        {"*.latency", "api.latency.p99", false},
        {"*api*", "api", true},
        {"*api*", "my.api.x", true},
        {"*api*", "apx", false},
        {"a*b", "ab", true},
        {"a*b", "aXb", true},
        {"a*b", "aXbX", false},
        {"a*b", "aXbXb", true},
        {"a*b*c", "aXbXbXc", true},
        {"a*b*c", "aXcXb", false},
        {"*a*b*", "xxaxxbxx", true},
        {"*a*b*", "xxbxxaxx", false},
        {"*ab", "aab", true},
        {"*aab", "aaab", true},
        {"*abc", "ababc", true},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"a?c", "abbc", false},
        {"??", "ab", true},
        {"??", "a", false},
        {"??", "abc", false},
        {"*?", "a", true},
        {"?*", "a", true},
        {"?*?", "a", false},
        {"?*?", "ab", true},
        {"*?b", "ab", true},
        {"*?b", "b", false},
        /* ? is one UTF-8 character, of two, three or four bytes. */
        {"?", "\xc3\xa9", true},
        {"??", "\xc3\xa9", false},
        {"?", "\xe2\x82\xac", true},
        {"??", "\xe2\x82\xac", false},
        {"?", "\xf0\x9f\x98\x80", true},
        {"???", "\xf0\x9f\x98\x80", false},
        {"caf?", "caf\xc3\xa9", true},
        {"caf?s", "caf\xc3\xa9s", true},
        {"*??", "\xc3\xa9\xc3\xa9", true},
        {"*???", "\xc3\xa9\xc3\xa9", false},
        {"*\xc3\xa9", "a\xc3\xa9", true},
        {"*\xc3\xa9", "\xc3\xaa\xc3\xa9", true},
        {"*\xc3\xa9", "\xc3\xa9\xc3\xaa", false},
        {"\xc3\xa9", "\xc3\xa8", false},
        /* Nothing else is special. */
        {"[a]", "a", false},
        {"[a]", "[a]", true},
        {"\\*", "*", false},
        {"\\*", "\\x", true},
        {"*", "*", true},
        {"?", "?", true},
        {"*\\?", "a\\b", true},
        {"A", "a", false},
        {".", "x", false},
        {"a.b|#*", "a.b|#env:prod", true},
        {"*env:prod*", "a.b|#env:prod,x:y", true},
        {"a.b", "a.b|#env:prod", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool actual = matches(cases[i].pattern, strlen(cases[i].pattern), cases[i].text,
                              strlen(cases[i].text));
        if (actual != cases[i].expected)
            fail_msg("\"%s\" on \"%s\": expected %d, got %d", cases[i].pattern, cases[i].text,
                     cases[i].expected, actual);
    }
}

static void test_nothing_matches_nothing_without_memory(void **state)
{
    (void)state;
    assert_true(glob_matches(NULL, 0, NULL, 0));
    assert_false(glob_matches(NULL, 0, "a", 1));
    assert_true(glob_matches("*", 1, NULL, 0));
    assert_false(glob_matches("?", 1, NULL, 0));
}

static void test_a_zero_byte_is_a_byte(void **state)
{
    (void)state;
    assert_true(matches("a\0b", 3, "a\0b", 3));
    assert_false(matches("a\0b", 3, "a\0c", 3));
    assert_true(matches("a?b", 3, "a\0b", 3));
    assert_false(matches("a", 1, "a\0", 2));
}

/* Trying every star again takes 10000^k steps: such a matcher would not come back. */
static void test_many_stars_on_a_long_text(void **state)
{
    (void)state;
    enum {
        LENGTH = 10000
    };
    static char text[LENGTH];
    memset(text, 'a', sizeof text);
    static const struct {
        const char *pattern;
        bool expected;
    } cases[] = {
        {"*a*b*", false},
        {"*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", false},
        {"a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab*", false},
        {"*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*b", false},
        {"*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*", true},
        {"*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false},
        {"****************************************a", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(cases[i].expected,
                         matches(cases[i].pattern, strlen(cases[i].pattern), text, sizeof text));
    text[LENGTH - 1] = 'b';
    assert_true(matches("*a*b*", 5, text, sizeof text));
    assert_true(matches("*a*a*a*a*b", 10, text, sizeof text));
    /* As many stars as there are bytes, twice over. */
    static char stars[2 * LENGTH];
    memset(stars, '*', sizeof stars);
    assert_true(matches(stars, sizeof stars, text, sizeof text));
    stars[sizeof stars - 1] = 'a';
    assert_false(matches(stars, sizeof stars, text, sizeof text));
}

static size_t character_length(const char *text, size_t length)
{
    size_t n = 1;
    while (n < length && ((unsigned char)text[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* By the definition, exponential. */
static bool slowly(const char *pattern, size_t pattern_length, const char *text, size_t text_length)
{
    if (pattern_length == 0)
        return text_length == 0;
    size_t first = text_length != 0 ? character_length(text, text_length) : 0;
    if (*pattern == '*')
        return slowly(pattern + 1, pattern_length - 1, text, text_length) ||
               (text_length != 0 &&
                slowly(pattern, pattern_length, text + first, text_length - first));
    if (text_length == 0)
        return false;
    if (*pattern == '?')
        return slowly(pattern + 1, pattern_length - 1, text + first, text_length - first);
    return *pattern == *text && slowly(pattern + 1, pattern_length - 1, text + 1, text_length - 1);
}

/* Valid UTF-8 made of whole pieces. => its length. */
static size_t random_text(uint64_t *rng, const char *const pieces[4], size_t most, char *out)
{
    size_t length = 0;
    *rng ^= *rng << 13, *rng ^= *rng >> 7, *rng ^= *rng << 17;
    for (size_t count = (*rng >> 32) % (most + 1); count > 0; count--) {
        *rng ^= *rng << 13, *rng ^= *rng >> 7, *rng ^= *rng << 17;
        const char *piece = pieces[*rng >> 62];
        while (*piece != '\0')
            out[length++] = *piece++;
    }
    return length;
}

static void test_random_patterns_against_the_definition(void **state)
{
    (void)state;
    static const char *const in_patterns[4] = {"*", "?", "a", "\xc3\xa9"};
    static const char *const in_texts[4] = {"a", "b", "a", "\xc3\xa9"};
    uint64_t rng = seed;
    int matched = 0;
    for (int i = 0; i < 300000; i++) {
        char pattern[16];
        char text[20];
        size_t pattern_length = random_text(&rng, in_patterns, 8, pattern);
        size_t text_length = random_text(&rng, in_texts, 10, text);
        bool expected = slowly(pattern, pattern_length, text, text_length);
        if (matches(pattern, pattern_length, text, text_length) != expected)
            fail_msg("\"%.*s\" on \"%.*s\": expected %d, got %d", (int)pattern_length, pattern,
                     (int)text_length, text, expected, !expected);
        matched += expected;
    }
    assert_in_range(matched, 10000, 290000);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0) | 1;
    print_message("# seed %llu (first argument)\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_nothing_matches_nothing_without_memory),
        cmocka_unit_test(test_a_zero_byte_is_a_byte),
        cmocka_unit_test(test_many_stars_on_a_long_text),
        cmocka_unit_test(test_random_patterns_against_the_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
