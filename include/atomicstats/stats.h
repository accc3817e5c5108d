/* AtomicStats: count, sum, mean, min, max and standard deviation of values that any number of
 * threads record, read at any time as one consistent snapshot.
 *
 * Each recording thread writes its own cell (cell.h), found by the thread's number
 * (thread_number.h) in an array that grows in segments and never moves; a reader merges the cells
 * (merge.h). When a thread ends, its number and with it its cell go to the next new thread: no
 * record is ever lost, and the memory is that of the threads that ran at once, not of all that ever
 * ran.
 *
 *             | record    | summary | destroy
 *   record    | safe      | safe    | the caller's to prevent
 *   summary   | safe      | safe    | the caller's to prevent
 *
 * Progress: record is wait-free once the thread has its number and its segment (its first record
 * may allocate); summary is lock-free, and never makes a recorder wait. If a segment cannot be
 * allocated, or more than ASTATS_THREADS_MAX threads run at once, those threads share one cell under
 * a mutex: slower, nothing lost.
 *
 * Promised: a summary's six figures belong to exactly the same set of records. A record that
 * happened before the call (by the same thread, or handed over by any synchronisation) is in it.
 * Not promised: that a record made during the call is in it. */
#ifndef ATOMICSTATS_STATS_H
#define ATOMICSTATS_STATS_H

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <atomicstats/api.h>
#include <atomicstats/cell.h>
#include <atomicstats/merge.h>
#include <atomicstats/thread_number.h>

typedef struct AtomicStats AtomicStats;

/* => a new object without records, or NULL and errno: ENOMEM, or what pthread_mutex_init gave. */
ASTATS_API AtomicStats *astats_create(void);

/* Frees it. No other thread may be using it. NULL is allowed. */
ASTATS_API void astats_destroy(AtomicStats *s);

/* Records one value. A NaN or an infinity is not recorded. Any thread. */
__attribute__((nonnull)) ASTATS_API void astats_record(AtomicStats *s, double value);

/* Records `value` as if it had come `weight` times: count grows by weight, sum by value * weight.
 * Not recorded unless both are finite and weight > 0. Any thread. */
__attribute__((nonnull)) ASTATS_API void astats_record_weighted(AtomicStats *s, double value,
                                                                double weight);

/* Fills *out; with no record: 0, 0, NAN, NAN, NAN, NAN. Any thread. */
ASTATS_API void astats_summary(const AtomicStats *s, AtomicStatsSummary *out);

/* ---- how ---- */

/* The first threads' cells are part of the object: one comparison finds them. Then segment k holds
 * those of the threads with the numbers from 8 * 2^k to 8 * 2^(k+1) - 1. */
enum {
    ASTATS_FIRST_SEGMENT_ = 8,
    ASTATS_SEGMENTS_ = 13
};

/* Two lines of its own: the CPU prefetches lines in pairs, a neighbour's line would come along. */
typedef struct {
    _Alignas(128) AstatsCell cell;
} AstatsShard;

_Static_assert(sizeof(AstatsShard) == 128, "a shard is two cache lines");
_Static_assert(ASTATS_FIRST_SEGMENT_ << ASTATS_SEGMENTS_ >= ASTATS_THREADS_MAX,
               "every thread number has a segment");

struct AtomicStats {
    AstatsShard first[ASTATS_FIRST_SEGMENT_];
    _Atomic(AstatsShard *) segment[ASTATS_SEGMENTS_];
    pthread_mutex_t shared_lock; /* whoever records into `shared` holds it */
    AstatsCell shared;           /* for threads without a shard */
};

ASTATS_API AtomicStats *astats_create(void)
{
    AtomicStats *s = aligned_alloc(_Alignof(AstatsShard), sizeof *s);
    if (s == NULL)
        return NULL;
    memset(s, 0, sizeof *s);
    int error = pthread_mutex_init(&s->shared_lock, NULL);
    if (error != 0) {
        free(s);
        errno = error;
        return NULL;
    }
    return s;
}

ASTATS_API void astats_destroy(AtomicStats *s)
{
    if (s == NULL)
        return;
    for (unsigned k = 0; k < ASTATS_SEGMENTS_; k++) {
        /* relaxed: the caller sees to it that no other thread is left. */
        free(atomic_load_explicit(&s->segment[k], memory_order_relaxed));
    }
    pthread_mutex_destroy(&s->shared_lock);
    free(s);
}

/* => segment k, allocated if need be; NULL: no memory. Any thread, lock-free. */
static inline AstatsShard *astats_segment_grow_(AtomicStats *s, unsigned k)
{
    size_t bytes = sizeof(AstatsShard) * ((size_t)ASTATS_FIRST_SEGMENT_ << k);
    AstatsShard *fresh = aligned_alloc(_Alignof(AstatsShard), bytes);
    if (fresh == NULL)
        return NULL;
    memset(fresh, 0, bytes);
    AstatsShard *there = NULL;
    /* release on success: publishes the zeroes; pairs with the acquire loads in astats_shard_far_()
     * and
     * astats_summary(). acquire on failure: another thread's segment is used, its zeroes needed. */
    if (atomic_compare_exchange_strong_explicit(&s->segment[k], &there, fresh, memory_order_release,
                                                memory_order_acquire))
        return fresh;
    free(fresh);
    return there;
}

/* => the cell of a thread that is not among the first, or NULL: no number, or no memory. */
static inline __attribute__((cold)) AstatsCell *astats_shard_far_(AtomicStats *s)
{
    uint32_t number_plus_1 = astats_thread_number_plus_1_();
    if (number_plus_1 == 0)
        return NULL;
    uint32_t number = number_plus_1 - 1;
    if (number < ASTATS_FIRST_SEGMENT_)
        return &s->first[number].cell;
    unsigned log2 = 31 - (unsigned)__builtin_clz(number);
    unsigned k = log2 - 3;
    /* acquire: pairs with the release in astats_segment_grow_(). */
    AstatsShard *segment = atomic_load_explicit(&s->segment[k], memory_order_acquire);
    if (segment == NULL)
        segment = astats_segment_grow_(s, k);
    return segment == NULL ? NULL : &segment[number - (1U << log2)].cell;
}

/* => this thread's cell, or NULL: it has to use the shared one. */
static inline AstatsCell *astats_shard_(AtomicStats *s)
{
    /* No number yet wraps around to the far side. */
    uint32_t number = astats_thread_ - 1;
    if (__builtin_expect(number < ASTATS_FIRST_SEGMENT_, 1))
        return &s->first[number].cell;
    return astats_shard_far_(s);
}

__attribute__((nonnull)) static inline void astats_record_shared_(AtomicStats *s, double value,
                                                                  double weight)
{
    /* The mutex makes its holder the one writer that a cell may have, one after the other. */
    pthread_mutex_lock(&s->shared_lock);
    astats_cell_record(&s->shared, value, weight);
    pthread_mutex_unlock(&s->shared_lock);
}

ASTATS_API void astats_record_weighted(AtomicStats *s, double value, double weight)
{
    if (!isfinite(value) || !isfinite(weight) || !(weight > 0))
        return;
    AstatsCell *cell = astats_shard_(s);
    if (__builtin_expect(cell != NULL, 1))
        astats_cell_record(cell, value, weight);
    else
        astats_record_shared_(s, value, weight);
}

ASTATS_API void astats_record(AtomicStats *s, double value)
{
    astats_record_weighted(s, value, 1);
}

static inline void astats_merge_cell_(AstatsMerge *merge, const AstatsCell *cell)
{
    AstatsCellState state;
    double shift;
    if (astats_cell_snapshot(cell, &state, &shift) != 0)
        astats_merge_add(merge, &state, shift);
}

ASTATS_API void astats_summary(const AtomicStats *s, AtomicStatsSummary *out)
{
    AstatsMerge merge;
    astats_merge_init(&merge);
    for (unsigned i = 0; i < ASTATS_FIRST_SEGMENT_; i++)
        astats_merge_cell_(&merge, &s->first[i].cell);
    for (unsigned k = 0; k < ASTATS_SEGMENTS_; k++) {
        /* acquire: pairs with the release in astats_segment_grow_(). */
        const AstatsShard *segment = atomic_load_explicit(&s->segment[k], memory_order_acquire);
        if (segment == NULL)
            continue;
        for (size_t i = 0; i < (size_t)ASTATS_FIRST_SEGMENT_ << k; i++)
            astats_merge_cell_(&merge, &segment[i].cell);
    }
    astats_merge_cell_(&merge, &s->shared);
    *out = astats_merge_summary(&merge);
}

#endif
