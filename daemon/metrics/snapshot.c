#include "metrics/snapshot.h"

#include <math.h>
#include <string.h>

#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/glob.h"
#include "metrics/progress_cell.h"
#include "metrics/series_read.h"
#include "metrics/set_cell.h"

enum {
    SERIES_A_STEP = 256 /* looked at before others have a turn */
};

static bool read_stats(const Series *series, AtomicStatsSummary *out)
{
    AstatsMerge merge;
    bool any = series_read_stats(series, &merge);
    *out = astats_merge_summary(&merge);
    return any;
}

static bool read_counter(const Series *series, CounterValue *out)
{
    CounterSum sum;
    bool any = series_read_counter(series, &sum);
    *out = counter_sum_value(&sum);
    return any;
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
        view->value.gauge = gauge_cell_get(series_read_shared(series));
        return !isnan(view->value.gauge);
    case SERIES_SET:
        view->value.set = set_cell_count(series_read_shared(series));
        return view->value.set > 0;
    case SERIES_FLAG:
        return flag_cell_get(series_read_shared(series), &view->value.flag);
    case SERIES_PROGRESS:
        return progress_cell_read(series_read_shared(series), &view->value.progress);
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
        if (series_is_live(series) && filter_passes(&cursor->filter, series) &&
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
