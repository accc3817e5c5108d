#include "metrics/arena.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "metrics/pages.h"

/* One system call per this much growth; twice that once huge pages are worth it. */
#define ARENA_STEP ((size_t)1 << 20)

static size_t round_up(size_t value, size_t multiple)
{
    return (value + multiple - 1) & ~(multiple - 1);
}

int arena_init(Arena *arena, size_t bytes)
{
    size_t whole = round_up(bytes, PAGES_HUGE);
    if (whole < bytes || whole == 0)
        return -EINVAL;
    void *base = pages_reserve(whole);
    if (base == NULL)
        return -ENOMEM;
    *arena = (Arena){.base = base, .reserved = whole};
    return 0;
}

void arena_fini(Arena *arena)
{
    pages_unmap(arena->base, arena->reserved);
    *arena = (Arena){0};
}

/* Makes the first `bytes` usable. => 0 or negative errno. */
static int commit(Arena *arena, size_t bytes)
{
    bool huge = bytes > PAGES_HUGE_FROM;
    size_t target = round_up(bytes, huge ? PAGES_HUGE : ARENA_STEP);
    char *from = arena->base + arena->committed;
    int error = pages_commit(from, target - arena->committed);
    if (error != 0)
        return error;
    if (huge)
        pages_prefer_huge(from, target - arena->committed);
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

void arena_rewind(Arena *arena, size_t used)
{
    memset(arena->base + used, 0, arena->used - used); /* what is handed out next is zeroed */
    arena->used = used;
}
