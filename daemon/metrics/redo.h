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
 * Belongs to one thread. Zeroed memory is the beginning of a batch. */
#ifndef METRICS_REDO_H
#define METRICS_REDO_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    _Atomic uintptr_t
        word; /* address of an _Atomic uint64_t; 0: all values that have begun are in */
    _Atomic uint64_t before; /* the word, while the value is not in */
    _Atomic uint64_t values; /* of the batch that were in before this one */
} RedoStep;

typedef struct {
    _Alignas(64) RedoStep step[2];
    _Atomic uint64_t begun; /* 2n + r: n values have begun, and step[r] is the latest one's */
} Redo;

_Static_assert(sizeof(Redo) == 64, "one line");

/* Begins a batch. */
static inline void redo_reset(Redo *redo)
{
    /* relaxed: only this thread, and who comes after it. */
    atomic_store_explicit(&redo->step[0].word, 0, memory_order_relaxed);
    atomic_store_explicit(&redo->step[1].word, 0, memory_order_relaxed);
    /* No step stands, and only then no value has begun: a step of the batch before may name a word that
     * is something else by now. */
    atomic_signal_fence(memory_order_release);
    atomic_store_explicit(&redo->begun, 0, memory_order_relaxed);
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
    atomic_store_explicit(&step->values, begun >> 1, memory_order_relaxed);
    /* The step is complete before it counts, and it counts before the word changes. */
    atomic_signal_fence(memory_order_release);
    atomic_store_explicit(&redo->begun, ((begun >> 1) + values) << 1 | other, memory_order_relaxed);
    atomic_signal_fence(memory_order_release);
}

/* `values` more are in, which to record again would change nothing. */
static inline void redo_pass(Redo *redo, uint64_t values)
{
    atomic_signal_fence(memory_order_release); /* they are in before they count */
    /* relaxed: as above. */
    uint64_t begun = atomic_load_explicit(&redo->begun, memory_order_relaxed);
    atomic_store_explicit(&redo->begun, begun + 2 * values, memory_order_relaxed);
}

#endif
