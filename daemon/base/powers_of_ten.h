/* 10^k to 128 bits, for every k that printing a double needs. Constant data; any thread. */
#ifndef BASE_POWERS_OF_TEN_H
#define BASE_POWERS_OF_TEN_H

#include <stdint.h>

enum {
    POWERS_OF_TEN_FIRST = -292,
    POWERS_OF_TEN_LAST = 324,
    POWERS_OF_TEN_COUNT = POWERS_OF_TEN_LAST - POWERS_OF_TEN_FIRST + 1
};

/* The entry of k stands at k - POWERS_OF_TEN_FIRST, high word first: the smallest integer g with
 * 10^k <= g * 2^r, where r is powers_of_ten_scale(k). So 2^127 <= g < 2^128; g is exact for k from 0
 * to 55, and less than 1 too great elsewhere. tests/unit/test_powers_of_ten.c proves every entry. */
extern const uint64_t powers_of_ten[POWERS_OF_TEN_COUNT][2];

/* => floor(log2(10^k)), right for -1233 <= k <= 1233 */
static inline int powers_of_ten_log2(int k)
{
    return (k * 1741647) >> 19;
}

/* => the r above */
static inline int powers_of_ten_scale(int k)
{
    return powers_of_ten_log2(k) - 127;
}

#endif
