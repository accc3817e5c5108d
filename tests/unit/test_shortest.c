#include "base/shortest.h"

#include "base/number_print.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    READ_BACK = 5000000,
    COMPARED = 200000
};

static uint64_t seed = 20260131;

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double read_decimal(Decimal decimal)
{
    char text[64];
    snprintf(text, sizeof text, "%" PRIu64 "e%d", decimal.digits, decimal.exponent);
    return strtod(text, NULL);
}

/* `value` rounded to `precision` digits by printf, which is exact. */
static Decimal rounded(double value, int precision)
{
    char text[64];
    snprintf(text, sizeof text, "%.*e", precision - 1, value);
    Decimal decimal = {.digits = 0, .exponent = 1 - precision};
    const char *p = text;
    for (; *p != 'e'; p++)
        if (*p != '.')
            decimal.digits = decimal.digits * 10 + (uint64_t)(*p - '0');
    decimal.exponent += (int)strtol(p + 1, NULL, 10);
    return decimal;
}

/* Of the decimals of `precision` digits that read back, the closest. The nearest of all need not be
 * one of them: the middle below a power of two is closer than the one above. => false: none does */
static bool closest(double value, int precision, Decimal *out)
{
    Decimal nearest = rounded(value, precision);
    Decimal above = {.digits = nearest.digits + 1, .exponent = nearest.exponent};
    Decimal below = {.digits = nearest.digits - 1, .exponent = nearest.exponent};
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, below.digits);
    if ((int)strlen(text) < precision ||
        below.digits == 0) /* 999 comes before 1000, 0.9 before 1 */
        below = (Decimal){.digits = nearest.digits * 10 - 1, .exponent = nearest.exponent - 1};
    const Decimal candidates[] = {nearest, above, below};
    for (int i = 0; i < 3; i++)
        if (read_decimal(candidates[i]) == value) {
            *out = candidates[i];
            return true;
        }
    return false;
}

/* That the text reads back as the very same bits. */
static void expect_read_back(double value)
{
    char text[2 * NUMBER_TEXT_SIZE];
    memset(text, 'X', sizeof text);
    size_t length = number_print_double(value, text);
    if (length >= NUMBER_TEXT_SIZE || text[length] != '\0' ||
        bits_of(strtod(text, NULL)) != bits_of(value))
        fail_msg("expected a text for %a (%.17g), got %.40s", value, value, text);
}

/* That there is none shorter, and none of this length that is closer. */
static void expect_shortest(double value)
{
    Decimal actual = shortest_decimal(value);
    char digits[32];
    int count = snprintf(digits, sizeof digits, "%" PRIu64, actual.digits);
    Decimal expected = {0};
    if (actual.digits % 10 == 0 || count > DBL_DECIMAL_DIG)
        fail_msg("%a: got %" PRIu64 "e%d", value, actual.digits, actual.exponent);
    if (count > 1 && closest(value, count - 1, &expected))
        fail_msg("%a: expected no more digits than %" PRIu64 "e%d, got %" PRIu64 "e%d", value,
                 expected.digits, expected.exponent, actual.digits, actual.exponent);
    if (!closest(value, count, &expected) || expected.digits != actual.digits ||
        expected.exponent != actual.exponent)
        fail_msg("%a: expected %" PRIu64 "e%d, got %" PRIu64 "e%d", value, expected.digits,
                 expected.exponent, actual.digits, actual.exponent);
}

/* The value and its four closest neighbours, as far as they are doubles above 0. */
static void expect_around(double value)
{
    for (uint64_t i = 0; i < 5; i++) {
        double neighbour = from_bits(bits_of(value) + i - 2);
        if (neighbour > 0 && isfinite(neighbour)) {
            expect_read_back(neighbour);
            expect_shortest(neighbour);
        }
    }
}

static void expect_decimal(double value, uint64_t digits, int exponent)
{
    Decimal actual = shortest_decimal(value);
    if (actual.digits != digits || actual.exponent != exponent)
        fail_msg("%a: expected %" PRIu64 "e%d, got %" PRIu64 "e%d", value, digits, exponent,
                 actual.digits, actual.exponent);
}

static void test_known_values(void **state)
{
    (void)state;
    expect_decimal(1, 1, 0);
    expect_decimal(0.1, 1, -1);
    expect_decimal(1e-6, 1, -6);
    expect_decimal(1e-7, 1, -7);
    expect_decimal(123456.789, 123456789, -3);
    expect_decimal(999999999.999999, 999999999999999, -6);
    expect_decimal(1000000000.000001, 1000000000000001, -6);
    expect_decimal(0.1 + 0.2, 30000000000000004, -17);
    expect_decimal(0x1p53 - 1, 9007199254740991, 0);
    expect_decimal(0x1p53, 9007199254740992, 0);
    expect_decimal(0x1p53 + 2, 9007199254740994, 0);
    expect_decimal(1e22, 1, 22);
    expect_decimal(DBL_MAX, 17976931348623157, 292);
    expect_decimal(DBL_MIN, 22250738585072014, -324);
    expect_decimal(DBL_MIN - 0x1p-1074, 2225073858507201, -323);
    /* Denormals: one digit for the last bit, and 9.88e-324 is closer to 10 than to 9. */
    expect_decimal(0x1p-1074, 5, -324);
    expect_decimal(0x2p-1074, 1, -323);
    expect_decimal(0x3p-1074, 15, -324);
    /* Both tenths are equally close and read back: the even one. */
    expect_decimal(0x1p50 + 0.25, 11258999068426242, -1);
    expect_decimal(0x1p50 + 0.75, 11258999068426248, -1);
    /* 10^23 is the middle of two doubles and reads back as the even one. */
    expect_decimal(1e23, 1, 23);
    expect_decimal(nextafter(1e23, 1e24), 10000000000000001, 7);
    /* Powers of two whose closest decimal of 16 digits reads back as the double below. */
    expect_decimal(0x1p-24, 5960464477539063, -23);
    expect_decimal(0x1p-44, 5684341886080802, -29);
}

static void test_powers_and_their_neighbours(void **state)
{
    (void)state;
    for (int exponent = -1074; exponent <= 1023; exponent++)
        expect_around(ldexp(1, exponent));
    for (int exponent = -323; exponent <= 308; exponent++)
        for (uint64_t digits = 1; digits < 1000; digits = digits * 3 + 1) {
            double value = read_decimal((Decimal){.digits = digits, .exponent = exponent});
            if (isfinite(value))
                expect_around(value);
        }
}

static void test_edges(void **state)
{
    (void)state;
    for (uint64_t bits = 1; bits <= 2000; bits++) {
        expect_around(from_bits(bits));
        expect_around(from_bits(bits_of(DBL_MIN) - 1000 + bits));
        expect_around(from_bits(bits_of(DBL_MAX) + 1 - bits));
        expect_around(from_bits(bits_of(0x1p53) - 1000 + bits));
        expect_around(from_bits(bits_of(1e9) - 1000 + bits));
        expect_around((double)bits / 1e6);
    }
}

/* Where a double has a half, a quarter … left at the digit of its spacing, so that two decimals are
 * equally close; and the doubles around middles with few digits. */
static void test_ties(void **state)
{
    (void)state;
    uint64_t random = seed;
    for (int i = 0; i < 8000; i++) {
        uint64_t odd = next_random(&random) >> 11 | 1;
        expect_around(ldexp((double)odd, -(int)(odd >> 8 & 7)));
        Decimal middle = {.digits = next_random(&random) % 1000 + 1, .exponent = 15 + i % 9};
        expect_around(read_decimal(middle));
    }
}

static void test_random_bits_read_back(void **state)
{
    (void)state;
    uint64_t random = seed;
    for (int i = 0; i < READ_BACK; i++) {
        double value = from_bits(next_random(&random));
        if (isfinite(value))
            expect_read_back(value);
    }
}

static void test_random_bits_are_shortest(void **state)
{
    (void)state;
    uint64_t random = ~seed;
    for (int i = 0; i < COMPARED; i++) {
        uint64_t bits = next_random(&random);
        double value = fabs(from_bits(bits));
        if (i % 4 == 1) /* what people measure, besides all doubles there are */
            value = (double)(bits >> 40) / (double)(bits % 1000 + 2);
        if (i % 4 == 2)
            value = (double)(bits >> 24) / 1000;
        if (i % 4 == 3) /* denormals of all lengths */
            value = from_bits(bits >> 12 >> (bits & 31));
        if (isfinite(value) && value > 0)
            expect_shortest(value);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0);
    print_message("# seed %" PRIu64 " (first argument)\n", seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_powers_and_their_neighbours),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_random_bits_read_back),
        cmocka_unit_test(test_random_bits_are_shortest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
