/* A gauge: the last value wins, whichever thread received it. One shared cell, two copies of the value
 * and a turn.h. Any thread. */
#ifndef METRICS_GAUGE_CELL_H
#define METRICS_GAUGE_CELL_H

#include <stdbool.h>

#include "metrics/redo.h"
#include "metrics/turn.h"

/* Zeroed memory is a gauge that is not set; one that is to be sound begins with gauge_cell_begin(). */
typedef struct {
    Turn turn;
    _Atomic double copy[2];
} GaugeCell;

/* Makes zeroed memory a gauge that is not set, and sound. Before other threads see it. */
void gauge_cell_begin(GaugeCell *cell);

/* Replaces the value. Waits for another thread that does the same. `redo`: the thread's, which then
 * counts one value more; NULL: none. */
void gauge_cell_set(GaugeCell *cell, double value, Redo *redo);

/* Changes the value by `delta`; one that is not set counts as 0. Else like gauge_cell_set(). */
void gauge_cell_add(GaugeCell *cell, double delta, Redo *redo);

/* => the value, NAN while it is not set. Lock-free. */
double gauge_cell_get(const GaugeCell *cell);

/* => whether the cell, which stood at `address`, is as it was written there. */
bool gauge_cell_is_sound(const GaugeCell *cell, uintptr_t address);

#endif
