#include "ingest/record.h"

#include "base/hash.h"
#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/progress_cell.h"
#include "metrics/set_cell.h"

static void record_counter(CounterCell *cell, const StatsdLine *line)
{
    for (size_t i = 0; i < line->value_count; i++) {
        const StatsdValue *value = &line->values[i];
        if (value->flags & VALUE_IS_INTEGER)
            counter_cell_add_integer(cell, value->integer);
        else
            counter_cell_add_double(cell, value->as.number);
    }
}

static void record_gauge(GaugeCell *cell, const StatsdLine *line, bool sign_absolute)
{
    for (size_t i = 0; i < line->value_count; i++) {
        const StatsdValue *value = &line->values[i];
        if ((value->flags & VALUE_SIGNED) && !sign_absolute)
            gauge_cell_add(cell, value->as.number);
        else
            gauge_cell_set(cell, value->as.number);
    }
}

static int record_set(Registry *registry, SetCell *cell, const StatsdValue *value)
{
    /* The same key in every process: a set's hashes outlive one. */
    uint64_t hash = hash_fixed(value->as.text, (size_t)value->integer);
    if (set_cell_add(cell, hash))
        return 0;
    int error = registry_grow_set(registry, cell);
    if (error == 0)
        (void)set_cell_add(cell, hash); /* it has a sketch now, which takes all */
    return error;
}

static void record_progress(ProgressCell *cell, const StatsdValue *value, int64_t now_ns)
{
    if (value->flags & VALUE_RELATIVE)
        progress_cell_add_done(cell, value->integer, now_ns);
    else if (value->flags & VALUE_DONE)
        progress_cell_set_done(cell, value->integer, now_ns);
    if (value->flags & VALUE_TOTAL)
        progress_cell_set_total(cell, value->as.total, now_ns);
}

/* Of the shared kinds only. */
static void *shared_cell(Slot *slot)
{
    return ((RefSlot *)slot)->target;
}

int record_other(Registry *registry, Slot *slot, const StatsdLine *line, bool gauge_sign_absolute,
                 int64_t now_ns)
{
    switch (slot_kind(slot)) {
    case SERIES_COUNTER:
        record_counter(&((CounterSlot *)slot)->cell, line);
        break;
    case SERIES_GAUGE:
        record_gauge(shared_cell(slot), line, gauge_sign_absolute);
        break;
    case SERIES_SET:
        return record_set(registry, shared_cell(slot), &line->values[0]);
    case SERIES_FLAG:
        flag_cell_set(shared_cell(slot), line->values[0].integer != 0);
        break;
    case SERIES_PROGRESS:
        record_progress(shared_cell(slot), &line->values[0], now_ns);
        break;
    case SERIES_STATS: /* record_line() has done it */
    case SERIES_KINDS:
        break;
    }
    return 0;
}
