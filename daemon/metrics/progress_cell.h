/* A progress series: an AtomicProgress with the times that a rate needs. One shared cell.
 *
 * Any thread may update and read; each figure is atomic by itself, updates that arrive through two
 * ingest threads at once are one after the other in some order, as two datagrams in flight are.
 *
 * A run begins with the first update, and anew whenever `done` is set below what it was (the job was
 * started again). Its rate is what was done since the first update of the run, divided by the time
 * from that update to the latest one; it is unknown until time has passed and something was done. */
#ifndef METRICS_PROGRESS_CELL_H
#define METRICS_PROGRESS_CELL_H

#include <stdbool.h>
#include <stdint.h>

#include <atomicstats/progress.h>

#include "metrics/series.h"

/* Zeroed memory is a progress that nothing is known of. Times: CLOCK_REALTIME, ns. */
typedef struct {
    AtomicProgress progress;
    _Atomic int64_t base;       /* `done` when the run began */
    _Atomic int64_t started_ns; /* when it began */
    _Atomic int64_t updated_ns; /* 0: never updated */
} ProgressCell;

/* `done` units are done (0 to INT64_MAX). `now_ns`: the time of arrival. */
void progress_cell_set_done(ProgressCell *cell, int64_t done, int64_t now_ns);

/* `more` further units are done (0 to INT64_MAX). Stays at INT64_MAX rather than wrap. */
void progress_cell_add_done(ProgressCell *cell, int64_t more, int64_t now_ns);

/* There are `total` units in all; 0: unknown. */
void progress_cell_set_total(ProgressCell *cell, int64_t total, int64_t now_ns);

/* What a cell holds, all of it. */
typedef struct {
    int64_t done;
    int64_t total;
    int64_t base;
    int64_t started_ns;
    int64_t updated_ns; /* 0: never updated */
} ProgressState;

/* => the state. Any thread. */
ProgressState progress_cell_state(const ProgressCell *cell);

/* Makes an unused cell hold the state. Before other threads see it. */
void progress_cell_restore(ProgressCell *cell, const ProgressState *state);

/* => whether anything is known; then *out holds it. */
bool progress_cell_read(const ProgressCell *cell, ProgressValue *out);

#endif
