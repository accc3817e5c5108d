#include "base/number_print.h"

#include "base/number.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t number_print_uint64(uint64_t value, char out[static NUMBER_TEXT_SIZE])
{
    char reversed[NUMBER_TEXT_SIZE];
    size_t length = 0;
    do {
        reversed[length++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    for (size_t i = 0; i < length; i++)
        out[i] = reversed[length - 1 - i];
    out[length] = '\0';
    return length;
}

size_t number_print_int64(int64_t value, char out[static NUMBER_TEXT_SIZE])
{
    if (value >= 0)
        return number_print_uint64((uint64_t)value, out);
    char digits[NUMBER_TEXT_SIZE];
    size_t length = number_print_uint64(0 - (uint64_t)value, digits);
    out[0] = '-';
    memcpy(out + 1, digits, length + 1);
    return length + 1;
}

/* mantissa * 10^exponent */
typedef struct {
    uint64_t mantissa;
    int exponent;
} Decimal;

static const double tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
enum {
    FEW_DECIMALS = sizeof tens / sizeof *tens - 1
};

/* What has few decimals, as most measured values do. A whole number below 10^15 divided by a small
 * power of ten is rounded once (Clinger, see number.h), so a quotient equal to the value proves that
 * the text reads back. */
static bool few_decimals(double magnitude, Decimal *out)
{
    for (int k = 1; k <= FEW_DECIMALS && magnitude * tens[k] < 1e15; k++) {
        uint64_t mantissa = (uint64_t)(magnitude * tens[k] + 0.5);
        if ((double)mantissa / tens[k] == magnitude) {
            *out = (Decimal){.mantissa = mantissa, .exponent = -k};
            return true;
        }
    }
    return false;
}

/* The value rounded to `precision` digits, without the zeros at the end. Only digits and exponent
 * are taken from printf's text: what it puts between them is the locale's. */
static Decimal round_to(double magnitude, int precision)
{
    char text[2 * NUMBER_TEXT_SIZE];
    snprintf(text, sizeof text, "%.*e", precision - 1, magnitude);
    Decimal decimal = {.mantissa = 0, .exponent = 1 - precision};
    const char *p = text;
    for (; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            decimal.mantissa = decimal.mantissa * 10 + (uint64_t)(*p - '0');
    decimal.exponent += (int)strtol(p + 1, NULL, 10);
    for (; decimal.mantissa % 10 == 0; decimal.exponent++)
        decimal.mantissa /= 10;
    return decimal;
}

static char *append(char *at, const char *from, int length)
{
    memcpy(at, from, (size_t)length);
    return at + length;
}

/* Writes at most 17 digits with a point, and four zeros or an exponent. => the length */
static size_t lay_out(Decimal decimal, char *out)
{
    char digits[NUMBER_TEXT_SIZE];
    int count = (int)number_print_uint64(decimal.mantissa, digits);
    int power = count - 1 + decimal.exponent; /* of ten, of the first digit */
    bool scientific = power < -4 || decimal.exponent >= 0;
    int whole = scientific ? 1 : power + 1; /* digits before the point */
    char *p = out;
    if (whole <= 0) {
        p = append(p, "0.000", 2 - whole);
        p = append(p, digits, count);
    } else {
        p = append(p, digits, whole);
        if (count > whole)
            *p++ = '.';
        p = append(p, digits + whole, count - whole);
    }
    if (scientific) {
        char exponent[NUMBER_TEXT_SIZE];
        p = append(p, power < 0 ? "e" : "e+", power < 0 ? 1 : 2);
        p = append(p, exponent, (int)number_print_int64(power, exponent));
    }
    *p = '\0';
    return (size_t)(p - out);
}

static bool reads_back(const char *text, size_t length, double value)
{
    Number number;
    return number_parse(text, length, &number) == 0 && number.value == value;
}

/* Every decimal of 15 digits is told apart by normal doubles, so fewer need not be tried; 17 are
 * enough for all. A denormal has fewer bits and may do with a single digit. */
static size_t print_fraction(double magnitude, char *out)
{
    Decimal decimal;
    if (few_decimals(magnitude, &decimal))
        return lay_out(decimal, out);
    for (int precision = magnitude < DBL_MIN ? 1 : DBL_DIG;; precision++) {
        size_t length = lay_out(round_to(magnitude, precision), out);
        if (precision == DBL_DECIMAL_DIG || reads_back(out, length, magnitude))
            return length;
    }
}

size_t number_print_double(double value, char out[static NUMBER_TEXT_SIZE])
{
    if (!isfinite(value)) {
        memcpy(out, "null", sizeof "null");
        return sizeof "null" - 1;
    }
    if (fabs(value) < 0x1p63 && value == (double)(int64_t)value)
        return number_print_int64((int64_t)value, out);
    out[0] = '-';
    size_t sign = value < 0;
    return sign + print_fraction(fabs(value), out + sign);
}
