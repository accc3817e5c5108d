/* Reads numbers as a line of the protocol may hold them; number_print.h is the other direction.
 *
 * Any thread; no state; the locale plays no part in either direction. Both rely on IEEE 754 doubles
 * and on the default rounding mode (to nearest), which the daemon never changes. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include "base/number_print.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    double value;    /* finite; the double nearest to the text */
    int64_t integer; /* the text's value exactly, where is_integer says so; else 0 */
    bool is_integer; /* the text is a whole number that int64_t holds: "42", "5.0", "1e3" */
} Number;

/* Reads the whole of text[0..length) as `[+-]digits[.digits][e[+-]digits]` with at least one digit
 * before or after the point; `E` is as good as `e`. No hexadecimal, NaN, infinity, space or anything
 * behind it. The text needs no terminator and nothing outside it is read. Any length is rounded
 * right; a value too small for a double becomes a denormal or 0.
 * is_integer is decided by the text, not by the double: 9007199254740993 is kept to the last digit,
 * and 1.00000000000000000001 is no integer though its double is 1.
 * => 0; -EINVAL: not of that form (or empty); -ERANGE: it overflows to infinity. On an error *out is
 * untouched.
 *
 * Integers of up to 18 digits take one multiplication a digit. Fractions take W. D. Clinger's fast
 * path ("How to Read Floating Point Numbers Accurately", PLDI 1990), those of 16 to 19 digits one
 * exact 128-bit division; the rest is strtod's. */
int number_parse(const char *text, size_t length, Number *out);

/* ---- numbers in the midst of a longer text ------------------------------------------------------ */

/* Most numbers are short, and something stands before them: their last 8 bytes can be read as one
 * word, in which all digits are looked at together. Without a loop over the digits nothing depends on
 * how many there are, which the CPU would often predict wrongly. */

/* Up to 8 digits before `end` as a word, each byte from 0 to 9, the last digit in the highest byte; 0
 * in the bytes below them. What is no digit is more than 9. The 8 bytes before `end` are read. */
static inline uint64_t number_digits_(const char *end, size_t count)
{
    static const uint64_t keep[9] = {0,
                                     UINT64_C(0xFF) << 56,
                                     UINT64_C(0xFFFF) << 48,
                                     UINT64_C(0xFFFFFF) << 40,
                                     UINT64_C(0xFFFFFFFF) << 32,
                                     UINT64_C(0xFFFFFFFFFF) << 24,
                                     UINT64_C(0xFFFFFFFFFFFF) << 16,
                                     UINT64_C(0xFFFFFFFFFFFFFF) << 8,
                                     UINT64_MAX};
    uint64_t word;
    memcpy(&word, end - sizeof word, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return (word ^ UINT64_C(0x3030303030303030)) & keep[count];
}

/* => 0: all are digits. Else the high bit of the last byte that is none, and perhaps of others. */
static inline uint64_t number_odd_(uint64_t digits)
{
    return ((digits + UINT64_C(0x7676767676767676)) | digits) & UINT64_C(0x8080808080808080);
}

/* => the number that they are: neighbours joined to pairs, and the pairs by a multiplication each for
 * two of them (D. Lemire, "Quickly parsing eight digits", 2018). */
static inline uint32_t number_join_(uint64_t digits)
{
    const uint64_t pairs = UINT64_C(0x000000FF000000FF);
    digits = digits * 10 + (digits >> 8);
    return (uint32_t)(((digits & pairs) * (100 + (UINT64_C(1000000) << 32)) +
                       (digits >> 16 & pairs) * (1 + (UINT64_C(10000) << 32))) >>
                      32);
}

/* Reads bytes[from..to) if it is 1 to 8 digits, and 8 or more bytes of the text stand before it; nothing
 * outside bytes[0..to) is read. => whether it was; else nothing is written, and number_parse_in() has to
 * say. */
static inline bool number_parse_digits_in(const char *bytes, size_t from, size_t to, uint32_t *out)
{
    size_t length = to - from;
    if (from < 8)
        return false;
    /* In this order, since which numbers have a point is easier to foresee than how long they are. */
    uint64_t digits = number_digits_(bytes + to, length < 8 ? length : 8);
    if (number_odd_(digits) != 0)
        return false;
    if (length - 1 >= 8) /* 0 wraps around */
        return false;
    *out = number_join_(digits);
    return true;
}

/* [DIGITS].[DIGITS], up to 8 and up to 7 of them, at least one, behind 8 or more bytes of the text.
 * => whether it is that */
static inline bool number_parse_fraction_(const char *text, size_t length, double *out)
{
    static const double tens[8] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};
    uint64_t last = number_digits_(text + length, length < 8 ? length : 8);
    uint64_t odd = number_odd_(last);
    if (odd == 0)
        return false;
    unsigned point = 56 - (unsigned)__builtin_clzll(odd);
    size_t behind = 7 - point / 8;
    size_t before = length - 1 - behind;
    if ((last >> point & 0xFF) != ('.' ^ '0') || length == 1 || before > 8)
        return false;
    uint64_t whole = number_digits_(text + before, before);
    if (number_odd_(whole) != 0)
        return false;
    uint64_t fraction = last & -(UINT64_C(256) << point);
    /* All of it is exact but the division, which rounds once. */
    *out = (number_join_(whole) * tens[behind] + number_join_(fraction)) / tens[behind];
    return true;
}

/* number_parse() of bytes[from..to), which may read anything from bytes[0] on: the same result in all
 * cases, and sooner for a number without an exponent that has up to 8 digits before its point and up
 * to 7 behind it. */
static inline int number_parse_in(const char *bytes, size_t from, size_t to, Number *out)
{
    const char *text = bytes + from;
    size_t length = to - from;
    bool sign = length > 0 && (text[0] == '-' || text[0] == '+');
    bool negative = sign && text[0] == '-';
    double value;
    if (from < 8 || !number_parse_fraction_(text + sign, length - sign, &value))
        return number_parse(text, length, out);
    /* It has at most 15 digits: no fraction is so close to a whole number as to be rounded to it. */
    int64_t integer = (int64_t)value;
    out->is_integer = (double)integer == value;
    out->integer = !out->is_integer ? 0 : negative ? -integer : integer;
    out->value = negative ? -value : value;
    return 0;
}

#endif
