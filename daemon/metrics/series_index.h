/* From a key as it stands in a datagram to this thread's slot. Each ingest thread has its own index:
 * a look-up of a known series takes no lock and writes no memory.
 *
 * Open addressing, linear probing, at most a third full (at a half, every third look-up took a second
 * probe that the CPU could not predict). A bucket is hash32 << 32 | slot, where slot
 * counts units of SLOT_ALIGNMENT bytes in the thread's arena; so a hit costs the bucket's line and
 * the slot's first line, and probing past others costs nothing more. The hash is keyed at random per
 * process: nobody can send collisions on purpose.
 *
 * The key is name, kind and tags as received. Another spelling of the same tags (another order,
 * repeats) becomes an alias entry for the same slot, so that sorting is paid once per spelling. A
 * client can make up spellings without end, so the aliases are as many as max_series at most; past
 * that, tags are sorted each time.
 *
 * Thread rule: all but series_index_memory_bytes() is for the owning thread alone. */
#ifndef METRICS_SERIES_INDEX_H
#define METRICS_SERIES_INDEX_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "metrics/arena.h"
#include "metrics/registry.h"
#include "metrics/slot.h"

typedef struct {
    Registry *registry;
    HashKey hash_key;
    Arena arena;
    uint64_t *buckets;
    uint32_t bucket_count; /* a power of two */
    uint32_t used;
    uint32_t aliases;
    _Atomic size_t memory_bytes; /* written by the owner only */
} SeriesIndex;

/* => 0; -ENOMEM; negative errno if the system gives no random key. */
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
    __builtin_prefetch(&index->buckets[hash & (index->bucket_count - 1)]);
}

/* Begins to fetch the slot that the bucket probably names, its cell with it. */
static inline void series_index_prefetch_slot(const SeriesIndex *index, uint32_t hash)
{
    uint64_t bucket = index->buckets[hash & (index->bucket_count - 1)];
    const char *slot = index->arena.base + (bucket & UINT32_MAX) * SLOT_ALIGNMENT;
    __builtin_prefetch(slot);
    __builtin_prefetch(slot + 64);
    __builtin_prefetch(slot + 128);
}

/* => this thread's slot for the key, never an alias; NULL: the thread does not know it yet. */
static inline Slot *series_index_lookup(const SeriesIndex *index, const SeriesKey *key,
                                        uint32_t hash)
{
    uint32_t mask = index->bucket_count - 1;
    for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
        uint64_t bucket = index->buckets[i];
        if (bucket == 0)
            return NULL;
        if ((uint32_t)(bucket >> 32) == hash) {
            void *at = index->arena.base + (bucket & UINT32_MAX) * SLOT_ALIGNMENT;
            Slot *slot = at;
            if (slot_is(slot, key))
                return slot->alias ? ((RefSlot *)slot)->target : slot;
        }
    }
}

/* Makes this thread's slot for a key that series_index_lookup() did not find (the slow path: once a
 * thread and spelling, it may take the registry's mutex). => 0 and *slot, never an alias; -EDQUOT: a
 * new series past the limit; -ENOMEM. */
int series_index_add(SeriesIndex *index, const SeriesKey *key, uint32_t hash, Slot **slot);

/* Both of the above. */
static inline int series_index_find(SeriesIndex *index, const SeriesKey *key, uint32_t hash,
                                    Slot **slot)
{
    Slot *found = series_index_lookup(index, key, hash);
    if (__builtin_expect(found == NULL, 0))
        return series_index_add(index, key, hash, slot);
    *slot = found;
    return 0;
}

/* => bytes held for buckets, slots and keys. Any thread. */
size_t series_index_memory_bytes(const SeriesIndex *index);

#endif
