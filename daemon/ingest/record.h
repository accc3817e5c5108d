/* A parsed line's values into the cell of its slot. */
#ifndef INGEST_RECORD_H
#define INGEST_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/statsd_line.h"
#include "metrics/redo.h"
#include "metrics/registry.h"
#include "metrics/slot.h"

/* What is the same for all lines of a batch. */
typedef struct {
    Registry *registry;
    Redo *redo;               /* the thread's */
    bool gauge_sign_absolute; /* a gauge's sign is part of its value, not a change */
    bool checked;   /* cells are checked ones (atomicstats/cell.h): they outlive the process */
    int64_t now_ns; /* CLOCK_REALTIME of arrival */
} RecordContext;

/* What record_line() does for all kinds but stats. */
int record_other(const RecordContext *context, Slot *slot, const StatsdLine *line);

/* `checked`: a constant. */
static inline __attribute__((always_inline)) void
record_stats_(AstatsCell *cell, const StatsdLine *line, Redo *redo, bool checked)
{
    for (size_t i = 0; i < line->value_count; i++) {
        /* relaxed: this thread alone writes it. */
        uint64_t seq = atomic_load_explicit(&cell->seq, memory_order_relaxed);
        redo_begin(redo, &cell->seq, seq, 1);
        astats_cell_record_(cell, line->values[i].as.number, line->weight, checked);
    }
}

/* Records every value of the line, in order, each a step of the redo. `checked`: context->checked, as a
 * constant. The slot's thread only. => 0; -ENOMEM: a set could not grow, and its value is not in. */
static inline __attribute__((always_inline)) int
record_line(const RecordContext *context, Slot *slot, const StatsdLine *line, bool checked)
{
    if (slot_kind(slot) != SERIES_STATS)
        return record_other(context, slot, line);
    record_stats_(&((StatsSlot *)slot)->cell, line, context->redo, checked);
    return 0;
}

#endif
