#include "ingest/hand.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <atomicstats/check.h>

#include "base/hash.h"
#include "ingest/stream_lines.h"

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

/* ---- what is in it ---- */

static bool stream_is_sound(const Hand *hand, int count)
{
    return count <= 1 && hand->stream.kept <= STREAM_LINE_MAX && hand->stream.skipping <= 1;
}

int hand_count(const Hand *hand)
{
    const ReceiveBatch *batch = &hand->batch;
    int count = 0;
    while (count < RECEIVE_BATCH_SIZE && batch->headers[count].msg_len != RECEIVE_NONE) {
        if (hand_text_length(hand, count) > RECEIVE_BUFFER_BYTES)
            return -EBADMSG;
        count++;
    }
    bool sound = hand->transport == TRANSPORT_TCP
                     ? stream_is_sound(hand, count)
                     : transport_name((Transport)hand->transport) != NULL;
    return sound ? count : -EBADMSG;
}

size_t hand_text_length(const Hand *hand, int i)
{
    size_t kept = hand->transport == TRANSPORT_TCP ? hand->stream.kept : 0;
    return kept + hand->batch.headers[i].msg_len;
}

/* ---- checks ---- */

static uint64_t origin_check(const HandOrigin *origin, uintptr_t address)
{
    return hash_fixed_tweaked(origin, sizeof *origin, address);
}

void hand_sign_origin(Hand *hand)
{
    hand->origin_check = origin_check(&hand->origin, (uintptr_t)hand);
}

/* relaxed, all below: its thread alone writes it, or its process has ended. */

/* => the lower half of Ledger.live, which is another one for each batch. */
static uint32_t batch_number(const Hand *hand)
{
    return (uint32_t)atomic_load_explicit(&hand->ledger.live, memory_order_relaxed);
}

/* => a hash of the texts, and of who has sent them. */
static uint64_t batch_hash(const Hand *hand, int count)
{
    if (hand->transport == TRANSPORT_UDP)
        return receive_batch_hash(&hand->batch, count);
    if (hand->transport == TRANSPORT_UNIX)
        return receive_batch_hash_unix(&hand->batch, count);
    return count > 0 ? receive_batch_hash_stream(&hand->batch, hand_text_length(hand, 0)) : 0;
}

/* => the seal of the batch in hand, in a hand that is, or was, at `address`. */
static uint64_t seal_of(const Hand *hand, uintptr_t address, int count)
{
    const uint64_t words[] = {
        batch_hash(hand, count),
        (uint64_t)count,
        hand->transport,
        (uint64_t)hand->stream.kept << 32 | hand->stream.skipping,
        (uint64_t)atomic_load_explicit(&hand->ledger.now_ns, memory_order_relaxed),
        atomic_load_explicit(&hand->ledger.gauge_sign, memory_order_relaxed)};
    uint32_t number = batch_number(hand);
    return astats_check_word(number,
                             astats_check(address, number, words, sizeof words / sizeof *words));
}

static void put_seal(Hand *hand, uint64_t seal)
{
    /* What it is of is there before it, and nothing is recorded before it is there. */
    atomic_signal_fence(memory_order_release);
    atomic_store_explicit(&hand->seal, seal, memory_order_relaxed);
    atomic_signal_fence(memory_order_release);
}

void hand_seal(Hand *hand, int count)
{
    put_seal(hand, seal_of(hand, (uintptr_t)hand, count));
}

/* => what stands in the place of the seal of batch `number` before it has one. */
static uint64_t no_seal(uintptr_t address, uint32_t number)
{
    return astats_check_word(number, astats_check(address, number, NULL, 0));
}

void hand_unseal(Hand *hand)
{
    uint64_t ended = atomic_load_explicit(&hand->ledger.seq, memory_order_relaxed);
    put_seal(hand, no_seal((uintptr_t)hand, (uint32_t)ended + 1));
}

static bool batch_is_sound(const Hand *hand, uintptr_t address, uint64_t begun, int count)
{
    uint64_t seal = atomic_load_explicit(&hand->seal, memory_order_relaxed);
    if (seal == no_seal(address, batch_number(hand)))
        return begun == 0;
    return seal == seal_of(hand, address, count);
}

bool hand_is_sound(const Hand *hand, uintptr_t address, const LedgerProgress *progress, int count)
{
    uint64_t unused;
    if (hand->origin_check != origin_check(&hand->origin, address))
        return false;
    for (size_t i = 0; i < HAND_SOCKETS; i++) {
        uintptr_t at = address + offsetof(Hand, dropped) + i * sizeof hand->dropped[i];
        if (!kept_drops_read(&hand->dropped[i], at, &unused))
            return false;
    }
    return !progress->in_hand || batch_is_sound(hand, address, progress->begun, count);
}

/* ---- life ---- */

static void begin(Hand *hand)
{
    ledger_init(&hand->ledger);
    hand_sign_origin(hand);
    hand->transport = TRANSPORT_UDP;
    for (size_t i = 0; i < HAND_SOCKETS; i++)
        kept_drops_begin(&hand->dropped[i]);
    receive_batch_init(&hand->batch);
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
    begin(*hand);
    arena_set_root(arena, *hand);
    return 0;
}
