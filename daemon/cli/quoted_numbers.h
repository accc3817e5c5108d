/* JSON with its numbers as strings, so that a parser that knows only doubles keeps their digits.
 * Any thread; no state. */
#ifndef CLI_QUOTED_NUMBERS_H
#define CLI_QUOTED_NUMBERS_H

#include <stddef.h>

/* => the bytes that quoted_numbers() needs at most for so many. */
size_t quoted_numbers_size(size_t length);

/* Copies text[0..length) to out[] and puts quotes around each number that stands outside a string. What
 * is no JSON stays none. => the length; there is no closing zero. */
size_t quoted_numbers(const char *text, size_t length, char *out);

#endif
