#include "base/number_print.h"

#include "base/shortest.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* ---- digits ------------------------------------------------------------------------------------- */

static const char pairs[] = "0001020304050607080910111213141516171819"
                            "2021222324252627282930313233343536373839"
                            "4041424344454647484950515253545556575859"
                            "6061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

/* 10^i, but 0 for i = 0, so that 0 has one digit */
/* clang-format off */
static const uint64_t tens[] = {
    0, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u, 100000000u,
    1000000000u, 10000000000u, 100000000000u, 1000000000000u, 10000000000000u,
    100000000000000u, 1000000000000000u, 10000000000000000u, 100000000000000000u,
    1000000000000000000u, 10000000000000000000u
};
/* clang-format on */

/* From the number of bits, as 1233 / 4096 is a little less than log10(2): exact or one too few. */
static int count_digits(uint64_t value)
{
    int guess = ((64 - __builtin_clzll(value | 1)) * 1233) >> 12;
    return guess + (value >= tens[guess]);
}

static void write_pair(uint64_t value, char *out)
{
    memcpy(out, pairs + 2 * value, 2);
}

/* Writes all digits of `value`, so that the last stands before `end`. */
static void write_digits(uint64_t value, char *end)
{
    for (; value >= 10000; value /= 10000) {
        end -= 4;
        write_pair(value % 10000 / 100, end);
        write_pair(value % 100, end + 2);
    }
    if (value >= 100) {
        end -= 2;
        write_pair(value % 100, end);
        value /= 100;
    }
    if (value >= 10)
        write_pair(value, end - 2);
    else
        end[-1] = (char)('0' + value);
}

/* => the end of the digits, where nothing is written */
static char *print_digits(uint64_t value, char *out)
{
    char *end = out + count_digits(value);
    write_digits(value, end);
    return end;
}

size_t number_print_uint64(uint64_t value, char out[static NUMBER_TEXT_SIZE])
{
    char *end = print_digits(value, out);
    *end = '\0';
    return (size_t)(end - out);
}

size_t number_print_int64(int64_t value, char out[static NUMBER_TEXT_SIZE])
{
    bool negative = value < 0;
    out[0] = '-';
    char *end = print_digits(negative ? 0 - (uint64_t)value : (uint64_t)value, out + negative);
    *end = '\0';
    return (size_t)(end - out);
}

/* ---- doubles ------------------------------------------------------------------------------------ */

/* Writes `count` digits with a point behind the first `whole` of them, 1 to `count`, or without one
 * if that is all of them. => the end */
static char *print_pointed(uint64_t digits, int count, int whole, char *out)
{
    write_digits(digits, out + 1 + count);
    for (int i = 0; i < whole; i++)
        out[i] = out[i + 1];
    out[whole] = '.';
    return out + count + (count > whole);
}

/* A decimal that is no integer below 2^63: with at most four zeros in front, or with an exponent.
 * => the end */
static char *print_decimal(Decimal decimal, char *out)
{
    int count = count_digits(decimal.digits);
    int power = count - 1 + decimal.exponent; /* of ten, of the first digit */
    if (decimal.exponent >= 0 || power < -4) {
        char *p = print_pointed(decimal.digits, count, 1, out);
        *p++ = 'e';
        *p++ = power < 0 ? '-' : '+';
        return print_digits((uint64_t)(power < 0 ? -power : power), p);
    }
    if (power >= 0)
        return print_pointed(decimal.digits, count, power + 1, out);
    memcpy(out, "0.000", sizeof "0.000");
    return print_digits(decimal.digits, out + 1 - power);
}

size_t number_print_double(double value, char out[static NUMBER_TEXT_SIZE])
{
    if (!isfinite(value)) {
        memcpy(out, "null", sizeof "null");
        return sizeof "null" - 1;
    }
    if (fabs(value) < 0x1p63 && value == (double)(int64_t)value)
        return number_print_int64((int64_t)value, out);
    bool negative = value < 0;
    out[0] = '-';
    char *end = print_decimal(shortest_decimal(fabs(value)), out + negative);
    *end = '\0';
    return (size_t)(end - out);
}
