/* A check of some words that a writer changes at every record, cheap enough for that: for memory that
 * outlives the process, in which somebody may have scribbled. Not for library users' own cells.
 *
 * The words are added up, with a rotation after each: so no change in one of them goes unnoticed, nor does
 * one in two that are equal. The fold is multiplied by an odd number (Fibonacci hashing: Knuth, The Art of
 * Computer Programming 3, 6.4) and cut to 32 bits: of 2^32 changes one then does. The address is in it too,
 * so that what was moved as a whole is found out. */
#ifndef ATOMICSTATS_CHECK_H
#define ATOMICSTATS_CHECK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t astats_bits_(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* A check in the making: of a writer's words one by one, as it has them. */
static inline uint64_t astats_check_begin(uintptr_t address, uint32_t seq)
{
    return (uint64_t)address ^ (uint64_t)seq << 32;
}

static inline uint64_t astats_check_add(uint64_t folded, uint64_t word)
{
    return (folded << 11 | folded >> 53) + word;
}

static inline uint32_t astats_check_end(uint64_t folded)
{
    return (uint32_t)(folded * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* => the check of `count` words of what stands at `address`, when its seq has these 32 bits. */
static inline __attribute__((always_inline)) uint32_t
astats_check(uintptr_t address, uint32_t seq, const uint64_t *words, size_t count)
{
    uint64_t folded = astats_check_begin(address, seq);
    for (size_t i = 0; i < count; i++)
        folded = astats_check_add(folded, words[i]);
    return astats_check_end(folded);
}

/* => the seq after this one, in 32 bits: 0 is left out, as it says that there was none yet, and whether it
 * is odd goes on by turns. */
static inline uint32_t astats_check_next(uint64_t word)
{
    uint32_t next = (uint32_t)word + 1;
    return next != 0 ? next : 2;
}

/* => both in one word, to be published by one store. */
static inline uint64_t astats_check_word(uint32_t seq, uint32_t check)
{
    return (uint64_t)check << 32 | seq;
}

#endif
