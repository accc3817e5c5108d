/* AtomicCounter: a signed 64-bit count that any number of threads change and read.
 *
 * All operations are lock-free and wait-free where the CPU has an atomic add. Every function may be
 * called by any thread at any time, except astats_counter_init(), which must come first.
 *
 *                      | increment/add | get  | set            | compare_and_swap
 *   increment/add      | safe          | safe | safe, one wins | safe
 *   set                | …             | safe | last one wins  | safe
 *
 * Memory order: a counter counts. Increments, reads and writes of it are atomic in themselves and
 * order nothing else (relaxed). compare_and_swap alone is acquire-release, since people build
 * ownership on it: what was written before a successful swap is seen after the next one. */
#ifndef ATOMICSTATS_COUNTER_H
#define ATOMICSTATS_COUNTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <atomicstats/api.h>

typedef struct {
    _Atomic int64_t value;
} AtomicCounter;

/* Makes *c a counter with this value. Before any other use, by one thread. */
ASTATS_API void astats_counter_init(AtomicCounter *c, int64_t initial);

/* Adds 1. => the new value. Wraps around at INT64_MAX. */
ASTATS_API int64_t astats_counter_increment(AtomicCounter *c);

/* Adds `delta`, which may be negative. => the new value. Wraps around (two's complement). */
ASTATS_API int64_t astats_counter_add(AtomicCounter *c, int64_t delta);

/* => the value at some instant during the call. */
ASTATS_API int64_t astats_counter_get(const AtomicCounter *c);

/* Replaces the value. */
ASTATS_API void astats_counter_set(AtomicCounter *c, int64_t value);

/* If the value is *expected, makes it `desired`. => whether it did; if not, *expected is now the
 * current value. Strong: it fails only if the value differs. */
ASTATS_API bool astats_counter_compare_and_swap(AtomicCounter *c, int64_t *expected,
                                                int64_t desired);

/* ---- how ---- */

ASTATS_API void astats_counter_init(AtomicCounter *c, int64_t initial)
{
    atomic_init(&c->value, initial);
}

ASTATS_API int64_t astats_counter_add(AtomicCounter *c, int64_t delta)
{
    /* relaxed: an independent count, it publishes nothing. C11's atomic add wraps silently; the
     * same sum in plain int64_t would be undefined at the end of the range, hence unsigned. */
    int64_t before = atomic_fetch_add_explicit(&c->value, delta, memory_order_relaxed);
    return (int64_t)((uint64_t)before + (uint64_t)delta);
}

ASTATS_API int64_t astats_counter_increment(AtomicCounter *c)
{
    return astats_counter_add(c, 1);
}

ASTATS_API int64_t astats_counter_get(const AtomicCounter *c)
{
    /* relaxed: the value alone is wanted, nothing is read on its word. */
    return atomic_load_explicit(&c->value, memory_order_relaxed);
}

ASTATS_API void astats_counter_set(AtomicCounter *c, int64_t value)
{
    /* relaxed: as in astats_counter_add(). */
    atomic_store_explicit(&c->value, value, memory_order_relaxed);
}

ASTATS_API bool astats_counter_compare_and_swap(AtomicCounter *c, int64_t *expected,
                                                int64_t desired)
{
    /* acq_rel: the release half pairs with the acquire half of the next successful swap, so the
     * winner sees what the previous owner wrote. On failure acquire, so that what the value stands
     * for can be read. */
    return atomic_compare_exchange_strong_explicit(&c->value, expected, desired,
                                                   memory_order_acq_rel, memory_order_acquire);
}

#endif
