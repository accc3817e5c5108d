/* Whole numbers as an environment variable, a port or a descriptor is written: digits, and nothing
 * else. What a line of the protocol may hold stands in number.h. Any thread; no state. */
#ifndef BASE_DIGITS_H
#define BASE_DIGITS_H

#include <stdint.h>

/* Reads the whole text as decimal digits, leading zeros too. `limit`: the largest number that is
 * taken, from 0.
 * => the number; -EINVAL: no digits, something else among them, or more than the limit. */
int64_t digits_parse(const char *text, int64_t limit);

#endif
