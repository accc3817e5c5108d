#include "metrics/slot_owner.h"

#include <stddef.h>

#include "metrics/slot.h"

void slot_owner_enter(SlotOwner **owners, SlotOwner *owner)
{
    owner->next = *owners;
    *owners = owner;
}

void slot_owner_exit(SlotOwner **owners, const SlotOwner *owner)
{
    for (SlotOwner **link = owners; *link != NULL; link = &(*link)->next) {
        if (*link == owner) {
            *link = owner->next;
            return;
        }
    }
}

void slot_owner_return(SlotOwner *owners, Slot *slot)
{
    SlotOwner *owner = owners;
    while (!slot_owner_has(owner, slot))
        owner = owner->next;
    /* relaxed: the exchange below tells whether it is still that. */
    Slot *before = atomic_load_explicit(&owner->returned, memory_order_relaxed);
    do {
        slot->next = before;
        /* release: the owner sees `next`, and all looks at the slot before this; pairs with the acquire
         * in slot_owner_take(). relaxed on failure: it only tries again. */
    } while (!atomic_compare_exchange_weak_explicit(&owner->returned, &before, slot,
                                                    memory_order_release, memory_order_relaxed));
}

Slot *slot_owner_take(SlotOwner *owner)
{
    /* relaxed: a glance, so that an owner to whom nothing comes writes nothing. */
    if (atomic_load_explicit(&owner->returned, memory_order_relaxed) == NULL)
        return NULL;
    /* acquire: pairs with the release in slot_owner_return(). */
    return atomic_exchange_explicit(&owner->returned, NULL, memory_order_acquire);
}
