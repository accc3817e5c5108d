/* What the threads of a process that was killed had in their hands: taken in once more, as far as it is
 * not in yet. ARCHITECTURE.md, "Exactly once, through kill -9".
 *
 * A batch that kills this program each time would keep it from ever starting. So a signal handler counts
 * in the batch's own arena when the program crashes while it takes that batch in (a kill from outside
 * does not count), and after REPLAY_CRASHES it is written to a file instead, for people to look at.
 *
 * Thread rule: one thread, between pool_open() and pool_start(). */
#ifndef INGEST_REPLAY_H
#define INGEST_REPLAY_H

#include <stdint.h>

#include "ingest/pool.h"
#include "metrics/arena_past.h"
#include "metrics/checkpoint_figures.h"

enum {
    REPLAY_CRASHES = 2
};

typedef struct {
    uint64_t datagrams;   /* taken in once more */
    uint64_t quarantined; /* datagrams that were not, and stand in files */
} ReplayResult;

/* Adds up what the threads had counted without what was in their hands, and looks at that: it is sound.
 * => 0, and in *in_hand whether any had something there; -EBADMSG and *reason. */
int replay_figures(ArenaPast *past, CheckpointFigures *out, bool *in_hand,
                   CheckpointReason *reason);

/* Takes in what was in their hands; replay_figures() has given 0, and all series are there. Files of
 * quarantined batches go into the directory.
 * => 0; negative errno and *reason: such a file could not be written. */
int replay_batches(ArenaPast *past, Pool *pool, int directory_fd, ReplayResult *result,
                   CheckpointReason *reason);

#endif
