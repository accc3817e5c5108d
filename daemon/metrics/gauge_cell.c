#include "metrics/gauge_cell.h"

#include <math.h>

/* relaxed throughout: one independent number, nothing else is read on its word. */

void gauge_cell_init(GaugeCell *cell)
{
    atomic_init(&cell->value, (double)NAN);
}

void gauge_cell_set(GaugeCell *cell, double value)
{
    atomic_store_explicit(&cell->value, value, memory_order_relaxed); /* relaxed: see above */
}

void gauge_cell_add(GaugeCell *cell, double delta)
{
    /* relaxed: see above. The exchange alone decides whose addition comes first. */
    double seen = atomic_load_explicit(&cell->value, memory_order_relaxed);
    double wanted;
    do {
        wanted = isnan(seen) ? delta : seen + delta;
    } while (!atomic_compare_exchange_weak_explicit(&cell->value, &seen, wanted,
                                                    memory_order_relaxed, memory_order_relaxed));
}

double gauge_cell_get(const GaugeCell *cell)
{
    return atomic_load_explicit(&cell->value, memory_order_relaxed); /* relaxed: see above */
}
