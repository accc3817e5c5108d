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

#endif
