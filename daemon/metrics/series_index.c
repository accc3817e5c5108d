#include "metrics/series_index.h"

#include <errno.h>
#include <string.h>

#include "metrics/tags.h"

/* Addresses set aside, not memory. A slot's number could name eight times as much. */
#define ARENA_BYTES ((size_t)16 << 30)

int series_index_init(SeriesIndex *index, Registry *registry)
{
    SeriesIndex fresh = {.registry = registry};
    int error = hash_key_random(&fresh.hash_key);
    if (error == 0)
        error = bucket_table_init(&fresh.table, 3);
    if (error == 0)
        error = arena_init(&fresh.arena, ARENA_BYTES);
    /* The first unit stays unused, so that no slot has number 0: that is a free bucket. */
    if (error == 0 && arena_alloc(&fresh.arena, SLOT_ALIGNMENT, SLOT_ALIGNMENT) == NULL)
        error = -ENOMEM;
    if (error != 0) {
        series_index_fini(&fresh);
        return error;
    }
    *index = fresh;
    return 0;
}

void series_index_fini(SeriesIndex *index)
{
    bucket_table_fini(&index->table);
    arena_fini(&index->arena);
}

size_t series_index_memory_bytes(const SeriesIndex *index)
{
    return atomic_load_explicit(&index->memory_bytes, memory_order_relaxed); /* relaxed: a figure */
}

/* ---- the slow path ---- */

/* => a slot with this key and nothing behind it yet; NULL: no memory. */
static Slot *make_slot(SeriesIndex *index, const SeriesKey *key, size_t bytes)
{
    Slot *slot = arena_alloc(&index->arena, bytes, SLOT_ALIGNMENT);
    size_t length = key->name_length + key->tags_length;
    bool outside = length > SLOT_KEY_INLINE;
    char *bytes_of_key = NULL;
    if (slot != NULL)
        bytes_of_key = outside ? arena_alloc(&index->arena, length, 1) : slot->key.inside;
    if (bytes_of_key == NULL)
        return NULL;

    memcpy(bytes_of_key, key->name, key->name_length);
    if (key->tags_length != 0)
        memcpy(bytes_of_key + key->name_length, key->tags, key->tags_length);
    if (outside)
        slot->key.outside = bytes_of_key;
    slot->key_outside = outside;
    slot->key_length = (uint16_t)length;
    slot->name_length = (uint8_t)key->name_length;
    slot->kind = (uint8_t)key->kind;
    return slot;
}

/* Puts a slot into the table, which has room. */
static void insert_slot(SeriesIndex *index, const Slot *slot, uint32_t hash)
{
    uint64_t number = (uint64_t)((const char *)slot - index->arena.base) / SLOT_ALIGNMENT;
    bucket_table_insert(&index->table, hash, (uint32_t)number);
    /* relaxed: a figure for people. */
    atomic_store_explicit(&index->memory_bytes,
                          index->arena.used + bucket_table_bytes(&index->table),
                          memory_order_relaxed);
}

/* Makes the slot a part of its series. => 0, -EDQUOT or -ENOMEM. */
static int join_series(SeriesIndex *index, const SeriesKey *key, Slot *slot)
{
    /* Without tags the slot's key is the id: one copy of a name is enough. */
    const char *id = key->tags_length == 0 ? slot_key(slot) : NULL;
    Series *series;
    int error = registry_find_or_add(index->registry, key, id, &series);
    if (error != 0)
        return error;
    if (key->kind == SERIES_STATS || key->kind == SERIES_COUNTER)
        registry_link_slot(index->registry, series, slot);
    else
        ((RefSlot *)slot)->target = key->kind == SERIES_SET ? (void *)series : series->shared;
    return 0;
}

/* Makes this thread's slot for a canonical key that it does not know. => 0, -EDQUOT or -ENOMEM; then
 * no memory is taken, however often somebody tries. */
static int add_slot(SeriesIndex *index, const SeriesKey *key, uint32_t hash, Slot **out)
{
    size_t bytes = key->kind == SERIES_STATS     ? sizeof(StatsSlot)
                   : key->kind == SERIES_COUNTER ? sizeof(CounterSlot)
                                                 : sizeof(RefSlot);
    size_t used = index->arena.used;
    int error = bucket_table_reserve(&index->table);
    Slot *slot = error == 0 ? make_slot(index, key, bytes) : NULL;
    if (error == 0)
        error = slot != NULL ? join_series(index, key, slot) : -ENOMEM;
    if (error != 0) {
        arena_rewind(&index->arena, used);
        return error;
    }
    insert_slot(index, slot, hash);
    *out = slot;
    return 0;
}

/* Remembers another spelling, if there is still room for one. Without, nothing is lost but time. */
static void add_alias(SeriesIndex *index, const SeriesKey *spelling, uint32_t hash, Slot *slot)
{
    if (index->aliases >= registry_max_series(index->registry))
        return;
    Slot *alias = bucket_table_reserve(&index->table) == 0
                      ? make_slot(index, spelling, sizeof(RefSlot))
                      : NULL;
    if (alias == NULL)
        return;
    alias->alias = true;
    ((RefSlot *)alias)->target = slot;
    insert_slot(index, alias, hash);
    index->aliases++;
}

int series_index_add(SeriesIndex *index, const SeriesKey *key, uint32_t hash, Slot **slot)
{
    if (tags_are_canonical(key->tags, key->tags_length))
        return add_slot(index, key, hash, slot);

    char tags[SERIES_TAGS_MAX];
    SeriesKey canonical = *key;
    canonical.tags = tags;
    canonical.tags_length = tags_canonical(key->tags, key->tags_length, tags);
    uint32_t canonical_hash = series_index_hash(index, &canonical);
    Slot *found = series_index_lookup(index, &canonical, canonical_hash);
    int error = found != NULL ? 0 : add_slot(index, &canonical, canonical_hash, &found);
    if (error != 0)
        return error;
    add_alias(index, key, hash, found);
    *slot = found;
    return 0;
}
