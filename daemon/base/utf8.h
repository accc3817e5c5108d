/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
 *
 * Any thread; no state. Nothing outside text[0..length) is read; no terminator is needed. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Whether all of it is valid and free of control characters (Unicode category Cc: U+0000 to U+001F
 * and U+007F to U+009F). True for the empty text. ASCII passes 8 bytes at a time. */
bool utf8_is_clean(const char *text, size_t length);

/* => the length (1 to 4) of the character that text begins with, control characters included; 0 if
 * it begins with no whole valid character, or is empty. */
size_t utf8_sequence_length(const char *text, size_t length);

/* Makes any bytes printable, valid UTF-8 on one line: bytes of control characters and bytes that are
 * not valid UTF-8 become \xNN (lowercase), a backslash becomes two; so the bytes can be told from the
 * text. What does not fit `capacity` bytes with the closing zero is cut off, never within an escape
 * or a character. => the length of the text without the zero; with a capacity of 0, nothing is
 * written. Bytes and out must not overlap. */
size_t utf8_escape(const char *bytes, size_t length, char *out, size_t capacity);

#endif
