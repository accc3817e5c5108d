/* A progress series: how much of how much is done, with the times that a rate needs. One shared cell, two
 * copies of its state and a turn.h.
 *
 * Any thread may update and read: an update is one step, and what is read is one state. Updates that
 * arrive through two ingest threads at once are one after the other in some order, as two datagrams in
 * flight are.
 *
 * A run begins with the first update, and anew whenever `done` is set below what it was (the job was
 * started again). Its rate is what was done since the first update of the run, divided by the time
 * from that update to the latest one; it is unknown until time has passed and something was done. */
#ifndef METRICS_PROGRESS_CELL_H
#define METRICS_PROGRESS_CELL_H

#include <stdbool.h>
#include <stdint.h>

#include "metrics/redo.h"
#include "metrics/series.h"
#include "metrics/turn.h"

/* What a cell holds. Times: CLOCK_REALTIME, ns. Zeroed: nothing is known. */
typedef struct {
    int64_t done;
    int64_t total;      /* 0: unknown */
    int64_t base;       /* `done` when the run began */
    int64_t started_ns; /* when it began */
    int64_t updated_ns; /* 0: never updated */
} ProgressState;

enum {
    PROGRESS_FIELDS = 5 /* of a ProgressState */
};

/* Zeroed memory is a progress that nothing is known of; one that is to be sound begins with
 * progress_cell_begin(). */
typedef struct {
    Turn turn;
    _Atomic int64_t copy[2][PROGRESS_FIELDS];
} ProgressCell;

/* What one value says. Numbers are 0 to INT64_MAX. */
typedef struct {
    bool has_done;
    bool has_more;
    bool has_total;
    int64_t done;  /* units are done */
    int64_t more;  /* further units are done; `done` stays at INT64_MAX rather than wrap */
    int64_t total; /* units in all; 0: unknown */
} ProgressChange;

/* Makes zeroed memory a progress that nothing is known of, and sound. Before other threads see it. */
void progress_cell_begin(ProgressCell *cell);

/* Makes the change, which arrived at `now_ns`. Waits for another thread that does the same. `redo`: the
 * thread's, which then counts one value more; NULL: none. */
void progress_cell_change(ProgressCell *cell, const ProgressChange *change, int64_t now_ns,
                          Redo *redo);

/* => the state. Any thread; lock-free. */
ProgressState progress_cell_state(const ProgressCell *cell);

/* => whether the cell, which stood at `address`, is as it was written there. */
bool progress_cell_is_sound(const ProgressCell *cell, uintptr_t address);

/* Makes an unused cell hold the state. Before other threads see it. */
void progress_cell_restore(ProgressCell *cell, const ProgressState *state);

/* => whether anything is known; then *out holds it. Any thread; lock-free. */
bool progress_cell_read(const ProgressCell *cell, ProgressValue *out);

#endif
