/* Short runs of bytes compared without a call. Any thread; nothing outside them is read. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool bytes_equal_8_(const char *a, const char *b)
{
    uint64_t x;
    uint64_t y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x == y;
}

static inline bool bytes_equal_4_(const char *a, const char *b)
{
    uint32_t x;
    uint32_t y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x == y;
}

static inline bool bytes_equal_16_(const char *a, const char *b)
{
    uint64_t x[2];
    uint64_t y[2];
    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

/* => whether the `length` bytes at both places are the same. For names of a few dozen bytes, where
 * memcmp's call and its choice of a method cost more than the comparison: words, the last one
 * overlapping the one before. */
static inline bool bytes_equal(const char *a, const char *b, size_t length)
{
    if (length >= 16) {
        for (size_t i = 0; i + 16 < length; i += 16) {
            if (!bytes_equal_16_(a + i, b + i))
                return false;
        }
        return bytes_equal_16_(a + length - 16, b + length - 16);
    }
    if (length >= 8)
        return bytes_equal_8_(a, b) && bytes_equal_8_(a + length - 8, b + length - 8);
    if (length >= 4)
        return bytes_equal_4_(a, b) && bytes_equal_4_(a + length - 4, b + length - 4);
    for (size_t i = 0; i < length; i++) {
        if (a[i] != b[i])
            return false;
    }
    return true;
}

#endif
