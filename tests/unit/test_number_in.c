/* base/number.h where other text stands before the number: whatever that is, number_parse() has the
 * last word on what the number is. */
#include "base/number.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    MARGIN_MAX = 20,
    TEXT_MAX = 40,
    RANDOM_TEXTS = 400000
};
static const Number poison = {.value = 4242.5, .integer = -4242, .is_integer = true};
static const uint64_t seed = 20260131;

/* What may stand before a number and look like a part of it. */
static const char *const margins[] = {
    "99999999999999999999", "....................", "-1.-1.-1.-1.-1.-1.-1", "name.of.some.series:",
    "\xff\x80\xbf\xff\x80\xbf\xff\x80\xbf\xff\x80\xbf\xff\xff\xff\xff\xff\xff\xff"};

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static bool same(const Number *a, const Number *b)
{
    return bits_of(a->value) == bits_of(b->value) && a->integer == b->integer &&
           a->is_integer == b->is_integer;
}

/* In memory that begins with the margin and ends with the number, so that ASan sees a byte too many. */
static void check_behind(const char *margin, size_t from, const char *text, size_t length)
{
    char *bytes = malloc(from + length + (from + length == 0));
    assert_non_null(bytes);
    memcpy(bytes, margin, from);
    memcpy(bytes + from, text, length);
    Number expected = poison;
    Number got = poison;
    int expected_result = number_parse(text, length, &expected);
    int result = number_parse_in(bytes, from, from + length, &got);
    if (result != expected_result || !same(&expected, &got))
        fail_msg("\"%.*s\" behind %zu bytes: expected %d, %.17g, %" PRId64 ", %d; got %d, %.17g, "
                 "%" PRId64 ", %d",
                 (int)length, text, from, expected_result, expected.value, expected.integer,
                 expected.is_integer, result, got.value, got.integer, got.is_integer);

    uint32_t whole = 4242;
    bool digits = from >= 8 && length >= 1 && length <= 8 && strspn(text, "0123456789") >= length;
    if (number_parse_digits_in(bytes, from, from + length, &whole) != digits ||
        whole != (digits ? (uint32_t)expected.integer : 4242))
        fail_msg("\"%.*s\" behind %zu bytes: expected %d, got %" PRIu32, (int)length, text, from,
                 digits, whole);
    free(bytes);
}

/* `text` has a terminator behind its length. */
static void check(const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof margins / sizeof *margins; i++)
        check_behind(margins[i], MARGIN_MAX, text, length);
    check_behind(margins[0], 8, text, length);
    check_behind(margins[0], 7, text, length);
    check_behind(margins[0], 0, text, length);
}

/* All texts of up to five of the bytes that matter. */
static void test_every_short_text(void **state)
{
    (void)state;
    static const char bytes[] = "0159.+-e/:";
    char text[6];
    size_t combinations = 1;
    for (size_t length = 0; length <= 5; length++, combinations *= sizeof bytes - 1) {
        for (size_t i = 0; i < combinations; i++) {
            size_t rest = i;
            for (size_t place = 0; place < length; place++, rest /= sizeof bytes - 1)
                text[place] = bytes[rest % (sizeof bytes - 1)];
            text[length] = '\0';
            check(text, length);
        }
    }
}

/* Every byte value at every place of digits, with a point at every place or none. */
static void test_every_byte_everywhere(void **state)
{
    (void)state;
    char text[20];
    for (size_t length = 1; length <= 18; length++) {
        for (size_t point = 0; point <= length; point++) {
            for (size_t place = 0; place < length; place++) {
                for (int byte = 0; byte < 256; byte++) {
                    memcpy(text, "987654321987654321", length);
                    text[length] = '\0';
                    if (point < length)
                        text[point] = '.';
                    text[place] = (char)byte;
                    check_behind(margins[0], MARGIN_MAX, text, length);
                }
            }
        }
    }
}

static size_t put_digits(uint64_t *random, char *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (char)('0' + next_random(random) % 10);
    return count;
}

/* Numbers around the longest that are read as words. */
static void test_random_numbers(void **state)
{
    (void)state;
    uint64_t random = seed;
    char text[TEXT_MAX];
    print_message("seed %" PRIu64 "\n", seed);
    for (int i = 0; i < RANDOM_TEXTS; i++) {
        uint64_t r = next_random(&random);
        size_t length = 0;
        if (r % 4 == 0)
            text[length++] = "+-"[r >> 8 & 1];
        length += put_digits(&random, text + length, (r >> 16) % 11);
        if (r >> 24 & 3) {
            text[length++] = '.';
            length += put_digits(&random, text + length, (r >> 32) % 11);
        }
        if ((r >> 40) % 8 == 0)
            length += (size_t)sprintf(text + length, "e%d", (int)(r >> 48 & 31) - 16);
        text[length] = '\0';
        check_behind(margins[i % 5], MARGIN_MAX, text, length);
    }
}

/* Fractions next to whole numbers, where is_integer is at stake. */
static void test_near_whole_numbers(void **state)
{
    (void)state;
    static const char *const cases[] = {"99999999.9999999",
                                        "99999999.0000000",
                                        "99999999.0000001",
                                        "0.0000001",
                                        "0.9999999",
                                        "00000000.0000000",
                                        "-99999999.9999999",
                                        "-99999999.0",
                                        "-0.0",
                                        "+1.",
                                        "-.5",
                                        "10000000.5"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i], strlen(cases[i]));
    Number got;
    assert_int_equal(0, number_parse_in("n:99999999.9999999", 2, 18, &got));
    assert_true(got.value == 99999999.9999999 && !got.is_integer && got.integer == 0);
    assert_int_equal(0, number_parse_in("some.name:-5.0", 10, 14, &got));
    assert_true(got.value == -5 && got.is_integer && got.integer == -5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_short_text),
        cmocka_unit_test(test_every_byte_everywhere),
        cmocka_unit_test(test_random_numbers),
        cmocka_unit_test(test_near_whole_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
