#include "ingest/hand.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <atomicstats/check.h>

enum {
    LEAST_PAGE = 4096, /* a page has this many bytes, or more */
    WARM_BYTES = 8192  /* of each buffer: few datagrams are longer */
};

/* Makes these bytes be in memory. => 0 or negative errno. */
static int warm(const Arena *arena, char *from, size_t bytes)
{
    char *first = from - (uintptr_t)from % LEAST_PAGE;
    size_t length = (size_t)(from + bytes - first);
    int error = arena_fill(arena, first, length);
    if (error == 0)
        memset(first, 0, length); /* it is all 0, but only now it is there */
    return error;
}

/* The parts of a hand that each batch needs: 0 to WARM_PARTS - 1. */
enum {
    WARM_PARTS = 1 + RECEIVE_BATCH_SIZE
};

static char *warm_part(Hand *hand, int part, size_t *bytes)
{
    *bytes = part == 0 ? offsetof(Hand, batch.bytes) : WARM_BYTES;
    return part == 0 ? (char *)hand : hand->batch.bytes + (size_t)(part - 1) * RECEIVE_STRIDE;
}

static int warm_all(const Arena *arena, Hand *hand)
{
    int error = 0;
    for (int part = 0; part < WARM_PARTS && error == 0; part++) {
        size_t bytes;
        char *from = warm_part(hand, part, &bytes);
        error = warm(arena, from, bytes);
    }
    return error;
}

int hand_complete(const Arena *arena, Hand *hand)
{
    if (arena->fd < 0)
        return 0;
    int error = arena_fill(arena, hand, sizeof *hand);
    for (int part = 0; part < WARM_PARTS && error == 0; part++) {
        size_t bytes;
        const char *from = warm_part(hand, part, &bytes);
        error = mlock(from, bytes) == 0 ? 0 : -errno; /* rounds to pages */
    }
    return error;
}

uint64_t hand_before_check(const Hand *hand, uintptr_t address)
{
    static const IntakeCounts none;
    uint64_t words[sizeof hand->before / sizeof(uint64_t)];
    if (memcmp(&hand->before, &none, sizeof none) == 0)
        return 0;
    memcpy(words, &hand->before, sizeof words);
    return astats_check(address, 1, words, sizeof words / sizeof *words);
}

int hand_open(ArenaStore *store, Arena *arena, Hand **hand)
{
    int error = arena_store_open(store, ARENA_HAND, sizeof **hand + ARENA_HEAD_BYTES, arena);
    if (error != 0)
        return error;
    *hand = arena_alloc(arena, sizeof **hand, LEAST_PAGE);
    if (*hand == NULL)
        error = store != NULL ? -ENOSPC : -ENOMEM;
    else if (store != NULL)
        error = warm_all(arena, *hand);
    if (error != 0) {
        arena_fini(arena);
        return error;
    }
    arena_set_root(arena, *hand);
    receive_batch_init(&(*hand)->batch);
    return 0;
}
