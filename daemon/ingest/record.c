#include "ingest/record.h"

#include "base/hash.h"
#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/progress_cell.h"
#include "metrics/set_cell.h"

static void record_counter(CounterCell *cell, const StatsdLine *line, Redo *redo)
{
    for (size_t i = 0; i < line->value_count; i++) {
        const StatsdValue *value = &line->values[i];
        /* relaxed: this thread alone writes it. */
        redo_begin(redo, &cell->seq, atomic_load_explicit(&cell->seq, memory_order_relaxed), 1);
        if (value->flags & VALUE_IS_INTEGER)
            counter_cell_add_integer(cell, value->integer);
        else
            counter_cell_add_double(cell, value->as.number);
    }
}

static void record_gauge(GaugeCell *cell, const StatsdLine *line, const RecordContext *context)
{
    for (size_t i = 0; i < line->value_count; i++) {
        const StatsdValue *value = &line->values[i];
        if ((value->flags & VALUE_SIGNED) && !context->gauge_sign_absolute)
            gauge_cell_add(cell, value->as.number, context->redo);
        else
            gauge_cell_set(cell, value->as.number, context->redo);
    }
}

/* To add a value to a set again, or to set a flag again, changes nothing. */

static int record_set(SetCell *cell, const StatsdValue *value, const RecordContext *context)
{
    /* The same key in every process: a set's hashes outlive one. */
    uint64_t hash = hash_fixed(value->as.text, (size_t)value->integer);
    if (!set_cell_add(cell, hash)) {
        int error = registry_grow_set(context->registry, cell);
        if (error != 0)
            return error;
        (void)set_cell_add(cell, hash); /* it has a sketch now, which takes all */
    }
    redo_pass(context->redo, 1);
    return 0;
}

static void record_flag(FlagCell *cell, const StatsdValue *value, Redo *redo)
{
    flag_cell_set(cell, value->integer != 0);
    redo_pass(redo, 1);
}

static void record_progress(ProgressCell *cell, const StatsdValue *value,
                            const RecordContext *context)
{
    const ProgressChange change = {
        .has_done = (value->flags & VALUE_DONE) != 0,
        .has_more = (value->flags & VALUE_RELATIVE) != 0,
        .has_total = (value->flags & VALUE_TOTAL) != 0,
        .done = value->integer,
        .more = value->integer,
        .total = value->as.total,
    };
    progress_cell_change(cell, &change, context->now_ns, context->redo);
}

/* Of the shared kinds only. */
static void *shared_cell(Slot *slot)
{
    return ((RefSlot *)slot)->target;
}

int record_other(const RecordContext *context, Slot *slot, const StatsdLine *line)
{
    switch (slot_kind(slot)) {
    case SERIES_COUNTER:
        record_counter(&((CounterSlot *)slot)->cell, line, context->redo);
        break;
    case SERIES_GAUGE:
        record_gauge(shared_cell(slot), line, context);
        break;
    case SERIES_SET:
        return record_set(shared_cell(slot), &line->values[0], context);
    case SERIES_FLAG:
        record_flag(shared_cell(slot), &line->values[0], context->redo);
        break;
    case SERIES_PROGRESS:
        record_progress(shared_cell(slot), &line->values[0], context);
        break;
    case SERIES_STATS: /* record_line() has done it */
    case SERIES_KINDS:
        break;
    }
    return 0;
}
