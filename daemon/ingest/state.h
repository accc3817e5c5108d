/* The state directory: what outlives the process. It holds
 *
 *     lock                  locked as long as a daemon uses the directory
 *     checkpoint            all series and figures, as of a few seconds ago
 *     checkpoint.new        the next one, while it is being written
 *     checkpoint.damaged-…  one that could not be taken up, for people to look at
 *
 * Taken up at the start, written every few seconds by a thread of its own, and once more at the end.
 *
 * Thread rule: open, start, stop and close are for one thread; the figures for any. */
#ifndef INGEST_STATE_H
#define INGEST_STATE_H

#include <stdint.h>

#include "ingest/pool.h"
#include "metrics/checkpoint_head.h"
#include "metrics/registry.h"

typedef struct State State;

/* Opens the directory (made if its parent is there), locks it, and takes up what it holds. Between
 * pool_open() and pool_start(). A damaged checkpoint is moved aside, and that is no error.
 * => 0; negative errno: the daemon cannot vouch for what is there, and must not go on; it has been
 * logged. */
int state_open(State **out, const char *directory, Registry *registry, Pool *pool);

/* Tells the log what was taken up, or why it was not. */
void state_report(const State *state);

/* Starts to write a checkpoint every `interval_s` (1 or more). => 0 or negative errno. */
int state_start(State *state, unsigned interval_s);

/* From the next checkpoint on. */
void state_set_interval(State *state, unsigned interval_s);

/* Ends the writing, with a last checkpoint, after pool_stop(). Idempotent; NULL is allowed.
 * => 0; negative errno: it could not be written, which has been logged. */
int state_stop(State *state);

/* Unlocks the directory and frees all. NULL is allowed. */
void state_close(State *state);

typedef struct {
    CheckpointInfo latest; /* the latest good one; all 0: none yet */
    uint64_t written;      /* since the start */
    uint64_t failed;       /* attempts since the start */
    int64_t took_ns;       /* the latest good one */
} StateInfo;

const char *state_directory(const State *state);

void state_info(State *state, StateInfo *out);

#endif
