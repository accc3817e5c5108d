#include "metrics/counter_cell.h"

#include <math.h>

/* Doubles below this magnitude fit an int64. */
#define TWO_TO_THE_63 0x1p63

/* 2^26 doubles below this magnitude fit an __int128 together. */
#define TWO_TO_THE_100 0x1p100

/* What an int64 leaves out when it wraps around. */
#define TWO_TO_THE_64 0x1p64

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

static uint32_t check_of(uintptr_t address, uint32_t seq, CounterState state)
{
    const uint64_t words[] = {(uint64_t)state.integer, astats_bits_(state.fraction)};
    return astats_check(address, seq, words, 2);
}

void counter_cell_begin(CounterCell *cell)
{
    uint32_t check = check_of((uintptr_t)cell, 0, (CounterState){0});
    /* relaxed: nobody sees it yet. */
    atomic_store_explicit(&cell->seq, astats_check_word(0, check), memory_order_relaxed);
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
    uint32_t next = astats_check_next(seq);
    uint64_t word = astats_check_word(next, check_of((uintptr_t)cell, next, state));
    /* release: pairs with the acquire load of seq in counter_cell_read(). */
    atomic_store_explicit(&cell->seq, word, memory_order_release);
}

/* Adds to the integer part. Where that wraps around, 2^64 goes over to the fraction: a double holds
 * it exactly, and it goes away the same way when the value comes back. */
static void state_add_integer(CounterState *state, int64_t delta)
{
    int64_t wrapped;
    if (__builtin_add_overflow(state->integer, delta, &wrapped))
        state->fraction += delta > 0 ? TWO_TO_THE_64 : -TWO_TO_THE_64;
    state->integer = wrapped;
}

/* Adds the whole part of `number` to the integer part. => what is left of it: less than 1, or all of
 * it if it may not fit an int64. */
static double state_add_whole(CounterState *state, double number)
{
    if (!(fabs(number) < TWO_TO_THE_63))
        return number;
    int64_t whole = (int64_t)number;
    state_add_integer(state, whole);
    return number - (double)whole;
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
    double part = state_add_whole(&state, delta);
    part += state.fraction;
    state.fraction = 0;
    part = state_add_whole(&state, part);
    state.fraction += part;
    publish(cell, seq, state);
}

/* Moves the whole part of sum->fraction to sum->integer. */
static void sum_take_whole(CounterSum *sum)
{
    if (!(fabs(sum->fraction) < TWO_TO_THE_100))
        return;
    __extension__ __int128 whole = (__int128)sum->fraction;
    sum->integer += whole;
    sum->fraction -= (double)whole;
}

/* => seq; one consistent snapshot in *state. */
static uint64_t snapshot(const CounterCell *cell, CounterState *state)
{
    uint64_t again;
    uint64_t seq;
    do {
        /* acquire: pairs with the release in publish(). */
        seq = atomic_load_explicit(&cell->seq, memory_order_acquire);
        const CounterCopy *copy = &cell->copy[seq & 1];
        /* relaxed: ordered by the acquire above and the fence below. */
        state->integer = atomic_load_explicit(&copy->integer, memory_order_relaxed);
        state->fraction = atomic_load_explicit(&copy->fraction.shared, memory_order_relaxed);
        /* acquire fence: pairs with the release fence in publish(); the load below then sees a
         * changed seq if a load above saw a later addition. relaxed: the fence orders it. */
        atomic_thread_fence(memory_order_acquire);
        again = atomic_load_explicit(&cell->seq, memory_order_relaxed);
    } while (again != seq);
    return seq;
}

bool counter_cell_is_sound(const CounterCell *cell, uintptr_t address)
{
    CounterState state;
    uint64_t seq = snapshot(cell, &state);
    return seq >> 32 == check_of(address, (uint32_t)seq, state);
}

void counter_cell_read(const CounterCell *cell, CounterSum *sum)
{
    CounterState state;
    if ((uint32_t)snapshot(cell, &state) == 0)
        return;
    /* Apart, so that one cell's 2^64 does not swallow another one's fraction. */
    CounterSum own = {.integer = state.integer, .fraction = state.fraction};
    sum_take_whole(&own);
    sum->integer += own.integer;
    sum->fraction += own.fraction;
    sum->any = true;
}

void counter_cell_restore(CounterCell *cell, const CounterSum *sum)
{
    /* As in state_add_integer(): what an int64 cannot hold goes over in steps of 2^64. */
    int64_t low = (int64_t)(uint64_t)sum->integer;
    double high = (double)((sum->integer - low) >> 64) * TWO_TO_THE_64;
    publish(cell, 0, (CounterState){low, sum->fraction + high});
}

CounterValue counter_sum_value(const CounterSum *sum)
{
    CounterSum all = *sum;
    sum_take_whole(&all);
    CounterValue value = {.value = (double)all.integer + all.fraction};
    if (all.fraction == 0 && all.integer >= INT64_MIN && all.integer <= INT64_MAX) {
        value.is_integer = true;
        value.integer = (int64_t)all.integer;
    }
    return value;
}
