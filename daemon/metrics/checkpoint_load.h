/* Takes up a checkpoint. Nothing in it is trusted: the head and all that follows must match their
 * checksums, and each record must be sound, before the first series is made.
 *
 * Thread rule: no other thread may be using the registry or the indexes. */
#ifndef METRICS_CHECKPOINT_LOAD_H
#define METRICS_CHECKPOINT_LOAD_H

#include <stddef.h>

#include "metrics/checkpoint_figures.h"
#include "metrics/checkpoint_head.h"
#include "metrics/series_index.h"

typedef struct {
    SeriesIndex *const *indexes; /* where series go, in turns */
    size_t index_count;          /* 1 or more */
} CheckpointTarget;

/* Makes all series of the checkpoint in the directory.
 * => 0, *figures and *info; -ENOENT: there is none; else *reason, and nothing was made: -EBADMSG: it is
 * damaged; -EPROTONOSUPPORT: it is of another format; or what reading it failed with; but with -EDQUOT
 * (past max_series) and -ENOMEM some series may have been made. */
int checkpoint_load(int directory_fd, const CheckpointTarget *target, CheckpointFigures *figures,
                    CheckpointInfo *info, CheckpointReason *reason);

#endif
