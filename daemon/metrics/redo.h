/* How far an ingest thread has come with its batch, so that a process that takes up the memory of one
 * that was killed knows which of the batch's values are in. ARCHITECTURE.md, "Exactly once, through
 * kill -9", has the protocol, and tests/model/redo.pml its proof.
 *
 * Values are counted through the batch from 0. Before a value is added to a cell, the thread writes down
 * which word shows that it is in (the cell's seq, or its Turn) and what that word is now, and then that
 * it has begun. A word that is still the same later tells that the value is not in.
 *
 * Two words by turns, so that there is always one that is complete. Nobody reads them while the
 * process lives, and a kill stops a thread between two instructions; so all that is needed is that the
 * compiler keeps the order of the stores: signal fences (C11 7.17.4.2), no instruction on any machine.
 *
 * So that what somebody else has scribbled there is found out, at next to no cost, `begun` is a multiple of a large
 * odd number (an AN code: Avizienis, "Arithmetic error codes", IEEE Transactions on Computers C-20(11), 1971),
 * and a step has that multiple plus a hash of its word and of what the word was.
 *
 * Belongs to one thread. redo_reset() begins a batch. */
#ifndef METRICS_REDO_H
#define METRICS_REDO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    _Atomic uintptr_t
        word; /* address of an _Atomic uint64_t; 0: all values that have begun are in */
    _Atomic uint64_t before; /* the word, while the value is not in */
    _Atomic uint64_t tie; /* redo_tie_(): how many of the batch's values were in before this one */
} RedoStep;

typedef struct {
    _Alignas(64) RedoStep step[2];
    _Atomic uint64_t
        begun; /* redo_begun_(2n + r): n values have begun, and step[r] is the latest one's */
} Redo;

_Static_assert(sizeof(Redo) == 64, "one line");

#define REDO_FACTOR UINT64_C(0x4f1bbcdd) /* odd: the lowest bit of a multiple is the number's */
#define REDO_SPREAD UINT64_C(0x9e3779b97f4a7c15) /* Fibonacci hashing (atomicstats/check.h) */

enum {
    REDO_NONE = 2, /* the number of a new batch is this, so that no word of a live one is 0 */
    REDO_MAX =
        1
        << 24 /* numbers are below it: a batch has 4 MiB at most, and each value two bytes or more */
};

/* => what stands for this number. */
static inline uint64_t redo_begun_(uint64_t number)
{
    return (number + REDO_NONE) * REDO_FACTOR;
}

/* => a step's tie: what `begun` was before it, tied to this word. */
static inline uint64_t redo_tie_(uint64_t begun, uintptr_t word, uint64_t before)
{
    return begun + (before + 2 * (uint64_t)word) * REDO_SPREAD;
}

/* Begins a batch. */
static inline void redo_reset(Redo *redo)
{
    for (int r = 0; r < 2; r++) {
        /* relaxed: only this thread, and who comes after it. */
        atomic_store_explicit(&redo->step[r].word, 0, memory_order_relaxed);
        atomic_store_explicit(&redo->step[r].tie, 0, memory_order_relaxed);
    }
    /* No step stands, and only then no value has begun: a step of the batch before may name a word that
     * is something else by now. */
    atomic_signal_fence(memory_order_release);
    atomic_store_explicit(&redo->begun, redo_begun_(0), memory_order_relaxed);
}

/* `values` more are about to be in; `word`, which is `before` now, will then be another number. */
static inline void redo_begin(Redo *redo, const _Atomic uint64_t *word, uint64_t before,
                              uint64_t values)
{
    /* relaxed: as above. */
    uint64_t begun = atomic_load_explicit(&redo->begun, memory_order_relaxed);
    uint64_t other = ~begun & 1;
    RedoStep *step = &redo->step[other];
    atomic_store_explicit(&step->word, (uintptr_t)word, memory_order_relaxed);
    atomic_store_explicit(&step->before, before, memory_order_relaxed);
    atomic_store_explicit(&step->tie, redo_tie_(begun, (uintptr_t)word, before),
                          memory_order_relaxed);
    /* The step is complete before it counts, and it counts before the word changes. */
    atomic_signal_fence(memory_order_release);
    /* r goes from 0 to 1, or back. */
    uint64_t more = (2 * values - 1) * REDO_FACTOR + (-other & (2 * REDO_FACTOR));
    atomic_store_explicit(&redo->begun, begun + more, memory_order_relaxed);
    atomic_signal_fence(memory_order_release);
}

/* `values` more are in, which to record again would change nothing. */
static inline void redo_pass(Redo *redo, uint64_t values)
{
    atomic_signal_fence(memory_order_release); /* they are in before they count */
    /* relaxed: as above. */
    uint64_t begun = atomic_load_explicit(&redo->begun, memory_order_relaxed);
    atomic_store_explicit(&redo->begun, begun + 2 * values * REDO_FACTOR, memory_order_relaxed);
}

/* What a redo says. */
typedef struct {
    uint64_t begun;  /* values that have begun */
    uint64_t in;     /* of them, those that were in before the latest step */
    uintptr_t word;  /* the latest step's; 0: there is none, and all that have begun are in */
    uint64_t before; /* it, while that step is not in */
} RedoState;

/* Reads the redo of a process that has ended. => whether it is one that was written. */
bool redo_read(const Redo *redo, RedoState *out);

#endif
