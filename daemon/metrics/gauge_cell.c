#include "metrics/gauge_cell.h"

#include <math.h>
#include <stdbool.h>

/* One turn. */
static void update(GaugeCell *cell, double value, bool add, Redo *redo)
{
    uint64_t word = turn_take(&cell->turn);
    /* relaxed: the turn orders it. A gauge that was never written holds 0. */
    double current = atomic_load_explicit(&cell->copy[turn_copy(word)], memory_order_relaxed);
    if (redo != NULL)
        redo_begin(redo, &cell->turn.word, word, 1);
    turn_write();
    /* relaxed: turn_end() publishes it. */
    atomic_store_explicit(&cell->copy[!turn_copy(word)], add ? current + value : value,
                          memory_order_relaxed);
    turn_end(&cell->turn, word);
}

void gauge_cell_set(GaugeCell *cell, double value, Redo *redo)
{
    update(cell, value, false, redo);
}

void gauge_cell_add(GaugeCell *cell, double delta, Redo *redo)
{
    update(cell, delta, true, redo);
}

double gauge_cell_get(const GaugeCell *cell)
{
    uint64_t seen;
    double value;
    do {
        seen = turn_seen(&cell->turn);
        /* relaxed: between turn_seen() and turn_still(). */
        value = atomic_load_explicit(&cell->copy[turn_copy(seen)], memory_order_relaxed);
    } while (!turn_still(&cell->turn, seen));
    return seen >> 1 == 0 ? (double)NAN : value;
}
