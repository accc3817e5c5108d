/* Whose turn it is to write a cell that ingest threads share, and how often it was written: a lock and
 * a seq in one word.
 *
 * Writer   takes its turn, writes the copy that is not current, ends the turn; that store lets go of the
 *          lock and makes the other copy current, so no kill comes between the two.
 * Reader   as of an AstatsCell, whose proof (atomicstats/cell.h) is this one's too: it never waits for
 *          the lock, as the writer that has it does not touch the current copy.
 * Writers wait for one another, for the few instructions of one update; who spins soon sleeps
 * instead, in case the other one was interrupted. */
#ifndef METRICS_TURN_H
#define METRICS_TURN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <atomicstats/check.h>

#include "base/clock.h"

/* Zeroed memory was never written. The lowest bit: taken. Above it, 31 bits: the seq. Above that: the check of
 * what the current copy holds (atomicstats/check.h). */
typedef struct {
    _Atomic uint64_t word;
} Turn;

enum {
    TURN_SPINS = 64,      /* some hundred nanoseconds, several times an update */
    TURN_SLEEP_NS = 20000 /* the other one was interrupted, for longer than that */
};

/* => the word, taken: what turn_end() and redo_begin() want. */
static inline uint64_t turn_take(Turn *turn)
{
    for (unsigned tries = 1;; tries++) {
        /* relaxed: a guess; the exchange tells. */
        uint64_t seen = atomic_load_explicit(&turn->word, memory_order_relaxed) & ~UINT64_C(1);
        /* acquire: what the writer before has written is seen; pairs with the release in turn_end().
         * relaxed on failure: it only tries again. */
        if (atomic_compare_exchange_weak_explicit(&turn->word, &seen, seen | 1,
                                                  memory_order_acquire, memory_order_relaxed))
            return seen | 1;
        if (tries % TURN_SPINS == 0)
            clock_sleep_ns(TURN_SLEEP_NS);
    }
}

/* => which copy is current while the word is this. */
static inline unsigned turn_copy(uint64_t word)
{
    return (unsigned)(word >> 1) & 1;
}

/* => the lower half of the word that ends a turn taken with `word`: for the check, and for turn_end(). */
static inline uint32_t turn_next(uint64_t word)
{
    uint32_t next = (uint32_t)word + 1;
    return next != 0 ? next
                     : 4; /* 0 says that it was never written, and 2 that it is the other copy */
}

/* Ends the turn that was taken with `word`: the copy that was not current is. `check`: of what it holds. */
static inline void turn_end(Turn *turn, uint64_t word, uint32_t check)
{
    /* release: publishes the copy; pairs with the acquire in turn_seen() and turn_take(). */
    atomic_store_explicit(&turn->word, astats_check_word(turn_next(word), check),
                          memory_order_release);
}

/* Makes a zeroed turn one of an empty cell, with the check of that: before other threads see it. turn_seq() of
 * it is 0. */
static inline void turn_begin(Turn *turn, uint32_t check)
{
    /* relaxed: nobody sees it yet. */
    atomic_store_explicit(&turn->word, astats_check_word(0, check), memory_order_relaxed);
}

/* Gives the turn that was taken with `word` back, with nothing written. */
static inline void turn_drop(Turn *turn, uint64_t word)
{
    /* release: pairs with the acquire in turn_take(): what this thread has read came before what the next
     * one writes. */
    atomic_store_explicit(&turn->word, word & ~UINT64_C(1), memory_order_release);
}

/* => the word, for reading the copy that is current. */
static inline uint64_t turn_seen(const Turn *turn)
{
    /* acquire: pairs with the release in turn_end(). */
    return atomic_load_explicit(&turn->word, memory_order_acquire);
}

/* => whether somebody has the turn, or had it when the process ended. */
static inline bool turn_is_taken(uint64_t word)
{
    return (word & 1) != 0;
}

/* => whether the cell was ever written. */
static inline bool turn_was_written(uint64_t word)
{
    return (uint32_t)word >> 1 != 0;
}

/* => the lower half of a word, as turn_next() gave it. */
static inline uint32_t turn_seq(uint64_t word)
{
    return (uint32_t)word & ~1U;
}

/* => whether a word that says so was written with this check. */
static inline bool turn_is_sound(uint64_t word, uint32_t check)
{
    return word >> 32 == check;
}

/* After reading: => whether what was read is one writer's. */
static inline bool turn_still(const Turn *turn, uint64_t seen)
{
    /* acquire fence: if a load before it saw a store of a later turn, the load below sees the word
     * before that turn; pairs with the release fence in turn_write(). relaxed: the fence orders it. */
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&turn->word, memory_order_relaxed) >> 1 == seen >> 1;
}

/* Before the first store into a copy. */
static inline void turn_write(void)
{
    /* release fence: keeps the store of the turn before, which this thread has acquired, before the
     * stores that follow; pairs with the acquire fence in turn_still(). */
    atomic_thread_fence(memory_order_release);
}

#endif
