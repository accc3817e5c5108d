#include "metrics/counter_cell.h"

#include <math.h>

/* Doubles of this magnitude and above need not fit an int64. */
#define TWO_TO_THE_62 4611686018427387904.0

typedef struct {
    int64_t integer;
    double fraction;
} CounterState;

/* The writer's own copy. relaxed: this thread alone writes it. */
static CounterState own_state(const CounterCell *cell, uint64_t seq)
{
    const CounterCopy *copy = &cell->copy[seq & 1];
    return (CounterState){atomic_load_explicit(&copy->integer, memory_order_relaxed),
                          copy->fraction.own};
}

static void publish(CounterCell *cell, uint64_t seq, CounterState state)
{
    CounterCopy *copy = &cell->copy[(seq + 1) & 1];
    /* release fence: keeps the previous store of seq before the stores that follow; pairs with the
     * acquire fence in counter_cell_read(). */
    atomic_thread_fence(memory_order_release);
    /* relaxed: between that fence and the release below. */
    atomic_store_explicit(&copy->integer, state.integer, memory_order_relaxed);
    atomic_store_explicit(&copy->fraction.shared, state.fraction, memory_order_relaxed);
    /* release: pairs with the acquire load of seq in counter_cell_read(). */
    atomic_store_explicit(&cell->seq, seq + 1, memory_order_release);
}

/* Adds to the integer part; what does not fit any more goes over to the fraction as a double. */
static void state_add_integer(CounterState *state, int64_t delta)
{
    int64_t sum;
    if (__builtin_add_overflow(state->integer, delta, &sum)) {
        state->fraction += (double)state->integer + (double)delta;
        sum = 0;
    }
    state->integer = sum;
}

void counter_cell_add_integer(CounterCell *cell, int64_t delta)
{
    /* relaxed: this thread alone writes it. */
    uint64_t seq = atomic_load_explicit(&cell->seq, memory_order_relaxed);
    CounterState state = own_state(cell, seq);
    state_add_integer(&state, delta);
    publish(cell, seq, state);
}

void counter_cell_add_double(CounterCell *cell, double delta)
{
    /* relaxed: this thread alone writes it. */
    uint64_t seq = atomic_load_explicit(&cell->seq, memory_order_relaxed);
    CounterState state = own_state(cell, seq);
    state.fraction += delta;
    if (fabs(state.fraction) < TWO_TO_THE_62) {
        double whole = trunc(state.fraction);
        state.fraction -= whole;
        state_add_integer(&state, (int64_t)whole);
    }
    publish(cell, seq, state);
}

void counter_cell_read(const CounterCell *cell, CounterSum *sum)
{
    CounterState state;
    uint64_t again;
    uint64_t seq;
    do {
        /* acquire: pairs with the release in publish(). */
        seq = atomic_load_explicit(&cell->seq, memory_order_acquire);
        const CounterCopy *copy = &cell->copy[seq & 1];
        /* relaxed: ordered by the acquire above and the fence below. */
        state.integer = atomic_load_explicit(&copy->integer, memory_order_relaxed);
        state.fraction = atomic_load_explicit(&copy->fraction.shared, memory_order_relaxed);
        /* acquire fence: pairs with the release fence in publish(); the load below then sees a
         * changed seq if a load above saw a later addition. relaxed: the fence orders it. */
        atomic_thread_fence(memory_order_acquire);
        again = atomic_load_explicit(&cell->seq, memory_order_relaxed);
    } while (again != seq);

    if (seq == 0)
        return;
    sum->integer += state.integer;
    sum->fraction += state.fraction;
    sum->any = true;
}

CounterValue counter_sum_value(const CounterSum *sum)
{
    CounterValue value = {.value = (double)sum->integer + sum->fraction};
    __extension__ __int128 integer = sum->integer;
    double fraction = sum->fraction;
    if (fabs(fraction) < TWO_TO_THE_62) {
        double whole = trunc(fraction);
        integer += (int64_t)whole;
        fraction -= whole;
        value.value = (double)integer + fraction;
    }
    if (fraction == 0 && integer >= INT64_MIN && integer <= INT64_MAX) {
        value.is_integer = true;
        value.integer = (int64_t)integer;
    }
    return value;
}
