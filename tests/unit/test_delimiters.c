#include "ingest/delimiters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

typedef struct {
    DelimiterScanner scanners[2];
    size_t count;
} Scanners;

static Scanners all_scanners(void)
{
    Scanners all = {.scanners = {delimiters_scan_portable}, .count = 1};
    if (delimiters_choose(SCANNER_AVX2) != NULL)
        all.scanners[all.count++] = delimiters_scan_avx2;
    return all;
}

/* What the header says, word for word. */
static Delimiters by_definition(const char *text, size_t length, uint16_t *positions)
{
    Delimiters found = {.plain = true};
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte == ':' || byte == '|' || byte == '\n')
            positions[found.count++] = (uint16_t)i;
        if (byte != '\n' && (byte < 0x20 || byte > 0x7E))
            found.plain = false;
    }
    return found;
}

/* In memory that ends where the text ends, so that ASan sees a byte too many. */
static void check(const char *bytes, size_t length)
{
    static uint16_t expected[DELIMITERS_ROOM];
    static uint16_t actual[DELIMITERS_ROOM];
    const Scanners all = all_scanners();
    char *text = malloc(length + (length == 0));
    assert_non_null(text);
    if (length > 0)
        memcpy(text, bytes, length);
    Delimiters wanted = by_definition(text, length, expected);
    for (size_t i = 0; i < all.count; i++) {
        memset(actual, 0xA5, sizeof actual);
        Delimiters found = all.scanners[i](text, length, actual);
        assert_int_equal(wanted.count, found.count);
        assert_int_equal(wanted.plain, found.plain);
        assert_memory_equal(expected, actual, wanted.count * sizeof expected[0]);
    }
    assert_memory_equal(bytes, text, length);
    free(text);
}

/* Every byte value, at every place of two blocks of each scanner, and of the rest behind them. */
static void test_every_byte_everywhere(void **state)
{
    (void)state;
    char text[80];
    for (size_t length = 1; length <= sizeof text; length += 13) {
        for (size_t place = 0; place < length; place++) {
            for (int byte = 0; byte < 256; byte++) {
                memset(text, 'a', sizeof text);
                text[place] = (char)byte;
                check(text, length);
            }
        }
    }
}

static void test_every_length(void **state)
{
    (void)state;
    char text[300];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = ":|\na"[i * 7 % 4];
    for (size_t length = 0; length <= sizeof text; length++)
        check(text, length);
}

static void test_longest_text(void **state)
{
    (void)state;
    char *text = malloc(DELIMITERS_TEXT_MAX);
    assert_non_null(text);
    memset(text, ':', DELIMITERS_TEXT_MAX);
    check(text, DELIMITERS_TEXT_MAX);
    memset(text, 'x', DELIMITERS_TEXT_MAX);
    text[DELIMITERS_TEXT_MAX - 1] = '\n';
    check(text, DELIMITERS_TEXT_MAX);
    free(text);
}

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

static void test_random_texts(void **state)
{
    (void)state;
    uint64_t seed = (uint64_t)time(NULL);
    print_message("seed %llu\n", (unsigned long long)seed);
    char text[256];
    for (int round = 0; round < 200000; round++) {
        size_t length = next_random(&seed) % sizeof text;
        uint32_t density = next_random(&seed) % 16;
        for (size_t i = 0; i < length; i++) {
            uint32_t random = next_random(&seed);
            if ((random & 15) < density)
                text[i] = ":|\n\r\x1f\x7f\x80\xff"[random >> 4 & 7];
            else
                memset(text + i, (int)(' ' + (random >> 8) % 95), 1);
        }
        check(text, length);
    }
}

static void test_choice(void **state)
{
    (void)state;
    assert_true(delimiters_choose(SCANNER_PORTABLE) == delimiters_scan_portable);
    bool avx2 = delimiters_choose(SCANNER_AVX2) != NULL;
    assert_true(delimiters_choose(SCANNER_AUTO) ==
                (avx2 ? delimiters_scan_avx2 : delimiters_scan_portable));
    assert_string_equal("portable", delimiters_name(delimiters_scan_portable));
    assert_string_equal("avx2", delimiters_name(delimiters_scan_avx2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_everywhere),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_longest_text),
        cmocka_unit_test(test_random_texts),
        cmocka_unit_test(test_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
