/* A gauge: the last value wins, whichever thread received it. One shared cell. Any thread. */
#ifndef METRICS_GAUGE_CELL_H
#define METRICS_GAUGE_CELL_H

#include <stdatomic.h>

typedef struct {
    _Atomic double value; /* NAN: not set yet; a gauge cannot become one, its inputs are finite */
} GaugeCell;

/* Makes it a gauge that is not set. Before other threads see it. */
void gauge_cell_init(GaugeCell *cell);

/* Replaces the value. Wait-free. */
void gauge_cell_set(GaugeCell *cell, double value);

/* Changes the value by `delta`; one that is not set counts as 0. Lock-free. */
void gauge_cell_add(GaugeCell *cell, double delta);

/* => the value, NAN while it is not set. */
double gauge_cell_get(const GaugeCell *cell);

#endif
