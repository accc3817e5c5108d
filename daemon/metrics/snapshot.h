/* The one walk over all series: every output format reads through here.
 *
 * A walk merges each series' cells into plain values and hands the series out one by one, in the
 * order in which they were first seen. It never blocks an ingest thread and holds no memory, so a
 * reply of any size can stream.
 *
 * What is promised: each series is one consistent snapshot of itself. Not promised: that two series
 * of one walk are of the same instant; a series born during the walk may be in it or not.
 *
 * Thread rule: a cursor belongs to one thread; any number of threads may walk at once. */
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
    const Registry *registry;
    SeriesKind kind;
    uint32_t next;
    uint32_t end;
    SnapshotFilter filter;
} SnapshotCursor;

/* Begins a walk over the series of `kind`; those born later are not in it. */
void snapshot_begin(SnapshotCursor *cursor, const Registry *registry, SeriesKind kind,
                    const SnapshotFilter *filter);

/* Reads the next series that the filter lets through into *view. => false at the end, and *view is
 * untouched. */
bool snapshot_next(SnapshotCursor *cursor, SeriesView *view);

/* Like snapshot_next(), but only says whether there is one more. */
bool snapshot_skip(SnapshotCursor *cursor);

#endif
