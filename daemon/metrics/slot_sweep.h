/* Finds what has been idle in one thread's index, piece by piece, and takes it out.
 *
 * A round goes over all aliases, then over all slots, and compares what they are marked with to the
 * moment when the round began. An alias is marked whenever its slot is, never later; so one whose slot
 * is idle is idle as well, and is gone when the slots have their turn: none ever leads to a slot that
 * has been taken out. (One that was made meanwhile has marked its slot, which then is not idle.)
 *
 * If the time is changed, a round with the new one begins at once.
 *
 * Eight rounds fit into the time after which a series expires. A series that is not yet idle when one
 * begins may have to wait for the end of the next, so it goes when it has been idle for that time and up
 * to a quarter longer (a few seconds, if the time is only some seconds).
 *
 * Thread rule: the index's thread, and not while it holds slots that it has looked up. */
#ifndef METRICS_SLOT_SWEEP_H
#define METRICS_SLOT_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "metrics/series_index.h"

enum {
    SLOT_SWEEP_PIECE = 4096 /* aliases or buckets looked at in one step: well below a millisecond */
};

/* Zeroed: ready. */
typedef struct {
    bool under_way;
    uint32_t began_s;        /* SeriesIndex.now_s */
    uint32_t expire_after_s; /* what has been idle for longer goes */
    Slot **alias;            /* the link to the next alias; NULL: the aliases are done */
    uint32_t bucket;         /* the next one */
    uint32_t next_round_s;   /* when the next one may begin */
    uint32_t step_s;         /* the second that `steps` is of */
    uint32_t steps;          /* in this second */
} SlotSweep;

/* Looks at one more piece, if it is time to. Values of this second and the next few are safe: an idle
 * series was last marked more than registry_expire_after() seconds ago.
 * => whether the second has more to do: call it again, when the values that came in meanwhile are
 * recorded; false: not before the next series_index_tick(). */
bool slot_sweep_step(SlotSweep *sweep, SeriesIndex *index);

#endif
