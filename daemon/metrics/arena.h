/* Memory that only grows and never moves: for cells, names and tables that other threads read while
 * one thread adds to them.
 *
 * An arena reserves a range of addresses at once and makes it usable in steps as it fills, so what
 * was handed out keeps its address for the arena's life, and memory is used only as far as it was
 * touched. Thread rule: one thread at a time allocates (its owner, or under the owner's lock); what
 * it was given may be used by any thread.
 *
 * Past PAGES_HUGE_FROM that is a huge page at a time, which the first to touch it waits for: 0.2 ms, or
 * some 4 ms in a virtual machine whose host has to find the memory. With 160 bytes for a name that is
 * once in 13,000 names. */
#ifndef METRICS_ARENA_H
#define METRICS_ARENA_H

#include <stddef.h>

typedef struct {
    char *base;
    size_t reserved;  /* bytes of addresses */
    size_t committed; /* bytes that may be touched, from base */
    size_t used;      /* bytes handed out, from base */
} Arena;

/* Reserves `bytes` of addresses (rounded up to pages). => 0; -ENOMEM; -EINVAL: 0, or more than
 * there is. */
int arena_init(Arena *arena, size_t bytes);

/* Gives everything back. Accepts a zeroed Arena. */
void arena_fini(Arena *arena);

/* => `bytes` of zeroed memory at a multiple of `alignment` (a power of two, at most 4096), or NULL:
 * the range is full, or the system has no memory. */
void *arena_alloc(Arena *arena, size_t bytes, size_t alignment);

/* Takes back everything that was handed out since `used` was arena->used; nobody may know of it. */
void arena_rewind(Arena *arena, size_t used);

#endif
