#include "metrics/snapshot.h"

#include <math.h>
#include <string.h>

#include <atomicstats/merge.h>

#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/glob.h"
#include "metrics/progress_cell.h"
#include "metrics/set_cell.h"
#include "metrics/slot.h"

enum {
    SERIES_A_STEP = 256 /* looked at before others have a turn */
};

static const Slot *first_slot(const Series *series)
{
    /* acquire: pairs with the release in registry_join(); `next` of a linked slot is final. */
    return atomic_load_explicit(&series->slots, memory_order_acquire);
}

static bool read_stats(const Series *series, AtomicStatsSummary *out)
{
    AstatsMerge merge;
    astats_merge_init(&merge);
    for (const Slot *slot = first_slot(series); slot != NULL; slot = slot->next) {
        AstatsCellState state;
        double shift;
        if (astats_cell_snapshot(&((const StatsSlot *)slot)->cell, &state, &shift) != 0)
            astats_merge_add(&merge, &state, shift);
    }
    if (!(merge.count > 0))
        return false;
    *out = astats_merge_summary(&merge);
    return true;
}

static bool read_counter(const Series *series, CounterValue *out)
{
    CounterSum sum = {0};
    for (const Slot *slot = first_slot(series); slot != NULL; slot = slot->next)
        counter_cell_read(&((const CounterSlot *)slot)->cell, &sum);
    if (!sum.any)
        return false;
    *out = counter_sum_value(&sum);
    return true;
}

/* => the cell that all threads share. */
static void *shared_cell(const Series *series)
{
    return ((const RefSlot *)first_slot(series))->target;
}

/* => whether the series holds anything yet: between its birth and its first value it does not. */
static bool read_series(const Series *series, SeriesView *view)
{
    view->kind = (SeriesKind)series->kind;
    view->id = series->id;
    view->id_length = series->id_length;
    view->name_length = series->name_length;
    switch (view->kind) {
    case SERIES_STATS:
        return read_stats(series, &view->value.stats);
    case SERIES_COUNTER:
        return read_counter(series, &view->value.counter);
    case SERIES_GAUGE:
        view->value.gauge = gauge_cell_get(shared_cell(series));
        return !isnan(view->value.gauge);
    case SERIES_SET:
        view->value.set = set_cell_count(shared_cell(series));
        return view->value.set > 0;
    case SERIES_FLAG:
        return flag_cell_get(shared_cell(series), &view->value.flag);
    case SERIES_PROGRESS:
        return progress_cell_read(shared_cell(series), &view->value.progress);
    case SERIES_KINDS:
        break;
    }
    return false;
}

static bool filter_passes(const SnapshotFilter *filter, const Series *series)
{
    if (filter->exact != NULL) {
        bool is_name = filter->exact_length == series->name_length;
        bool is_id = filter->exact_length == series->id_length;
        if (!(is_name || is_id) || memcmp(series->id, filter->exact, filter->exact_length) != 0)
            return false;
    }
    return filter->glob == NULL ||
           glob_matches(filter->glob, filter->glob_length, series->id, series->name_length) ||
           glob_matches(filter->glob, filter->glob_length, series->id, series->id_length);
}

void snapshot_begin(SnapshotCursor *cursor, Registry *registry, SeriesKind kind,
                    const SnapshotFilter *filter)
{
    cursor->registry = registry;
    cursor->filter = *filter;
    registry_lock_walks(registry);
    registry_walk(registry, kind, &cursor->walk);
    registry_unlock_walks(registry);
}

void snapshot_end(SnapshotCursor *cursor)
{
    if (cursor->walk.table == NULL)
        return;
    registry_lock_walks(cursor->registry);
    series_walk_end(&cursor->walk);
    registry_unlock_walks(cursor->registry);
}

static bool is_live(const Series *series)
{
    /* relaxed: who sees it a moment late still reads what was there, which stays until the readers'
     * mutex is free. */
    return atomic_load_explicit(&series->live, memory_order_relaxed) != 0;
}

/* Looks at up to SERIES_A_STEP series, under the readers' mutex. => whether *view has one. */
static bool step(SnapshotCursor *cursor, SeriesView *view)
{
    for (int i = 0; i < SERIES_A_STEP; i++) {
        const Series *series = series_walk_next(&cursor->walk);
        if (series == NULL) {
            series_walk_end(&cursor->walk);
            return false;
        }
        SeriesView read;
        if (is_live(series) && filter_passes(&cursor->filter, series) &&
            read_series(series, &read)) {
            read.id = memcpy(cursor->id, series->id, series->id_length);
            *view = read;
            return true;
        }
    }
    return false;
}

bool snapshot_next(SnapshotCursor *cursor, SeriesView *view)
{
    bool found = false;
    while (!found && cursor->walk.table != NULL) {
        registry_lock_walks(cursor->registry);
        found = step(cursor, view);
        registry_unlock_walks(cursor->registry);
    }
    return found;
}

bool snapshot_skip(SnapshotCursor *cursor)
{
    SeriesView unused;
    return snapshot_next(cursor, &unused);
}
