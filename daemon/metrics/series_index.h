/* From a key as it stands in a datagram to this thread's slot. Each ingest thread has its own index:
 * a look-up of a known series takes no lock and writes no memory.
 *
 * A bucket_table.h whose values are slots, counted in units of SLOT_ALIGNMENT bytes in the thread's
 * arena: a hit costs the bucket's line and the slot's first line. The hash is keyed at random per
 * process: nobody can send collisions on purpose.
 *
 * The key is name, kind and tags as received. Another spelling of the same tags (another order,
 * repeats) becomes an alias entry for the same slot, so that sorting is paid once per spelling. A
 * client can make up spellings without end, so the aliases are as many as max_series at most; past
 * that, tags are sorted each time.
 *
 * Each value marks its slot with the time, in whole seconds, and the alias by which it came: that is how
 * slot_sweep.h finds what has been idle. Memory of slots that have gone is used again.
 *
 * Thread rule: all but series_index_memory_bytes() is for the owning thread alone. */
#ifndef METRICS_SERIES_INDEX_H
#define METRICS_SERIES_INDEX_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "metrics/arena.h"
#include "metrics/blocks.h"
#include "metrics/bucket_table.h"
#include "metrics/registry.h"
#include "metrics/slot.h"

typedef struct {
    Registry *registry;
    HashKey hash_key;
    Arena arena;
    BucketTable table;
    uint32_t now_s;   /* what the latest values are marked with: see series_index_tick() */
    uint32_t aliases; /* how many */
    Slot *first_alias;
    Blocks slots; /* both of `arena` */
    Blocks keys;
    SlotOwner owner;
    Slot *returned;              /* taken from `owner`, not yet freed */
    _Atomic size_t memory_bytes; /* written by the owner only */
} SeriesIndex;

/* => 0; negative errno: no memory, no file, or no random key. */
int series_index_init(SeriesIndex *index, Registry *registry);

/* Frees it; the slots and the ids in them go with it, so after this the registry may only be
 * destroyed. Accepts a zeroed one. */
void series_index_fini(SeriesIndex *index);

/* => the hash by which the two below find the key. */
static inline uint32_t series_index_hash(const SeriesIndex *index, const SeriesKey *key)
{
    uint64_t hash = hash_bytes(&index->hash_key, key->name, key->name_length, (uint64_t)key->kind);
    if (key->tags_length != 0)
        hash = hash_bytes(&index->hash_key, key->tags, key->tags_length, hash);
    return (uint32_t)(hash >> 32);
}

/* Begins to fetch the bucket; a batch does this for all its keys before the first look-up. */
static inline void series_index_prefetch(const SeriesIndex *index, uint32_t hash)
{
    bucket_table_prefetch(&index->table, hash);
}

/* Begins to fetch the slot that the bucket probably names, its cell with it. */
static inline void series_index_prefetch_slot(const SeriesIndex *index, uint32_t hash)
{
    const char *slot =
        index->arena.base + (size_t)bucket_table_guess(&index->table, hash) * SLOT_ALIGNMENT;
    __builtin_prefetch(slot);
    __builtin_prefetch(slot + 64);
    __builtin_prefetch(slot + 128);
}

typedef struct {
    char *base; /* the arena's */
    const SeriesKey *key;
} SeriesIndexQuestion;

static inline Slot *series_index_slot_(char *base, uint32_t value)
{
    void *slot = base + (size_t)value * SLOT_ALIGNMENT;
    return slot;
}

static inline bool series_index_match_(const void *context, uint32_t value)
{
    const SeriesIndexQuestion *question = context;
    return slot_is(series_index_slot_(question->base, value), question->key);
}

/* Where a value that came under an alias goes. Marks the alias; series_index_find() marks the slot. */
static inline Slot *series_index_follow_(const SeriesIndex *index, Slot *alias)
{
    alias->touched = index->now_s;
    return ((RefSlot *)alias)->target;
}

/* => this thread's slot for the key, never an alias; NULL: the thread does not know it yet. */
static inline Slot *series_index_lookup(const SeriesIndex *index, const SeriesKey *key,
                                        uint32_t hash)
{
    const SeriesIndexQuestion question = {index->arena.base, key};
    uint32_t value = bucket_table_find(&index->table, hash, series_index_match_, &question);
    if (value == 0)
        return NULL;
    Slot *slot = series_index_slot_(index->arena.base, value);
    return slot_is_alias(slot) ? series_index_follow_(index, slot) : slot;
}

/* Makes this thread's slot for a key that series_index_lookup() did not find (the slow path: once a
 * thread and spelling, it may take the registry's mutex). => 0 and *slot, never an alias; -EDQUOT: a
 * new series past the limit; -ENOMEM. */
int series_index_add(SeriesIndex *index, const SeriesKey *key, uint32_t hash, Slot **slot);

/* Both of the above, for a value that is to be recorded now: marks the slot with the time. */
static inline int series_index_find(SeriesIndex *index, const SeriesKey *key, uint32_t hash,
                                    Slot **slot)
{
    Slot *found = series_index_lookup(index, key, hash);
    if (__builtin_expect(found == NULL, 0))
        return series_index_add(index, key, hash, slot);
    found->touched = index->now_s;
    *slot = found;
    return 0;
}

/* Sets the time by which values are marked: seconds of clock_monotonic_ns(), or of any clock that goes
 * on for as long as the index lives. About once a second. */
void series_index_tick(SeriesIndex *index, uint32_t now_s);

/* Forgets an alias: the one that `link` leads to. Its slot stays. */
void series_index_drop_alias(SeriesIndex *index, Slot **link);

/* Forgets a slot that no alias leads to, and leaves its series. It stays in memory until the series has
 * expired (registry.h). */
void series_index_drop(SeriesIndex *index, Slot *slot);

/* => bytes held for buckets, slots and keys. Any thread. */
size_t series_index_memory_bytes(const SeriesIndex *index);

#endif
