/* A number made of a text, by which damage to the text is found out later: a flipped bit, a byte of another
 * text, a part that is missing or in another's place, each but with a chance of about 2^-32. Not for tables, and
 * nothing against somebody who looks for two texts with the same number.
 *
 * Any thread; no state. */
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

enum {
    CHECKSUM_LONG = 64 /* bytes: from here on more is read at a time */
};

/* The two ways to the same number; checksum_long_avx2() where the CPU has that, and else it is the portable one.
 * `length`: CHECKSUM_LONG or more. */
uint64_t checksum_long_portable(const void *data, size_t length, uint64_t tweak);
uint64_t checksum_long_avx2(const void *data, size_t length, uint64_t tweak);

/* The faster one here. */
uint64_t checksum_long(const void *data, size_t length, uint64_t tweak);

/* => the number of data[0..length), another one for each tweak and length. The same in every process, on machines of one
 * byte order. Nothing outside the text is read. */
static inline uint64_t checksum(const void *data, size_t length, uint64_t tweak)
{
    return length < CHECKSUM_LONG ? hash_fixed_tweaked(data, length, tweak)
                                  : checksum_long(data, length, tweak);
}

#endif
