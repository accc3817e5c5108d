#include "metrics/gauge_cell.h"

#include <math.h>
#include <stdbool.h>

static uint32_t check_of(uintptr_t address, uint32_t seq, double value)
{
    const uint64_t words[] = {astats_bits_(value)};
    return astats_check(address, seq, words, 1);
}

void gauge_cell_begin(GaugeCell *cell)
{
    turn_begin(&cell->turn, check_of((uintptr_t)cell, 0, 0));
}

/* One turn. */
static void update(GaugeCell *cell, double value, bool add, Redo *redo)
{
    uint64_t word = turn_take(&cell->turn);
    /* relaxed: the turn orders it. A gauge that was never written holds 0. */
    double current = atomic_load_explicit(&cell->copy[turn_copy(word)], memory_order_relaxed);
    if (redo != NULL)
        redo_begin(redo, &cell->turn.word, word, 1);
    double next = add ? current + value : value;
    turn_write();
    /* relaxed: turn_end() publishes it. */
    atomic_store_explicit(&cell->copy[!turn_copy(word)], next, memory_order_relaxed);
    turn_end(&cell->turn, word, check_of((uintptr_t)cell, turn_next(word), next));
}

void gauge_cell_set(GaugeCell *cell, double value, Redo *redo)
{
    update(cell, value, false, redo);
}

void gauge_cell_add(GaugeCell *cell, double delta, Redo *redo)
{
    update(cell, delta, true, redo);
}

static uint64_t read_cell(const GaugeCell *cell, double *value)
{
    uint64_t seen;
    do {
        seen = turn_seen(&cell->turn);
        /* relaxed: between turn_seen() and turn_still(). */
        *value = atomic_load_explicit(&cell->copy[turn_copy(seen)], memory_order_relaxed);
    } while (!turn_still(&cell->turn, seen));
    return seen;
}

double gauge_cell_get(const GaugeCell *cell)
{
    double value;
    return turn_was_written(read_cell(cell, &value)) ? value : (double)NAN;
}

bool gauge_cell_is_sound(const GaugeCell *cell, uintptr_t address)
{
    double value;
    uint64_t word = read_cell(cell, &value);
    return turn_is_sound(word, check_of(address, turn_seq(word), value));
}
