/* Blocks of memory that can be given back, in an arena: what a series frees when it expires, the next
 * one of that size gets.
 *
 * Sizes are rounded up to units, above 8 units to one of four sizes a doubling (a fifth is lost at
 * most), and each size has a list of free blocks (segregated fits: Wilson et al., "Dynamic Storage
 * Allocation: A Survey and Critical Review", 1995, 3.6). Nothing is split or joined, so what was once
 * needed of a size stays with it; as sizes are few, whoever sends longer and longer names has seven times
 * the memory of the longest ones in the end. Several Blocks may share an arena.
 *
 * Thread rule: one thread at a time (the arena's owner, or under its lock). */
#ifndef METRICS_BLOCKS_H
#define METRICS_BLOCKS_H

#include <stddef.h>

#include "metrics/arena.h"

enum {
    BLOCKS_SIZES = 192 /* the largest block is that many units */
};

typedef struct FreeBlock FreeBlock;

typedef struct {
    Arena *arena;
    size_t unit;
    FreeBlock *free[BLOCKS_SIZES + 1]; /* of so many units */
    size_t free_bytes;
} Blocks;

/* `unit`: a power of two, 8 to 4096; blocks begin at multiples of it. */
void blocks_init(Blocks *blocks, Arena *arena, size_t unit);

/* => zeroed memory for `bytes` (1 to BLOCKS_SIZES units); NULL: no memory, or more than that. */
void *blocks_take(Blocks *blocks, size_t bytes);

/* Takes a block back. `bytes` as it was asked for. NULL is allowed. */
void blocks_give(Blocks *blocks, void *block, size_t bytes);

#endif
