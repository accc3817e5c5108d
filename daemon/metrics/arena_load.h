/* Takes up the series that an earlier process left in its arenas.
 *
 * Nothing is trusted: each address must lead into an arena, each list must end, and each series must be
 * one that somebody can have sent, before the first one is made. What a kill can have left half done is
 * known: a series stands in its list when it is complete, and only that of one list may be under way.
 *
 * Thread rule: no other thread may be using the registry or the indexes. */
#ifndef METRICS_ARENA_LOAD_H
#define METRICS_ARENA_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "metrics/arena_past.h"
#include "metrics/checkpoint_load.h"

/* Makes all series that have not expired, in the order in which they were first seen. `in_hand`: some thread
 * had a batch in hand, so there may be series, and slots, for which its values have yet to come; else all
 * hold something.
 * => 0, and their number in *series; -EBADMSG and *reason: the arenas are damaged, and nothing was made;
 * -ENOMEM, -EDQUOT (past max_series) and *reason: some were made. */
int arena_load(ArenaPast *past, const CheckpointTarget *target, bool in_hand, uint64_t *series,
               CheckpointReason *reason);

#endif
