/* What astats_record() is measured against. For the benches only: nothing ships from here.
 *
 *   MutexStats    the way everybody starts: five fields under one pthread mutex
 *   SeqCstStats   the textbook's lock-free object: one, shared, fetch_add and compare-and-swap
 *                 loops, every access sequentially consistent
 *   PlainStats    five plain fields per thread, not readable by anybody else: the limit
 *   ShiftedStats  the cell's arithmetic (compensated sum, squares of distances from the first
 *                 value) in plain fields per thread: what of the cell's price is arithmetic
 *
 * Each holds count, sum, min, max and a sum of squares. */
#ifndef BENCH_BASELINES_H
#define BENCH_BASELINES_H

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

typedef struct {
    double count, sum, min, max, squares;
} PlainStats;

static inline void plain_init(PlainStats *s)
{
    *s = (PlainStats){.min = (double)INFINITY, .max = -(double)INFINITY};
}

static inline void plain_record(PlainStats *s, double value)
{
    s->count += 1;
    s->sum += value;
    s->min = value < s->min ? value : s->min;
    s->max = value > s->max ? value : s->max;
    s->squares += value * value;
}

typedef struct {
    pthread_mutex_t lock;
    PlainStats plain;
} MutexStats;

static inline void mutex_record(MutexStats *s, double value)
{
    pthread_mutex_lock(&s->lock);
    plain_record(&s->plain, value);
    pthread_mutex_unlock(&s->lock);
}

typedef struct {
    _Atomic uint64_t count;
    _Atomic double sum, min, max, squares;
} SeqCstStats;

static inline void seqcst_init(SeqCstStats *s)
{
    atomic_init(&s->count, 0);
    atomic_init(&s->sum, 0);
    atomic_init(&s->min, (double)INFINITY);
    atomic_init(&s->max, -(double)INFINITY);
    atomic_init(&s->squares, 0);
}

/* seq_cst throughout: that is what this baseline is, the order one gets without asking. */
static inline void seqcst_add(_Atomic double *field, double value)
{
    double seen = atomic_load_explicit(field, memory_order_seq_cst);
    while (!atomic_compare_exchange_weak_explicit(field, &seen, seen + value, memory_order_seq_cst,
                                                  memory_order_seq_cst)) {
    }
}

static inline void seqcst_min(_Atomic double *field, double value)
{
    double seen = atomic_load_explicit(field, memory_order_seq_cst); /* seq_cst: see above */
    while (value < seen && !atomic_compare_exchange_weak_explicit(
                               field, &seen, value, memory_order_seq_cst, memory_order_seq_cst)) {
    }
}

static inline void seqcst_max(_Atomic double *field, double value)
{
    double seen = atomic_load_explicit(field, memory_order_seq_cst); /* seq_cst: see above */
    while (value > seen && !atomic_compare_exchange_weak_explicit(
                               field, &seen, value, memory_order_seq_cst, memory_order_seq_cst)) {
    }
}

static inline void seqcst_record(SeqCstStats *s, double value)
{
    atomic_fetch_add_explicit(&s->count, 1, memory_order_seq_cst); /* seq_cst: see above */
    seqcst_add(&s->sum, value);
    seqcst_min(&s->min, value);
    seqcst_max(&s->max, value);
    seqcst_add(&s->squares, value * value);
}

typedef struct {
    double shift, count, sum, compensation, min, max, squares;
} ShiftedStats;

static inline void shifted_record(ShiftedStats *s, double value)
{
    if (__builtin_expect(s->count == 0, 0))
        *s = (ShiftedStats){.shift = value, .min = value, .max = value};
    double sum = s->sum + value;
    double back = sum - s->sum;
    double distance = value - s->shift;
    s->compensation += (s->sum - (sum - back)) + (value - back);
    s->sum = sum;
    s->count += 1;
    s->min = value < s->min ? value : s->min;
    s->max = value > s->max ? value : s->max;
    s->squares += distance * distance;
}

#endif
