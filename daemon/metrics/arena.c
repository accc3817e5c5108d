#include "metrics/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "metrics/pages.h"

/* One system call per this much growth; twice that once huge pages are worth it. Less at the beginning of a
 * file, so that one that stays small is made in no time. */
#define ARENA_STEP ((size_t)1 << 20)
#define ARENA_FIRST_STEP ((size_t)64 << 10)

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
    *arena = (Arena){.fd = -1, .base = base, .reserved = whole};
    return 0;
}

int arena_init_file(Arena *arena, size_t bytes, int fd)
{
    int error = arena_init(arena, bytes);
    if (error == 0)
        error = pages_map_file(arena->base, arena->reserved, fd);
    if (error == 0)
        arena->fd = fd;
    else
        arena_fini(arena);
    return error;
}

void arena_fini(Arena *arena)
{
    if (arena->base == NULL)
        return;
    pages_unmap(arena->base, arena->reserved);
    if (arena->fd >= 0)
        (void)close(arena->fd);
    *arena = (Arena){0};
}

/* => 0 or negative errno. */
static int extend_file(int fd, size_t from, size_t bytes)
{
    int error;
    do {
        error = posix_fallocate(fd, (off_t)from, (off_t)bytes);
    } while (error == EINTR);
    return -error;
}

int arena_fill(const Arena *arena, const void *start, size_t bytes)
{
    if (!arena->sparse)
        return 0;
    return extend_file(arena->fd, (size_t)((const char *)start - arena->base), bytes);
}

static int commit_file(const Arena *arena, size_t target)
{
    if (arena->sparse)
        return ftruncate(arena->fd, (off_t)target) == 0 ? 0 : -errno;
    return extend_file(arena->fd, arena->committed, target - arena->committed);
}

/* Makes the first `bytes` usable. => 0 or negative errno. */
static int commit(Arena *arena, size_t bytes)
{
    bool huge = bytes > PAGES_HUGE_FROM;
    size_t step = huge                                   ? PAGES_HUGE
                  : arena->fd >= 0 && bytes < ARENA_STEP ? ARENA_FIRST_STEP
                                                         : ARENA_STEP;
    size_t target = round_up(bytes, step);
    char *from = arena->base + arena->committed;
    int error =
        arena->fd >= 0 ? commit_file(arena, target) : pages_commit(from, target - arena->committed);
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
