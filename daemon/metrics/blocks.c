#include "metrics/blocks.h"

#include <string.h>

struct FreeBlock {
    FreeBlock *next;
};

void blocks_init(Blocks *blocks, Arena *arena, size_t unit)
{
    *blocks = (Blocks){.arena = arena, .unit = unit};
}

/* => units of the block for so many bytes. */
static size_t units_for(const Blocks *blocks, size_t bytes)
{
    size_t units = (bytes + blocks->unit - 1) / blocks->unit;
    size_t step = 1;
    while (units > 8 * step)
        step *= 2;
    return (units + step - 1) / step * step;
}

void *blocks_take(Blocks *blocks, size_t bytes)
{
    size_t units = units_for(blocks, bytes);
    if (units == 0 || units > BLOCKS_SIZES)
        return NULL;
    FreeBlock *block = blocks->free[units];
    if (block == NULL)
        return arena_alloc(blocks->arena, units * blocks->unit, blocks->unit);
    blocks->free[units] = block->next;
    blocks->free_bytes -= units * blocks->unit;
    return memset(block, 0, units * blocks->unit);
}

void blocks_give(Blocks *blocks, void *block, size_t bytes)
{
    if (block == NULL)
        return;
    size_t units = units_for(blocks, bytes);
    FreeBlock *free_block = block;
    free_block->next = blocks->free[units];
    blocks->free[units] = free_block;
    blocks->free_bytes += units * blocks->unit;
}
