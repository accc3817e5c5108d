/* What outlives the process. In the state directory
 *
 *     lock                  locked as long as a daemon uses the directory
 *     checkpoint            all series and figures, as of a few seconds ago
 *     checkpoint.new        the next one, while it is being written
 *     checkpoint.damaged-…  one that could not be taken up, for people to look at
 *     quarantine-…          a batch of datagrams that crashed the program (replay.h)
 *
 * and in the arenas' directory, which may be the same one
 *
 *     arena.G.N             all series, figures and batches in hand, as of this moment (arena_head.h)
 *     damaged.N             the latest ones that could not be taken up
 *
 * A process that was killed leaves its arenas, and they have everything. One that is stopped saves all in
 * the checkpoint and removes them. So has one whose machine went down without warning: its arenas lie in
 * memory.
 *
 * Thread rule: all but state_info() is for one thread. */
#ifndef INGEST_STATE_H
#define INGEST_STATE_H

#include <stdint.h>

#include "ingest/pool.h"
#include "ingest/saver.h"
#include "metrics/arena_store.h"
#include "metrics/registry.h"

typedef struct State State;

/* Opens and locks the directories, and looks for what there is. `directory` and `arenas` outlive it.
 * => 0; negative errno: the daemon cannot vouch for what is there, and must not go on; it has been
 * logged. */
int state_open(State **out, const char *directory, const char *arenas);

/* => where the registry is to be made. */
ArenaStore *state_store(State *state);

/* Takes up what there is. Between pool_open() and pool_start(). What is damaged is moved aside, and that is
 * no error. => as state_open(). */
int state_take_up(State *state, Registry *registry, Pool *pool);

/* Tells the log what was taken up, or why it was not. */
void state_report(const State *state);

/* Starts to write a checkpoint every `interval_s` (1 or more). => 0 or negative errno. */
int state_start(State *state, unsigned interval_s);

/* From the next checkpoint on. */
void state_set_interval(State *state, unsigned interval_s);

/* Saves all for the last time, after pool_stop(). Idempotent; NULL is allowed.
 * => 0; negative errno: it could not be written, which has been logged; the arenas stay. */
int state_stop(State *state);

/* Unlocks the directories and frees all. After state_stop(), and when nobody uses the registry any more.
 * NULL is allowed. */
void state_close(State *state);

typedef struct {
    SaverInfo checkpoints;
    uint64_t recovered_series;    /* from the arenas of a process that was killed */
    uint64_t recovered_datagrams; /* that it had in hand */
    uint64_t quarantined;         /* datagrams */
} StateInfo;

const char *state_directory(const State *state);
const char *state_arenas(const State *state);

/* Any thread, after state_take_up(). */
void state_info(State *state, StateInfo *out);

#endif
