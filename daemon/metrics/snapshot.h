/* The one walk over all series: every output format reads through here.
 *
 * A walk merges each series' cells into plain values and hands the series out one by one, in the
 * order in which they were first seen. It never blocks an ingest thread and holds no memory but its
 * own, so a reply of any size can stream, however slowly: a series that expires meanwhile is left out.
 *
 * What is promised: each series is one consistent snapshot of itself. Not promised: that two series
 * of one walk are of the same instant; a series born during the walk may be in it or not.
 *
 * Thread rule: a cursor belongs to one thread; any number of threads may walk at once, and take turns
 * at each step. */
#ifndef METRICS_SNAPSHOT_H
#define METRICS_SNAPSHOT_H

#include "metrics/registry.h"
#include "metrics/series.h"

/* Which series a walk hands out. Zeroed: all. The texts belong to the caller and must outlive the
 * walk. */
typedef struct {
    const char *glob;    /* `*` any run of characters, `?` one (UTF-8); matched against the name
                           and against the whole id; NULL: every series */
    size_t glob_length;  /* bytes */
    const char *exact;   /* only series whose name or id is this; NULL: every series */
    size_t exact_length; /* bytes */
} SnapshotFilter;

typedef struct {
    Registry *registry;
    SnapshotFilter filter;
    SeriesWalk walk;
    char id[SERIES_ID_MAX]; /* of the latest view */
} SnapshotCursor;

/* Begins a walk over the series of `kind`; those born later are not in it. The cursor has no walk that
 * is open, and stays where it is until this one has ended. */
void snapshot_begin(SnapshotCursor *cursor, Registry *registry, SeriesKind kind,
                    const SnapshotFilter *filter);

/* Ends a walk, wherever it is; one that has ended, or a zeroed cursor, may be ended again. */
void snapshot_end(SnapshotCursor *cursor);

/* Reads the next series that the filter lets through into *view, whose id lies in the cursor until the
 * next call. => false at the end: *view is untouched, and the walk has ended. */
bool snapshot_next(SnapshotCursor *cursor, SeriesView *view);

/* Like snapshot_next(), but only says whether there is one more. */
bool snapshot_skip(SnapshotCursor *cursor);

#endif
