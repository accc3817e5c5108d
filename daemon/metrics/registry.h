/* All series, of all threads: who they are, in the order in which they were first seen, and where
 * their cells are.
 *
 * Writers are the ingest threads, and only when they meet a series for the first time or forget it:
 * they hold a mutex for one probe of a hash table. Readers never take that one, they share another: see
 * series_table.h.
 *
 * Expiry. A series goes when no value has come for it for `expire_after_s`, to any thread. Each thread
 * finds out for itself (slot_sweep.h): it takes a series that is idle out of its own index, and then
 * leaves it here. A value that comes later finds nothing in the index, and joins the series again, with
 * the slot and all that was in it. When the last thread has left, the series has expired: the next
 * value under that name begins a new one. All under the mutex, so a value is recorded either into the
 * old series before it expires, or into the new one, and never between them.
 * What has expired waits until registry_reclaim() gives its memory back, out of sight of all readers;
 * each slot goes to the thread that made it.
 *
 * Thread rule: any thread, but for create and destroy. */
#ifndef METRICS_REGISTRY_H
#define METRICS_REGISTRY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/arena_store.h"
#include "metrics/series.h"
#include "metrics/series_table.h"
#include "metrics/set_cell.h"
#include "metrics/slot_owner.h"

typedef struct Registry Registry;
struct Slot;

/* => 0 or negative errno. `max_series`: how many series of all kinds together may exist. */
int registry_create(Registry **registry, uint32_t max_series);

/* The same, with its series in `store`, and the threads' too; NULL: in no file. The store stays until all
 * threads' indexes have been made. */
int registry_create_in(Registry **registry, uint32_t max_series, ArenaStore *store);

/* => that store. */
ArenaStore *registry_store(const Registry *registry);

/* Frees everything that the registry holds. NULL is allowed. No other thread may be using it. */
void registry_destroy(Registry *registry);

/* ---- for those who record ---- */

/* Makes an owner of slots known, before its first one, and unknown again: after that its slots may be
 * gone, and the registry is only good for being destroyed. */
void registry_enter(Registry *registry, SlotOwner *owner);
void registry_exit(Registry *registry, SlotOwner *owner);

/* Finds the slot's series or adds it, and makes the slot a part of what readers see. The slot's key is
 * canonical (tags_canonical()), the slot is complete but for `next` and, of shared kinds, `target`,
 * which are set here. If this owner has left the series before, it gets back the slot that it had then.
 * => 0, and *joined: `slot`, or that one, and then `slot` is not used; -EDQUOT: unknown, and there are
 * max_series already; -ENOMEM. Takes the mutex. */
int registry_join(Registry *registry, SlotOwner *owner, struct Slot *slot, struct Slot **joined);

/* The slot's owner has taken it out of its index. Takes the mutex. */
void registry_leave(Registry *registry, const struct Slot *slot);

/* Gives a full set a sketch (set_cell_grow()). => 0 or -ENOMEM. Takes the mutex. */
int registry_grow_set(Registry *registry, SetCell *cell);

/* Makes the memory of expired series free for new ones; call it about once a second. Takes both
 * mutexes, for a few microseconds at a time. */
void registry_reclaim(Registry *registry);

/* ---- for those who read ---- */

/* The mutex that readers share: to be held while a walk begins, steps or ends, and as long as what it
 * gave is used. Ingest threads never wait for it. */
void registry_lock_walks(Registry *registry);
void registry_unlock_walks(Registry *registry);

/* series_walk_begin() over one kind. Under registry_lock_walks(). */
void registry_walk(Registry *registry, SeriesKind kind, SeriesWalk *walk);

/* ---- limits and figures ---- */

void registry_set_max_series(Registry *registry, uint32_t max_series);
uint32_t registry_max_series(const Registry *registry);

/* Seconds without a value after which a series expires; 0: never. */
void registry_set_expire_after(Registry *registry, uint32_t seconds);
uint32_t registry_expire_after(const Registry *registry);

/* => series of this kind that have not expired. */
uint32_t registry_count(const Registry *registry, SeriesKind kind);

/* => series that have expired so far. */
uint64_t registry_expired(const Registry *registry);

/* => bytes held for series, ids and shared cells, without the threads' own cells. */
size_t registry_memory_bytes(const Registry *registry);

#endif
