#include "metrics/arena.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* One system call per this much growth. */
enum {
    ARENA_STEP = 1 << 20
};

static size_t round_up(size_t value, size_t multiple)
{
    return (value + multiple - 1) & ~(multiple - 1);
}

int arena_init(Arena *arena, size_t bytes)
{
    bytes = round_up(bytes, ARENA_STEP);
    /* PROT_NONE: addresses only. Unlike MAP_NORESERVE memory this is not counted against the
     * system's commit limit, however strict it is. */
    void *base = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return -errno;
    *arena = (Arena){.base = base, .reserved = bytes};
    return 0;
}

void arena_fini(Arena *arena)
{
    if (arena->base != NULL)
        munmap(arena->base, arena->reserved);
    *arena = (Arena){0};
}

/* Makes the first `bytes` usable. => whether they are. */
static int commit(Arena *arena, size_t bytes)
{
    size_t target = round_up(bytes, ARENA_STEP);
    if (mprotect(arena->base + arena->committed, target - arena->committed,
                 PROT_READ | PROT_WRITE) != 0)
        return -errno;
    arena->committed = target;
    return 0;
}

void *arena_alloc(Arena *arena, size_t bytes, size_t alignment)
{
    size_t start = round_up(arena->used, alignment);
    if (start > arena->reserved || bytes > arena->reserved - start)
        return NULL;
    if (start + bytes > arena->committed && commit(arena, start + bytes) != 0)
        return NULL;
    arena->used = start + bytes;
    return arena->base + start;
}
