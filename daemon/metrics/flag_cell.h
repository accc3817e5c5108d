/* A flag series: an AtomicFlag, and whether it was ever set, so that a reader never sees a value that
 * nobody sent. One shared cell; zeroed memory is a flag that is not set. Any thread; wait-free. */
#ifndef METRICS_FLAG_CELL_H
#define METRICS_FLAG_CELL_H

#include <atomicstats/flag.h>

typedef struct {
    AtomicFlag value;
    AtomicFlag seen; /* set after `value`: its release publishes it */
} FlagCell;

static inline void flag_cell_set(FlagCell *cell, bool value)
{
    astats_flag_set(&cell->value, value);
    astats_flag_set(&cell->seen, true);
}

/* => whether it was ever set; then *value is what it is. */
static inline bool flag_cell_get(const FlagCell *cell, bool *value)
{
    if (!astats_flag_get(&cell->seen))
        return false;
    *value = astats_flag_get(&cell->value);
    return true;
}

#endif
