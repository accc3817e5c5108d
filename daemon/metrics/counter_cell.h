/* A counter as ONE ingest thread sees it: two copies, like AstatsCell, whose protocol, memory orders
 * and proof (atomicstats/cell.h) are this one's too.
 *
 * The value is `integer` + `fraction`. Whole numbers are exact over the int64 range. Of a fractional
 * addition the whole part goes to `integer` at once, so `fraction` stays below 1 and an addition's
 * rounding error below 2^-53, however high the counter has grown. Beyond int64, `fraction` carries
 * what does not fit, in steps of 2^64: the value is then a double, and exact again once it is back, but
 * for fractions that came meanwhile. */
#ifndef METRICS_COUNTER_CELL_H
#define METRICS_COUNTER_CELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <atomicstats/cell.h>

#include "metrics/series.h"

typedef struct {
    _Atomic int64_t integer;
    AstatsField fraction;
} CounterCopy;

/* Zeroed memory is a counter that nothing was added to; one that is to be sound begins with
 * counter_cell_begin(). */
typedef struct {
    _Atomic uint64_t
        seq; /* of a checked cell (atomicstats/cell.h); the lowest bit says which copy is current */
    CounterCopy copy[2];
} CounterCell;

/* Many cells' values, added up. */
typedef struct {
    __extension__ __int128 integer;
    double fraction;
    bool any; /* something was added to at least one of the cells */
} CounterSum;

/* Makes zeroed memory a counter that nothing was added to, and sound. Before other threads see it. */
void counter_cell_begin(CounterCell *cell);

/* Adds a whole number. One thread per cell; wait-free. */
void counter_cell_add_integer(CounterCell *cell, int64_t delta);

/* Adds a finite number. One thread per cell; wait-free. */
void counter_cell_add_double(CounterCell *cell, double delta);

/* Adds the cell's value, one consistent snapshot, to *sum. Any thread; lock-free. */
void counter_cell_read(const CounterCell *cell, CounterSum *sum);

/* => whether anything was ever added. Any thread. */
static inline bool counter_cell_was_written(const CounterCell *cell)
{
    /* relaxed: the value alone. */
    return (uint32_t)atomic_load_explicit(&cell->seq, memory_order_relaxed) != 0;
}

/* => whether the cell, which stood at `address`, is as it was written there. */
bool counter_cell_is_sound(const CounterCell *cell, uintptr_t address);

/* Makes an unused cell hold the sum. Before other threads see it. */
void counter_cell_restore(CounterCell *cell, const CounterSum *sum);

/* => the sum as one value. */
CounterValue counter_sum_value(const CounterSum *sum);

#endif
