/* AtomicFlag: a boolean that any number of threads set, read and swap. Lock-free and wait-free.
 *
 * A flag announces: what a thread wrote before it set the flag is seen by a thread that reads that
 * value of the flag. set and swap release, get and swap acquire; they pair with one another.
 *
 * Every function may be called by any thread at any time, except astats_flag_init(), which must
 * come first. Two sets at once: one of them is last. Two swaps at once: each returns what the flag
 * was just before it, so exactly one of many swap(true) sees false. */
#ifndef ATOMICSTATS_FLAG_H
#define ATOMICSTATS_FLAG_H

#include <stdatomic.h>
#include <stdbool.h>

#include <atomicstats/api.h>

typedef struct {
    _Atomic bool value;
} AtomicFlag;

/* Makes *f a flag with this value. Before any other use, by one thread. */
ASTATS_API void astats_flag_init(AtomicFlag *f, bool initial);

/* => the value. */
ASTATS_API bool astats_flag_get(const AtomicFlag *f);

/* Replaces the value. */
ASTATS_API void astats_flag_set(AtomicFlag *f, bool value);

/* Replaces the value. => the old one. */
ASTATS_API bool astats_flag_swap(AtomicFlag *f, bool value);

/* ---- how ---- */

ASTATS_API void astats_flag_init(AtomicFlag *f, bool initial)
{
    atomic_init(&f->value, initial);
}

ASTATS_API bool astats_flag_get(const AtomicFlag *f)
{
    /* acquire: pairs with the release in astats_flag_set() and astats_flag_swap(). */
    return atomic_load_explicit(&f->value, memory_order_acquire);
}

ASTATS_API void astats_flag_set(AtomicFlag *f, bool value)
{
    /* release: pairs with the acquire in astats_flag_get() and astats_flag_swap(). */
    atomic_store_explicit(&f->value, value, memory_order_release);
}

ASTATS_API bool astats_flag_swap(AtomicFlag *f, bool value)
{
    /* acq_rel: both of the above, so that a flag can hand over what it guards. */
    return atomic_exchange_explicit(&f->value, value, memory_order_acq_rel);
}

#endif
