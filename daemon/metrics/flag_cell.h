/* A flag series: a boolean, and whether it was ever set, so that a reader never sees a value that nobody
 * sent. One shared cell; zeroed memory is a flag that is not set. Any thread; wait-free.
 *
 * Like an AtomicFlag it announces: what was written before it was set is seen by who reads that value. The
 * two values differ in half of their bits, so that what somebody else has written there is neither. */
#ifndef METRICS_FLAG_CELL_H
#define METRICS_FLAG_CELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FLAG_CELL_FALSE UINT32_C(0x3a5cc5a3)
#define FLAG_CELL_TRUE UINT32_C(0x96a6695a)

typedef struct {
    _Atomic uint32_t state; /* 0: never set; or one of these two */
} FlagCell;

static inline void flag_cell_set(FlagCell *cell, bool value)
{
    /* release: pairs with the acquire in flag_cell_get(). */
    atomic_store_explicit(&cell->state, value ? FLAG_CELL_TRUE : FLAG_CELL_FALSE,
                          memory_order_release);
}

/* => whether it was ever set; then *value is what it is. */
static inline bool flag_cell_get(const FlagCell *cell, bool *value)
{
    /* acquire: pairs with the release in flag_cell_set(). */
    uint32_t state = atomic_load_explicit(&cell->state, memory_order_acquire);
    if (state == 0)
        return false;
    *value = state == FLAG_CELL_TRUE;
    return true;
}

/* => whether it is one of the three that it can be. */
static inline bool flag_cell_is_sound(const FlagCell *cell)
{
    /* relaxed: the value alone. */
    uint32_t state = atomic_load_explicit(&cell->state, memory_order_relaxed);
    return state == 0 || state == FLAG_CELL_FALSE || state == FLAG_CELL_TRUE;
}

#endif
