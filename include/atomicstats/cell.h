/* AstatsCell: the running statistics of ONE writing thread, in two copies, without a lock.
 *
 * Who      exactly one thread records into a cell; any number of threads read it at any time.
 * State    copy[seq & 1] is the current state, complete; copy[(seq + 1) & 1] is the writer's
 *          scratch, and holds the state before.
 * Writer   reads the current copy, writes the new state into the other one, publishes it with a
 *          release store of seq + 1. No loop, no read-modify-write instruction: wait-free. It never
 *          waits for a reader.
 * Reader   loads seq, copies copy[seq & 1], loads seq again: equal means that the copy was not
 *          written meanwhile. Else it tries again; it does so only if the writer has recorded
 *          meanwhile, so a writer that is stopped in mid-update (preempted, SIGSTOP, killed) blocks
 *          nobody. That is what a plain seqlock cannot do.
 * Hazard   a reader that is slower than one whole record reads a copy that is being overwritten.
 *          It must notice. Proof sketch: record k publishes seq = k in copy[k & 1]; the copy that a
 *          reader of seq = k reads is next written by record k + 2, after record k + 1 published
 *          seq = k + 1. Record k + 2's stores into the copy come after a release fence, which comes
 *          after that publication. If the reader's relaxed loads saw any of these stores, then the
 *          release fence synchronises with the reader's acquire fence (C11 7.17.4p2), so the
 *          reader's second load of seq sees k + 1 or more and differs from k. (Hans Boehm, "Can
 *          seqlocks get along with programming language memory models?", MSPC 2012, for the fences;
 *          the two copies are Leslie Lamport's "wait-free writer" register, CACM 20(11), 1977.)
 *          tests/stress/stress_cell.c looks for a torn read with a writer and three readers.
 * Death    at every instant, also between two instructions, copy[seq & 1] is complete.
 *
 *                 | record        | snapshot
 *   record        | one thread    | safe
 *   snapshot      | safe          | safe
 *
 * The arithmetic:
 *  - The sum is compensated: each addition's rounding error, found exactly with Knuth's TwoSum
 *    (TAOCP 2, 4.2.2), is summed apart and added at the end, as Neumaier (ZAMM 54, 1974) does:
 *    ten million times 0.1 is 1000000.
 *  - The variance is kept as the sum of squared distances from `shift`, the first value that was
 *    recorded (Chan, Golub & LeVeque, The American Statistician 37(3), 1983). With d = x - shift,
 *    the sum of d^2 is n * variance + n * (mean - shift)^2; as `shift` is one of the n values,
 *    (mean - shift)^2 is at most n * variance: the two terms are of one size unless the very first
 *    value is far from all others. At 1e9 +- 0.5 all digits are there; a plain sum of squares has
 *    none. With an outlier first (0, then 1e9 +- 0.5) the relative error of stddev is 5e-8 after
 *    1e5 records, 1e-5 after 1e6, 1e-3 after 1e7 and 4 % after 1e8, measured: the price of 112
 *    bytes rather than 128. Unlike
 *    Welford's recurrence this needs no division on the way. */
#ifndef ATOMICSTATS_CELL_H
#define ATOMICSTATS_CELL_H

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "atomicstats needs IEEE arithmetic: compile without -ffast-math"
#endif

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <atomicstats/check.h>

/* The figures of a set of records, as plain numbers. */
typedef struct {
    double count;        /* sum of the weights */
    double sum;          /* of value * weight, without the compensation */
    double compensation; /* what rounding took from `sum` */
    double min, max;     /* +inf, -inf while there is no record */
    double squares;      /* sum of weight * (value - shift)^2 */
} AstatsCellState;

/* A field that one thread writes and others read. The writer may read it plainly: only its own
 * stores change it, so nothing races. Why it does: gcc moves an atomic double through an integer
 * register, which puts 2 x 1 more cycles of latency into the chain from one record to the next
 * (7.4 against 5.1 ns a record, gcc 12 -O2). */
typedef union {
    _Atomic double shared;
    double own;
} AstatsField;

_Static_assert(sizeof(_Atomic double) == sizeof(double), "an atomic double is a double in memory");

typedef struct {
    AstatsField count, sum, compensation, min, max, squares;
} AstatsCellCopy;

/* Zeroed memory is a cell without records. 112 bytes: with 48 bytes before it, two and a half cache
 * lines. */
typedef struct {
    _Atomic uint64_t
        seq; /* records so far, of a checked cell its check and 32 bits of that; the lowest
                             bit says which copy is current */
    AstatsField shift; /* the first value; written once, before seq leaves 0 */
    AstatsCellCopy copy[2];
} AstatsCell;

_Static_assert(sizeof(AstatsCell) == 112, "two copies of six doubles, seq and shift");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must not take a lock");

/* Reads one copy. relaxed: seq orders it, see astats_cell_snapshot() and the writer below. */
static inline void astats_cell_load_(const AstatsCellCopy *from, AstatsCellState *to)
{
    to->count = atomic_load_explicit(&from->count.shared, memory_order_relaxed);
    to->sum = atomic_load_explicit(&from->sum.shared, memory_order_relaxed);
    to->compensation = atomic_load_explicit(&from->compensation.shared, memory_order_relaxed);
    to->min = atomic_load_explicit(&from->min.shared, memory_order_relaxed);
    to->max = atomic_load_explicit(&from->max.shared, memory_order_relaxed);
    to->squares = atomic_load_explicit(&from->squares.shared, memory_order_relaxed);
}

/* Writes one copy. relaxed: the fence before and the release of seq after it order it. */
static inline void astats_cell_store_(AstatsCellCopy *to, const AstatsCellState *from)
{
    atomic_store_explicit(&to->count.shared, from->count, memory_order_relaxed);
    atomic_store_explicit(&to->sum.shared, from->sum, memory_order_relaxed);
    atomic_store_explicit(&to->compensation.shared, from->compensation, memory_order_relaxed);
    atomic_store_explicit(&to->min.shared, from->min, memory_order_relaxed);
    atomic_store_explicit(&to->max.shared, from->max, memory_order_relaxed);
    atomic_store_explicit(&to->squares.shared, from->squares, memory_order_relaxed);
}

/* => what a checked cell publishes after `seq`, when it holds this: 32 bits of a number one higher, and above
 * them their check (check.h), so that whoever finds the cell in memory that outlived its process can tell
 * whether it is what was recorded. `address`: where the cell is, or was.
 * Word by word, not from an array: gcc would fill that one by wide loads of what was stored in halves just
 * before, for which a CPU waits (9 ns a record, gcc 12). */
static inline __attribute__((always_inline)) uint64_t
astats_cell_checked_(uint64_t seq, uintptr_t address, const AstatsCellState *state, double shift)
{
    uint32_t next = astats_check_next(seq);
    uint64_t check = astats_check_begin(address, next);
    check = astats_check_add(check, astats_bits_(state->count));
    check = astats_check_add(check, astats_bits_(state->sum));
    check = astats_check_add(check, astats_bits_(state->compensation));
    check = astats_check_add(check, astats_bits_(state->min));
    check = astats_check_add(check, astats_bits_(state->max));
    check = astats_check_add(check, astats_bits_(state->squares));
    check = astats_check_add(check, astats_bits_(shift));
    return astats_check_word(next, astats_check_end(check));
}

/* => the seq of a checked cell without records: 0, and above it a check of the address. */
static inline uint64_t astats_cell_fresh_(uintptr_t address)
{
    return astats_check_word(0, astats_check(address, 0, NULL, 0));
}

/* Makes zeroed memory a checked cell without records, which zeroed memory is not. Before other threads see
 * it. */
static inline void astats_cell_begin_checked(AstatsCell *cell)
{
    /* relaxed: nobody sees it yet. */
    atomic_store_explicit(&cell->seq, astats_cell_fresh_((uintptr_t)cell), memory_order_relaxed);
}

/* => whether this is the seq of a cell without records. (An unchecked one's has 64 bits.) */
static inline bool astats_cell_is_fresh_(const AstatsCell *cell, uint64_t seq)
{
    return (uint32_t)seq == 0 && (seq == 0 || seq == astats_cell_fresh_((uintptr_t)cell));
}

/* Makes an unused, checked cell hold a state that another one had. `state->count` > 0. Before other threads
 * see the cell. */
static inline void astats_cell_restore(AstatsCell *cell, const AstatsCellState *state, double shift)
{
    cell->shift.own = shift;
    astats_cell_store_(&cell->copy[1], state);
    /* release: pairs with the acquire in astats_cell_snapshot(). */
    atomic_store_explicit(&cell->seq, astats_cell_checked_(0, (uintptr_t)cell, state, shift),
                          memory_order_release);
}

/* => whether `seq`, with what a snapshot of a checked cell gave, is what was published at `address`. */
static inline bool astats_cell_is_sound(uint64_t seq, uintptr_t address,
                                        const AstatsCellState *state, double shift)
{
    return astats_cell_checked_((uint32_t)seq - 1, address, state, shift) == seq;
}

/* As astats_cell_record(). `checked`, a constant: the cell is a checked one, of which every record is. */
static inline __attribute__((always_inline)) void
astats_cell_record_(AstatsCell *cell, double value, double weight, bool checked)
{
    /* relaxed: this thread alone writes seq and both copies, it reads its own stores. */
    uint64_t seq = atomic_load_explicit(&cell->seq, memory_order_relaxed);
    double shift = cell->shift.own;
    AstatsCellState state;

    if (__builtin_expect(checked ? (uint32_t)seq == 0 : seq == 0, 0)) {
        state = (AstatsCellState){.min = value, .max = value};
        shift = value;
        /* relaxed: the release of seq below publishes it with the rest. */
        atomic_store_explicit(&cell->shift.shared, shift, memory_order_relaxed);
    } else {
        const AstatsCellCopy *own = &cell->copy[seq & 1];
        state = (AstatsCellState){own->count.own, own->sum.own, own->compensation.own,
                                  own->min.own,   own->max.own, own->squares.own};
    }

    double term = value * weight;
    double sum = state.sum + term;
    double back = sum - state.sum;
    double distance = value - shift;
    state.compensation += (state.sum - (sum - back)) + (term - back);
    state.sum = sum;
    state.count += weight;
    state.min = value < state.min ? value : state.min;
    state.max = value > state.max ? value : state.max;
    state.squares += distance * distance * weight;

    /* release fence: keeps the store of seq by the previous record before the stores that follow.
     * Pairs with the acquire fence in astats_cell_snapshot(). */
    atomic_thread_fence(memory_order_release);
    astats_cell_store_(&cell->copy[(seq + 1) & 1], &state);
    uint64_t next = checked ? astats_cell_checked_(seq, (uintptr_t)cell, &state, shift) : seq + 1;
    /* release: pairs with the acquire load of seq in astats_cell_snapshot(). */
    atomic_store_explicit(&cell->seq, next, memory_order_release);
}

/* Records `value` as `weight` values. Both finite, weight > 0: the caller has checked. One thread
 * per cell; wait-free. */
static inline __attribute__((always_inline)) void astats_cell_record(AstatsCell *cell, double value,
                                                                     double weight)
{
    astats_cell_record_(cell, value, weight, false);
}

/* Copies one consistent state. => 0: there is no record, *state and *shift are untouched; else its seq:
 * the number of records that the state holds; of a checked cell astats_cell_is_sound() takes it. Any thread; lock-free: it retries only if the writer recorded. */
static inline uint64_t astats_cell_snapshot(const AstatsCell *cell, AstatsCellState *state,
                                            double *shift)
{
    /* acquire: pairs with the release store of seq in astats_cell_record(). */
    uint64_t seq = atomic_load_explicit(&cell->seq, memory_order_acquire);
    while (!astats_cell_is_fresh_(cell, seq)) {
        AstatsCellState copy;
        astats_cell_load_(&cell->copy[seq & 1], &copy);
        /* acquire fence: if a load above saw a store of a later record, the load below sees the
         * seq before it. Pairs with the release fence in astats_cell_record(). */
        atomic_thread_fence(memory_order_acquire);
        /* relaxed: the fence above orders it. */
        uint64_t again = atomic_load_explicit(&cell->seq, memory_order_relaxed);
        if (again == seq) {
            *state = copy;
            /* relaxed: written once, before the seq that was acquired. */
            *shift = atomic_load_explicit(&cell->shift.shared, memory_order_relaxed);
            return seq;
        }
        /* acquire: as the first load. */
        seq = atomic_load_explicit(&cell->seq, memory_order_acquire);
    }
    return 0;
}

#endif
