/* The cells that all ingest threads share: of gauges, sets, flags and progress. Made for a new series,
 * and made again out of those of expired ones.
 *
 * Thread rule: under the registry's mutex. */
#ifndef METRICS_SHARED_CELLS_H
#define METRICS_SHARED_CELLS_H

#include <stdbool.h>

#include "metrics/blocks.h"
#include "metrics/series.h"
#include "metrics/set_cell.h"

typedef struct {
    Blocks *blocks;
    void *free_sketches; /* each begins with the next one's address */
} SharedCells;

/* => whether the kind has one cell for all threads; else each thread has its own. */
bool series_kind_is_shared(SeriesKind kind);

/* => bytes of the kind's cell; 0: each thread has its own. */
size_t shared_cell_size(SeriesKind kind);

/* => the kind's cell, which nothing was recorded into, and which is sound; NULL: no memory. Shared kinds only. */
void *shared_cells_take(SharedCells *cells, SeriesKind kind);

/* Takes a cell back. NULL is allowed. */
void shared_cells_give(SharedCells *cells, SeriesKind kind, void *cell);

/* Gives a full set a sketch (set_cell_grow()), if it has none. => 0 or -ENOMEM. */
int shared_cells_grow_set(SharedCells *cells, SetCell *cell);

#endif
