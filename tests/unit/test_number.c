#include "base/number.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    ROUND_TRIPS = 1000000,
    DIFFERENTIAL = 400000
};
static const Number poison = {.value = 4242.5, .integer = -4242, .is_integer = true};
static const uint64_t seed = 20260131;

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

/* On an exact-size copy, so that ASan sees a read beyond it. */
static int parse(const char *text, size_t length, Number *out)
{
    char *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    int result = number_parse(length ? copy : copy + 1, length, out);
    free(copy);
    return result;
}

static void expect_double(const char *text, double expected)
{
    Number got = poison;
    int result = parse(text, strlen(text), &got);
    if (result != 0 || bits_of(got.value) != bits_of(expected))
        fail_msg("\"%.60s\": expected 0, %.17g (%a); got %d, %.17g (%a)", text, expected, expected,
                 result, got.value, got.value);
}

static void expect_integer(const char *text, bool is_integer, int64_t expected)
{
    Number got = poison;
    int result = parse(text, strlen(text), &got);
    if (result != 0 || got.is_integer != is_integer || got.integer != expected)
        fail_msg("\"%.60s\": expected 0, %d, %" PRId64 "; got %d, %d, %" PRId64, text, is_integer,
                 expected, result, got.is_integer, got.integer);
}

static void expect_error(const char *text, size_t length, int expected)
{
    Number got = poison;
    int result = parse(text, length, &got);
    if (result != expected || got.value != poison.value || got.integer != poison.integer ||
        got.is_integer != poison.is_integer)
        fail_msg("\"%.60s\": expected %d and nothing written; got %d, %g", text, expected, result,
                 got.value);
}

static void test_grammar(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",         "+",
        "-",        ".",
        "+.",       "-.",
        "e5",       ".e5",
        "1e",       "1e+",
        "1e-",      "1.e",
        "--1",      "+-1",
        "-+1",      "1 ",
        " 1",       "1\n",
        "1..2",     "1.2.3",
        "1e5.0",    "1e5e",
        "1e5e5",    "1_000",
        "1,5",      "0x10",
        "0x1p3",    "nan",
        "NaN",      "inf",
        "-inf",     "+Inf",
        "infinity", "1f",
        "1.0L",     "12a",
        "a12",      "1e 5",
        "1 e5",     "$1",
        "1e++5",    "123456789012345678x",
        "1:2",      "1234567890123456789012x",
        "\xd9\xa1", "1.5\xc2\xa0",
        "1/2",      "9;",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_error(bad[i], strlen(bad[i]), -EINVAL);
    expect_error("1\0", 2, -EINVAL);
    expect_error("\0", 1, -EINVAL);
    /* Nothing behind the length is part of the number. */
    Number got = poison;
    assert_int_equal(number_parse("12345", 3, &got), 0);
    assert_int_equal(got.integer, 123);
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } good[] = {
        {"0", 0.0},
        {"-0", -0.0},
        {"+0", 0.0},
        {"320", 320},
        {"+7", 7},
        {"-7", -7},
        {"1.", 1},
        {".5", .5},
        {"-.5", -.5},
        {"+.5e1", 5},
        {"1.e2", 100},
        {"1E3", 1000},
        {"1e+3", 1000},
        {"1e-3", .001},
        {"0000000000000000000000000000012", 12},
        {"0.1", 0.1},
        {"12.345", 12.345},
        {"0.30000000000000004", 0.30000000000000004},
        {"8.41", 8.41},
        {"9007199254740993", 9007199254740992.0},
        {"9007199254740993.0", 9007199254740992.0},
        {"9007199254740992.9999999999999999999", 9007199254740992.0},
        {"9007199254740993.00000000000000000000000000000000000001", 9007199254740994.0},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"179769313486231580793e288", 1.7976931348623157e308},
        {"2.2250738585072011e-308", 2.2250738585072011e-308},
        {"4.9406564584124654e-324", 4.9406564584124654e-324},
        {"2.4703282292062327e-324", 0.0},
        {"2.4703282292062328e-324", 4.9406564584124654e-324},
        {"1e-400", 0.0},
        {"-1e-400", -0.0},
        {"1e-99999999999999999999999999", 0.0},
        {"0e99999999999999999999999999", 0.0},
        {"0.0e9223372036854775807", 0.0},
        {"1e22", 1e22},
        {"1e23", 1e23},
        {"123456789012345678901234567890", 123456789012345678901234567890.0},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        expect_double(good[i].text, good[i].value);
    static const char *const huge[] = {
        "1e309",
        "-1e309",
        "1.7976931348623159e308",
        "1e9223372036854775807",
        "1e999999999999",
        "17976931348623158080e289",
        "1e18446744073709551617",
    };
    for (size_t i = 0; i < sizeof huge / sizeof *huge; i++)
        expect_error(huge[i], strlen(huge[i]), -ERANGE);
}

static void test_integers(void **state)
{
    (void)state;
    char text[64];
    for (int shift = 0; shift < 64; shift++)
        for (int delta = -2; delta <= 2; delta++) {
            int64_t value = (int64_t)((UINT64_C(1) << shift) + (uint64_t)(int64_t)delta);
            snprintf(text, sizeof text, "%" PRId64, value);
            expect_integer(text, true, value);
            expect_double(text, (double)value);
            snprintf(text, sizeof text, "%" PRId64 ".000", value);
            expect_integer(text, true, value);
        }
    static const struct {
        const char *text;
        bool is_integer;
        int64_t value;
    } cases[] = {
        {"9223372036854775807", true, INT64_MAX},
        {"+9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"-9223372036854775808", true, INT64_MIN},
        {"-9223372036854775809", false, 0},
        {"9223372036854775807.0", true, INT64_MAX},
        {"-9223372036854775808.00000000000000000000", true, INT64_MIN},
        {"00000000000000000000009223372036854775807", true, INT64_MAX},
        {"92233720368547758070000e-4", true, INT64_MAX},
        {"9.223372036854775807e18", true, INT64_MAX},
        {"9.223372036854775808e18", false, 0},
        {"-9.223372036854775808e18", true, INT64_MIN},
        {"18446744073709551616", false, 0},
        {"18446744073709551617", false, 0},
        {"99999999999999999999999999", false, 0},
        {"9007199254740993", true, 9007199254740993},
        {"1e3", true, 1000},
        {"1.5e1", true, 15},
        {"5.0", true, 5},
        {"1e18", true, 1000000000000000000},
        {"1e19", false, 0},
        {"1.5", false, 0},
        {"15e-1", false, 0},
        {"150e-1", true, 15},
        {"1e-400", false, 0},
        {"1.00000000000000000000000001", false, 0},
        {"-0", true, 0},
        {"0.000e500", true, 0},
        {"0000000000000000000000.00000", true, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_integer(cases[i].text, cases[i].is_integer, cases[i].value);
}

static void test_long_texts(void **state)
{
    (void)state;
    enum {
        ZEROS = 60000,
        SIZE = ZEROS + 64
    };
    char *text = malloc(SIZE);
    assert_non_null(text);
    /* 0.000…000125e60001 = 0.125e1, and 125000…000e-60000 = 125 */
    text[0] = '.';
    memset(text + 1, '0', ZEROS);
    strcpy(text + 1 + ZEROS, "125e60001");
    expect_double(text, 1.25);
    strcpy(text + 1 + ZEROS, "125e60003");
    expect_integer(text, true, 125);
    memcpy(text, "125", 3);
    memset(text + 3, '0', ZEROS);
    strcpy(text + 3 + ZEROS, "e-60000");
    expect_integer(text, true, 125);
    strcpy(text + 3 + ZEROS, "1e-60001");
    expect_double(text, 125);
    expect_integer(text, false, 0);
    memset(text, '9', ZEROS);
    text[ZEROS] = '\0';
    expect_error(text, ZEROS, -ERANGE);
    /* The middle between 2^53 and 2^53 + 2 goes to the even one, unless a digit far away lifts it. */
    strcpy(text, "9007199254740993.");
    memset(text + 17, '0', ZEROS);
    text[17 + ZEROS] = '\0';
    expect_double(text, 9007199254740992.0);
    expect_integer(text, true, 9007199254740993);
    text[16 + ZEROS] = '1';
    expect_double(text, 9007199254740994.0);
    expect_integer(text, false, 0);
    free(text);
}

/* A random text of the grammar; mostly near where doubles end or rounding is close. */
static size_t random_text(uint64_t *random, char out[static 1200])
{
    size_t n = 0;
    uint64_t r = next_random(random);
    if (r % 4 == 0)
        out[n++] = "+-"[r >> 8 & 1];
    unsigned shape = r >> 16 & 7;
    if (shape < 2) { /* a double's own digits, to any precision */
        uint64_t bits = next_random(random);
        double value;
        memcpy(&value, &bits, sizeof value);
        int precision = (int)(shape == 0 ? r >> 24 & 31 : r >> 24 & 1023) % 800;
        return n + (size_t)sprintf(out + n, "%.*e", precision, isfinite(value) ? fabs(value) : 0.);
    }
    if (shape == 2) { /* the middle between two doubles, perhaps with a digit behind it */
        uint64_t m = next_random(random) >> 11 | UINT64_C(1) << 52;
        n += (size_t)sprintf(out + n, "%.0f.5", (double)(m >> (1 + (r >> 24 & 15))));
        if (r >> 40 & 1)
            n += (size_t)sprintf(out + n, "%0*d", (int)(r >> 41 & 31) + 1, (int)(r >> 48 & 1));
        return n;
    }
    int whole = (int)(r >> 24) & 31;
    int fraction = (int)(r >> 32) & 31;
    for (int i = 0; i < whole; i++)
        out[n++] = (char)('0' + next_random(random) % 10);
    if (fraction || !whole) {
        out[n++] = '.';
        for (int i = 0; i <= fraction; i++)
            out[n++] = (char)('0' + next_random(random) % 10);
    }
    if (shape > 4)
        n += (size_t)sprintf(out + n, "e%d",
                             (int)(r >> 40 & 1023) % (shape > 6 ? 700 : 60) -
                                 (shape > 6 ? 350 : 30));
    return n;
}

static void test_against_strtod(void **state)
{
    (void)state;
    uint64_t random = seed;
    char text[1200];
    print_message("seed %" PRIu64 "\n", seed);
    for (int i = 0; i < DIFFERENTIAL; i++) {
        size_t length = random_text(&random, text);
        text[length] = '\0';
        double expected = strtod(text, NULL);
        if (isinf(expected))
            expect_error(text, length, -ERANGE);
        else
            expect_double(text, expected);
    }
}

static void expect_print(double value, const char *expected)
{
    char out[NUMBER_TEXT_SIZE];
    memset(out, 'X', sizeof out);
    size_t length = number_print_double(value, out);
    assert_string_equal(expected, out);
    assert_int_equal(strlen(expected), length);
}

static void test_print(void **state)
{
    (void)state;
    expect_print(0, "0");
    expect_print(-0.0, "0");
    expect_print(1000000, "1000000");
    expect_print(-3.5, "-3.5");
    expect_print(0.1, "0.1");
    expect_print(0.001, "0.001");
    expect_print(12.345, "12.345");
    expect_print(8.16496580927726, "8.16496580927726");
    expect_print(0.1 + 0.2, "0.30000000000000004");
    expect_print(1.0 / 3, "0.3333333333333333");
    expect_print(-100.0 / 3, "-33.333333333333336");
    expect_print(0.00012345678901234567, "0.00012345678901234567");
    expect_print(0.0001, "0.0001");
    expect_print(0.00001, "1e-5");
    expect_print(-1.25e-7, "-1.25e-7");
    expect_print(-0x1p-24, "-5.960464477539063e-8");
    expect_print(-0.00010000000000000002, "-0.00010000000000000002");
    expect_print(-0x1.8p62, "-6917529027641081856");
    expect_print(1234567.125, "1234567.125");
    expect_print(9007199254740993.0, "9007199254740992");
    expect_print(9223372036854774784.0, "9223372036854774784");
    expect_print(-9223372036854774784.0, "-9223372036854774784");
    expect_print(0x1p63, "9.223372036854776e+18");
    expect_print(1e19, "1e+19");
    expect_print(1.7976931348623157e308, "1.7976931348623157e+308");
    expect_print(-2.2250738585072014e-308, "-2.2250738585072014e-308");
    expect_print(4.9406564584124654e-324, "5e-324");
    expect_print((double)NAN, "null");
    expect_print(-(double)INFINITY, "null");

    char out[NUMBER_TEXT_SIZE];
    assert_int_equal(number_print_int64(INT64_MIN, out), 20);
    assert_string_equal("-9223372036854775808", out);
    assert_int_equal(number_print_int64(0, out), 1);
    assert_string_equal("0", out);
    assert_int_equal(number_print_uint64(UINT64_MAX, out), 20);
    assert_string_equal("18446744073709551615", out);
}

static void expect_print_integer(uint64_t value)
{
    char expected[NUMBER_TEXT_SIZE];
    char out[NUMBER_TEXT_SIZE];
    memset(out, 'X', sizeof out);
    int length = snprintf(expected, sizeof expected, "%" PRIu64, value);
    assert_int_equal(length, number_print_uint64(value, out));
    assert_string_equal(expected, out);
    memset(out, 'X', sizeof out);
    length = snprintf(expected, sizeof expected, "%" PRId64, (int64_t)value);
    assert_int_equal(length, number_print_int64((int64_t)value, out));
    assert_string_equal(expected, out);
}

/* Every number of bits and of digits, below and above 0. */
static void test_print_integers(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 20000; i++)
        expect_print_integer(i);
    uint64_t ten = 1;
    for (int i = 0; i < 20; i++, ten *= 10)
        for (uint64_t delta = 0; delta < 5; delta++) {
            expect_print_integer(ten + delta - 2);
            expect_print_integer(0 - (ten + delta - 2));
        }
    uint64_t random = seed;
    for (int i = 0; i < DIFFERENTIAL; i++)
        expect_print_integer(next_random(&random) >> (i & 63));
}

static void test_round_trip(void **state)
{
    (void)state;
    uint64_t random = seed;
    char out[NUMBER_TEXT_SIZE];
    for (int i = 0; i < ROUND_TRIPS; i++) {
        uint64_t bits = next_random(&random);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (i % 2) /* what people measure, besides all doubles there are */
            value = (double)(int64_t)bits / 0x1p40;
        if (!isfinite(value))
            continue;
        size_t length = number_print_double(value, out);
        Number got = poison;
        int result = length < sizeof out ? number_parse(out, length, &got) : -ERANGE;
        if (result != 0 || got.value != value)
            fail_msg("%a as %.32s: expected 0, %.17g; got %d, %.17g", value, out, value, result,
                     got.value);
    }
}

/* Makes a locale with a decimal comma where the system has none. => false: not possible here */
static bool enter_comma_locale(char directory[static 64])
{
    directory[0] = '\0';
    if (setlocale(LC_ALL, "de_DE.UTF-8"))
        return true;
    strcpy(directory, "/tmp/test_number.XXXXXX");
    char path[96];
    if (!mkdtemp(directory))
        return false;
    snprintf(path, sizeof path, "%s/de_DE.UTF-8", directory);
    pid_t child = fork();
    if (child == 0) {
        execlp("localedef", "localedef", "--no-archive", "-i", "de_DE", "-f", "UTF-8", path,
               (char *)NULL);
        _exit(127);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        return false;
    setenv("LOCPATH", directory, 1);
    return setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
}

static void remove_tree(const char *directory)
{
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", directory, (char *)NULL);
        _exit(127);
    }
    int status;
    waitpid(child, &status, 0);
}

static void test_locale(void **state)
{
    (void)state;
    char directory[64];
    bool entered = enter_comma_locale(directory);
    bool comma = strcmp(localeconv()->decimal_point, ",") == 0;
    if (entered && comma) {
        expect_double("1.5", 1.5);
        expect_double("1.2345678901234567890123", 1.2345678901234567890123);
        expect_double("1.25e-200", 1.25e-200);
        expect_error("1,5", 3, -EINVAL);
        expect_print(2.5, "2.5");
        expect_print(1.0 / 3, "0.3333333333333333");
        expect_print(1.25e-200, "1.25e-200");
    }
    setlocale(LC_ALL, "C");
    if (directory[0])
        remove_tree(directory);
    if (!entered || !comma)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grammar),        cmocka_unit_test(test_values),
        cmocka_unit_test(test_integers),       cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_against_strtod), cmocka_unit_test(test_print),
        cmocka_unit_test(test_print_integers), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
