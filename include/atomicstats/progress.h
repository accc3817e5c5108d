/* AtomicProgress: how much of how much is done. Any number of threads add and read; lock-free.
 *
 * Every function may be called by any thread at any time, except astats_progress_init(), which must
 * come first. `done` and `total` are two values: a reader that needs both of one instant while
 * somebody changes the total may see the new one with the old other. */
#ifndef ATOMICSTATS_PROGRESS_H
#define ATOMICSTATS_PROGRESS_H

#include <math.h>
#include <stdatomic.h>
#include <stdint.h>

#include <atomicstats/api.h>

typedef struct {
    _Atomic int64_t done;
    _Atomic int64_t total; /* 0: unknown */
} AtomicProgress;

/* Makes *p a progress with nothing done. `total`: units of work, 0 while it is unknown. Before any
 * other use, by one thread. */
ASTATS_API void astats_progress_init(AtomicProgress *p, int64_t total);

/* `done` more units are done; negative takes back. => the new done. Wraps around. */
ASTATS_API int64_t astats_progress_add(AtomicProgress *p, int64_t done);

/* Replaces done, or the total. */
ASTATS_API void astats_progress_set_done(AtomicProgress *p, int64_t done);
ASTATS_API void astats_progress_set_total(AtomicProgress *p, int64_t total);

/* => units done; => units in all, 0 while unknown. */
ASTATS_API int64_t astats_progress_done(const AtomicProgress *p);
ASTATS_API int64_t astats_progress_total(const AtomicProgress *p);

/* => done / total, above 1 if more was done than announced; NAN while the total is unknown. */
ASTATS_API double astats_progress_fraction(const AtomicProgress *p);

/* ---- how: every access is relaxed. These are independent figures for a person to read; nothing
 * else is read on their word. ---- */

ASTATS_API void astats_progress_init(AtomicProgress *p, int64_t total)
{
    atomic_init(&p->done, 0);
    atomic_init(&p->total, total);
}

ASTATS_API int64_t astats_progress_add(AtomicProgress *p, int64_t done)
{
    /* relaxed: see above. Unsigned: the atomic add wraps, a plain signed sum must not. */
    int64_t before = atomic_fetch_add_explicit(&p->done, done, memory_order_relaxed);
    return (int64_t)((uint64_t)before + (uint64_t)done);
}

ASTATS_API void astats_progress_set_done(AtomicProgress *p, int64_t done)
{
    atomic_store_explicit(&p->done, done, memory_order_relaxed); /* relaxed: see above */
}

ASTATS_API void astats_progress_set_total(AtomicProgress *p, int64_t total)
{
    atomic_store_explicit(&p->total, total, memory_order_relaxed); /* relaxed: see above */
}

ASTATS_API int64_t astats_progress_done(const AtomicProgress *p)
{
    return atomic_load_explicit(&p->done, memory_order_relaxed); /* relaxed: see above */
}

ASTATS_API int64_t astats_progress_total(const AtomicProgress *p)
{
    return atomic_load_explicit(&p->total, memory_order_relaxed); /* relaxed: see above */
}

ASTATS_API double astats_progress_fraction(const AtomicProgress *p)
{
    int64_t total = astats_progress_total(p);
    if (total == 0)
        return (double)NAN;
    return (double)astats_progress_done(p) / (double)total;
}

#endif
