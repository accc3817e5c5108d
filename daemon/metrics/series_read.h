/* What the cells of a series hold together. For whoever holds the readers' mutex (registry.h). */
#ifndef METRICS_SERIES_READ_H
#define METRICS_SERIES_READ_H

#include <stdbool.h>

#include <atomicstats/merge.h>

#include "metrics/counter_cell.h"
#include "metrics/series_table.h"
#include "metrics/set_cell.h"

/* Merges the cells of a series of stats. => whether there was any record. */
bool series_read_stats(const Series *series, AstatsMerge *out);

/* Adds up the cells of a counter. => whether anything was ever added. */
bool series_read_counter(const Series *series, CounterSum *out);

/* => the one cell of a series of a shared kind. */
const void *series_read_shared(const Series *series);

/* All of that, whatever the kind. */
typedef struct {
    SeriesKind kind;
    const char *id; /* as in SeriesView */
    size_t id_length;
    size_t name_length;
    AstatsMerge stats;
    CounterSum counter;
    const void *shared;      /* the cell, of shared kinds */
    const SetSketch *sketch; /* a set's; NULL: it has none yet */
} SeriesContent;

void series_read(const Series *series, SeriesContent *out);

/* => whether the series has not expired. */
bool series_is_live(const Series *series);

#endif
