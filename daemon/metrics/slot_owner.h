/* Whose slots are whose: every ingest thread's index makes its own, and gets them back.
 *
 * Thread rule: the list under the registry's mutex; slot_owner_take() is for the owner's thread. */
#ifndef METRICS_SLOT_OWNER_H
#define METRICS_SLOT_OWNER_H

#include <stdatomic.h>
#include <stdbool.h>

struct Slot;

typedef struct SlotOwner SlotOwner;

struct SlotOwner {
    const char *begin; /* its slots lie from here */
    const char *end;   /* to before this */
    /* What came back, linked by `next`. A stack (Treiber, 1986) of which only everything at once is
     * taken, so there is no ABA problem. */
    _Atomic(struct Slot *) returned;
    SlotOwner *next;
};

static inline bool slot_owner_has(const SlotOwner *owner, const struct Slot *slot)
{
    const char *address = (const char *)slot;
    return address >= owner->begin && address < owner->end;
}

/* Adds to, and takes out of, a list of owners. */
void slot_owner_enter(SlotOwner **owners, SlotOwner *owner);
void slot_owner_exit(SlotOwner **owners, const SlotOwner *owner);

/* Gives a slot, which nobody else uses any more, back to the one of these that made it. */
void slot_owner_return(SlotOwner *owners, struct Slot *slot);

/* => all that came back since the last time, linked by `next`; NULL: nothing. */
struct Slot *slot_owner_take(SlotOwner *owner);

#endif
