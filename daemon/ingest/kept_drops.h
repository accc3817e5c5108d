/* How many datagrams the kernel has dropped on a socket, in one word of memory that outlives the process: several
 * threads write it, so number and check change by one store. 40 bits of number (twelve days of a million drops a
 * second; it stays there), above them 24 of a check of it and the word's address (atomicstats/check.h). */
#ifndef INGEST_KEPT_DROPS_H
#define INGEST_KEPT_DROPS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <atomicstats/check.h>

#define KEPT_DROPS_MAX ((UINT64_C(1) << 40) - 1)

typedef _Atomic uint64_t KeptDrops;

/* => the word for so many drops, which is, or was, at `address`. */
static inline uint64_t kept_drops_word_(uintptr_t address, uint64_t drops)
{
    if (drops > KEPT_DROPS_MAX)
        drops = KEPT_DROPS_MAX;
    return (uint64_t)(astats_check(address, 0, &drops, 1) >> 8) << 40 | drops;
}

/* Makes it 0. Before other threads see it. */
static inline void kept_drops_begin(KeptDrops *kept)
{
    /* relaxed: nobody sees it yet. */
    atomic_store_explicit(kept, kept_drops_word_((uintptr_t)kept, 0), memory_order_relaxed);
}

/* Notes that there were so many. Any thread: two who look at once may note in another order than they looked,
 * and the higher number stays. */
static inline void kept_drops_note(KeptDrops *kept, uint64_t drops)
{
    uint64_t next = kept_drops_word_((uintptr_t)kept, drops);
    /* relaxed, all: one number that only grows. */
    uint64_t noted = atomic_load_explicit(kept, memory_order_relaxed);
    while ((noted & KEPT_DROPS_MAX) < (next & KEPT_DROPS_MAX) &&
           !atomic_compare_exchange_weak_explicit(kept, &noted, next, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

/* => whether the word, which stood at `address`, is one that was written there; then *drops. */
static inline bool kept_drops_read(const KeptDrops *kept, uintptr_t address, uint64_t *drops)
{
    /* relaxed: the value alone. */
    uint64_t word = atomic_load_explicit(kept, memory_order_relaxed);
    *drops = word & KEPT_DROPS_MAX;
    return word == kept_drops_word_(address, *drops);
}

#endif
