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

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    int fd;      /* of the file behind it; -1: none */
    bool sparse; /* see arena_fill() */
    char *base;
    size_t reserved;  /* bytes of addresses */
    size_t committed; /* bytes that may be touched, from base */
    size_t used;      /* bytes handed out, from base */
} Arena;

/* Reserves `bytes` of addresses (rounded up to pages). => 0; -ENOMEM; -EINVAL: 0, or more than
 * there is. */
int arena_init(Arena *arena, size_t bytes);

/* The same in a file: what is written is in the file at once, for whoever comes after this process, also
 * after a kill. The file is empty and grows as the arena does, its pages there before they are used, so
 * that a full disk is an allocation that fails. Takes `fd` over, if it succeeds.
 * => 0 or negative errno. */
int arena_init_file(Arena *arena, size_t bytes, int fd);

/* Of an arena in a file that was made sparse before its first allocation: gives the file the pages of a range
 * that was handed out, and that nobody may touch before. Of any other arena: does nothing.
 * => 0 or negative errno. */
int arena_fill(const Arena *arena, const void *start, size_t bytes);

/* Gives the memory back, and closes the file. Accepts a zeroed Arena. */
void arena_fini(Arena *arena);

/* => `bytes` of zeroed memory at a multiple of `alignment` (a power of two, at most 4096), or NULL:
 * the range is full, or the system has no memory. */
void *arena_alloc(Arena *arena, size_t bytes, size_t alignment);

/* Takes back everything that was handed out since `used` was arena->used; nobody may know of it. */
void arena_rewind(Arena *arena, size_t used);

#endif
