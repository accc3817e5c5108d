#include "metrics/tags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/registry.h"

static uint64_t seed = 20260204;

/* A copy that ends where the text does, so that ASan sees a read beyond the length. */
static char *copy_of(const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    assert_non_null(copy);
    return memcpy(copy + 1, text, length);
}

/* Makes the tags canonical in a buffer of exactly the input's size. => the length, in out[]. */
static size_t canonical(const char *tags, size_t length, char *out)
{
    char *from = copy_of(tags, length);
    char *to = malloc(length + 1);
    assert_non_null(to);
    size_t written = tags_canonical(from, length, to + 1);
    assert_true(written <= length);
    memcpy(out, to + 1, written);
    free(from - 1);
    free(to);
    return written;
}

static bool is_canonical(const char *tags, size_t length)
{
    char *copy = copy_of(tags, length);
    bool result = tags_are_canonical(copy, length);
    free(copy - 1);
    return result;
}

static void expect(const char *expected, size_t expected_length, const char *tags, size_t length)
{
    char actual[SERIES_TAGS_MAX];
    size_t actual_length = canonical(tags, length, actual);
    if (actual_length != expected_length || memcmp(expected, actual, expected_length) != 0)
        fail_msg("\"%.*s\": expected \"%.*s\", got \"%.*s\"", (int)length, tags,
                 (int)expected_length, expected, (int)actual_length, actual);
    bool same = length == expected_length && memcmp(expected, tags, length) == 0;
    if (is_canonical(tags, length) != same)
        fail_msg("\"%.*s\": expected canonical %d, got %d", (int)length, tags, same, !same);
    if (!is_canonical(expected, expected_length))
        fail_msg("\"%.*s\": expected to be canonical", (int)expected_length, expected);
}

static void test_table(void **state)
{
    (void)state;
    static const struct {
        const char *tags, *expected;
    } cases[] = {
        {"", ""},
        {",", ""},
        {",,,,", ""},
        {"a", "a"},
        {"a,", "a"},
        {",a", "a"},
        {",,a,,", "a"},
        {"a,a", "a"},
        {"a,a,a,", "a"},
        {"b,a", "a,b"},
        {"a,b", "a,b"},
        {"b,a,b,a", "a,b"},
        {"c,,a,,b", "a,b,c"},
        {"env:prod,route:/x", "env:prod,route:/x"},
        {"route:/x,env:prod", "env:prod,route:/x"},
        {"route:/x,env:prod,route:/x", "env:prod,route:/x"},
        {"k:2,k:1", "k:1,k:2"},
        {"k:10,k:9", "k:10,k:9"},
        {"ab,a", "a,ab"},
        {"a,ab", "a,ab"},
        {"ab,abc,a,abcd", "a,ab,abc,abcd"},
        {"a:b,a", "a,a:b"},
        {"a!,a", "a,a!"},
        /* As whole texts "a!,b" would be less than "a,b"; as items a comes first. */
        {"a!,a,b", "a,a!,b"},
        {"a,a!,b", "a,a!,b"},
        {"B,a", "B,a"},
        {"a,B", "B,a"},
        {" a,a", " a,a"},
        {"\xc3\xa9,z", "z,\xc3\xa9"},
        {"z,\xc3\xa9", "z,\xc3\xa9"},
        {"a:,a", "a,a:"},
        {":,::", ":,::"},
        {"::,:", ":,::"},
        {"a,b,c,d,e,", "a,b,c,d,e"},
        {"a,b,c,d,e,e", "a,b,c,d,e"},
        {"a,b,c,e,d", "a,b,c,d,e"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(cases[i].expected, strlen(cases[i].expected), cases[i].tags, strlen(cases[i].tags));
}

static void test_no_tags_need_no_memory(void **state)
{
    (void)state;
    char out = 'x';
    assert_true(tags_are_canonical(NULL, 0));
    assert_int_equal(0, tags_canonical("", 0, &out));
    assert_int_equal('x', out);
}

/* 512 items of one byte, and the comma after each, fill the 1024 bytes. */
static void test_the_most_items(void **state)
{
    (void)state;
    char tags[SERIES_TAGS_MAX];
    for (size_t i = 0; i < 512; i++) {
        tags[2 * i] = (char)(255 - i % 200);
        tags[2 * i + 1] = ',';
    }
    char expected[2 * 200];
    size_t length = 0;
    for (unsigned byte = 56; byte < 256; byte++) {
        expected[length++] = (char)byte;
        expected[length++] = ',';
    }
    expect(expected, length - 1, tags, sizeof tags);
    expect(expected, length - 1, tags, sizeof tags - 1);
    memset(tags, ',', sizeof tags);
    expect("", 0, tags, sizeof tags);
}

static void test_1024_bytes(void **state)
{
    (void)state;
    char tags[SERIES_TAGS_MAX];
    memset(tags, 'k', sizeof tags);
    expect(tags, sizeof tags, tags, sizeof tags);
    /* 128 different items of 7 bytes, backwards; the last one is a byte longer. */
    char backwards[SERIES_TAGS_MAX + 1];
    char forwards[SERIES_TAGS_MAX + 1];
    int length = snprintf(forwards, sizeof forwards, "key:000x");
    for (unsigned i = 0; i < 128; i++) {
        snprintf(backwards + (size_t)8 * i, 9, "key:%03u%c", 127 - i, i == 127 ? 'x' : ',');
        if (i > 0)
            length += snprintf(forwards + length, 9, ",key:%03u", i);
    }
    assert_int_equal(SERIES_TAGS_MAX, length);
    expect(forwards, 1024, backwards, 1024);
    expect(forwards, 1024, forwards, 1024);
}

typedef struct {
    const char *text;
    size_t length;
} Item;

static int order(Item a, Item b)
{
    for (size_t i = 0; i < a.length && i < b.length; i++) {
        if (a.text[i] != b.text[i])
            return (unsigned char)a.text[i] < (unsigned char)b.text[i] ? -1 : 1;
    }
    return a.length < b.length ? -1 : a.length > b.length;
}

/* The slow way: the least item that is greater than the one before, until there is none. */
static size_t slowly(const char *tags, size_t length, char *out)
{
    size_t written = 0;
    Item before = {"", 0};
    for (;;) {
        Item least = {NULL, 0};
        for (size_t start = 0, end = 0; end <= length; end++) {
            if (end < length && tags[end] != ',')
                continue;
            Item item = {tags + start, end - start};
            if (order(item, before) > 0 && (least.text == NULL || order(item, least) < 0))
                least = item;
            start = end + 1;
        }
        if (least.text == NULL)
            return written;
        if (written > 0)
            out[written++] = ',';
        memcpy(out + written, least.text, least.length);
        written += least.length;
        before = least;
    }
}

static void test_random_tags_against_the_slow_way(void **state)
{
    (void)state;
    uint64_t rng = seed;
    static const char alphabet[8] = {'a', 'b', ',', ',', ':', '!', '\xff', '\0'};
    int canonical_ones = 0;
    for (int i = 0; i < 300000; i++) {
        char tags[24];
        char expected[24];
        rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
        size_t length = (rng >> 32) % (sizeof tags + 1);
        for (size_t k = 0; k < length; k++) {
            rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
            tags[k] = alphabet[rng >> 61];
        }
        size_t expected_length = slowly(tags, length, expected);
        expect(expected, expected_length, tags, length);
        canonical_ones += is_canonical(tags, length);
    }
    assert_in_range(canonical_ones, 10000, 290000);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0) | 1;
    print_message("# seed %llu (first argument)\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_no_tags_need_no_memory),
        cmocka_unit_test(test_the_most_items),
        cmocka_unit_test(test_1024_bytes),
        cmocka_unit_test(test_random_tags_against_the_slow_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
