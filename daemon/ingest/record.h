/* A parsed line's values into the cell of its slot. */
#ifndef INGEST_RECORD_H
#define INGEST_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/statsd_line.h"
#include "metrics/registry.h"
#include "metrics/slot.h"

/* What record_line() does for all kinds but stats. */
int record_other(Registry *registry, Slot *slot, const StatsdLine *line, bool gauge_sign_absolute,
                 int64_t now_ns);

/* Records every value of the line, in order. The slot's thread only. `gauge_sign_absolute`: a gauge's
 * sign is part of its value, not a change. `now_ns`: CLOCK_REALTIME of arrival.
 * => 0; -ENOMEM: a set could not grow, and its value is not in. */
static inline int record_line(Registry *registry, Slot *slot, const StatsdLine *line,
                              bool gauge_sign_absolute, int64_t now_ns)
{
    if (slot_kind(slot) != SERIES_STATS)
        return record_other(registry, slot, line, gauge_sign_absolute, now_ns);
    AstatsCell *cell = &((StatsSlot *)slot)->cell;
    for (size_t i = 0; i < line->value_count; i++)
        astats_cell_record(cell, line->values[i].as.number, line->weight);
    return 0;
}

#endif
