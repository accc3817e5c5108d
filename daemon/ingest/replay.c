#include "ingest/replay.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ingest/hand.h"
#include "ingest/quarantine.h"

static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

enum {
    CRASH_SIGNALS = sizeof crash_signals / sizeof *crash_signals
};

/* ---- reading a hand ---- */

static bool word_at(void *context, uintptr_t address, uint64_t *word)
{
    ArenaPast *past = context;
    const _Atomic uint64_t *found = arena_past_at(past, address, sizeof *word, sizeof *word);
    if (found == NULL)
        return false;
    /* relaxed: its process has ended. */
    *word = atomic_load_explicit(found, memory_order_relaxed);
    return true;
}

/* => the hand in file `number`, and the *address where it was; NULL: none is there. */
static const Hand *hand_of(ArenaPast *past, uint32_t number, uintptr_t *address)
{
    return arena_past_root(past, number, ARENA_HAND, sizeof(Hand), address);
}

/* ---- figures ---- */

static void add_sockets(const Hand *hand, CheckpointFigures *out)
{
    for (size_t i = 0; i < HAND_SOCKETS; i++) {
        uint64_t cookie = hand->origin.cookies[i];
        uint64_t dropped;
        (void)kept_drops_read(&hand->dropped[i], 0, &dropped); /* it is sound */
        out->intake.dropped_kernel += dropped;
        if (cookie != 0 && out->socket_count < CHECKPOINT_SOCKETS)
            out->sockets[out->socket_count++] = (SocketDrops){cookie, dropped};
    }
}

static int add_hand(ArenaPast *past, uint32_t number, CheckpointFigures *out, bool *in_hand)
{
    uintptr_t address;
    IntakeCounts counts;
    LedgerProgress progress;
    const Hand *hand = hand_of(past, number, &address);
    if (hand == NULL || ledger_read(&hand->ledger, address, word_at, past, &counts, &progress) != 0)
        return -EBADMSG;
    int count = progress.in_hand ? hand_count(hand) : 0;
    if (count < 0 || arena_past_crashes(past, number) == UINT32_MAX ||
        !hand_is_sound(hand, address, &progress, count))
        return -EBADMSG;
    intake_add(&out->intake, &counts);
    intake_add(&out->intake, &hand->origin.before);
    add_sockets(hand, out);
    *in_hand = *in_hand || count > 0;
    return 0;
}

int replay_figures(ArenaPast *past, CheckpointFigures *out, bool *in_hand, CheckpointReason *reason)
{
    *out = (CheckpointFigures){.booted_ns = clock_boottime_ns()};
    *in_hand = false;
    for (uint32_t number = 0; number < arena_past_files(past); number++) {
        if (arena_past_kind(past, number) != ARENA_HAND ||
            add_hand(past, number, out, in_hand) == 0)
            continue;
        (void)snprintf(reason->text, sizeof reason->text,
                       "its arenas hold figures, or a batch, that no thread can have left");
        return -EBADMSG;
    }
    return 0;
}

/* ---- batches ---- */

/* What is being taken in, for the handler: it has no other way to know. */
static _Atomic(const ArenaPast *) replayed_past;
static _Atomic uint32_t replayed_number;

/* The handler is gone when it runs (SA_RESETHAND): what it returns to crashes again, for good. */
static void on_crash(int signal)
{
    (void)signal;
    /* relaxed, both: written by this thread. */
    arena_past_crashed(atomic_load_explicit(&replayed_past, memory_order_relaxed),
                       atomic_load_explicit(&replayed_number, memory_order_relaxed));
}

static void watch(ArenaPast *past, uint32_t number, struct sigaction before[CRASH_SIGNALS])
{
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    /* relaxed, both: for a handler in this thread. */
    atomic_store_explicit(&replayed_past, past, memory_order_relaxed);
    atomic_store_explicit(&replayed_number, number, memory_order_relaxed);
    for (size_t i = 0; i < CRASH_SIGNALS; i++)
        (void)sigaction(crash_signals[i], &action, &before[i]);
}

static void unwatch(const struct sigaction before[CRASH_SIGNALS])
{
    for (size_t i = 0; i < CRASH_SIGNALS; i++)
        (void)sigaction(crash_signals[i], &before[i], NULL);
}

/* A stream's text is none. */
static uint64_t datagrams(const Hand *hand, int count)
{
    return hand->transport == TRANSPORT_TCP ? 0 : (uint64_t)count;
}

/* What is known of a batch without looking into it: its datagrams, and the values that were in. */
static int set_aside(Pool *pool, int directory_fd, uint32_t number, const Hand *hand, int count,
                     uint64_t done, CheckpointReason *reason)
{
    char name[64];
    IntakeCounts counts = {.datagrams = datagrams(hand, count), .values = done};
    for (int i = 0; i < count; i++)
        counts.bytes += hand_text_length(hand, i);
    (void)snprintf(name, sizeof name, "quarantine-%lld-%u",
                   (long long)(clock_realtime_ns() / 1000000000), (unsigned)number);
    int error = quarantine_write(directory_fd, name, hand, count);
    if (error == -EEXIST)
        error = 0; /* a start that was cut off in this second has done it */
    if (error == 0)
        pool_add_counts(pool, &counts);
    else
        (void)snprintf(reason->text, sizeof reason->text,
                       "cannot set a batch aside that crashes the program: %s",
                       strerrordesc_np(-error));
    return error;
}

int replay_batches(ArenaPast *past, Pool *pool, int directory_fd, ReplayResult *result,
                   CheckpointReason *reason)
{
    *result = (ReplayResult){0};
    unsigned turn = 0;
    for (uint32_t number = 0; number < arena_past_files(past); number++) {
        uintptr_t address;
        const Hand *hand = hand_of(past, number, &address);
        IntakeCounts unused;
        LedgerProgress progress;
        if (hand == NULL ||
            ledger_read(&hand->ledger, address, word_at, past, &unused, &progress) != 0 ||
            !progress.in_hand)
            continue;
        int count = hand_count(hand);
        if (arena_past_crashes(past, number) >= REPLAY_CRASHES) {
            int error = set_aside(pool, directory_fd, number, hand, count, progress.done, reason);
            if (error != 0)
                return error;
            result->quarantined += (uint64_t)count;
            continue;
        }
        struct sigaction before[CRASH_SIGNALS];
        watch(past, number, before);
        pool_replay(pool, turn++, hand, progress.done);
        unwatch(before);
        result->datagrams += datagrams(hand, count);
    }
    return 0;
}
