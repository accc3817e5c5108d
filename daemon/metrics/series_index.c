#include "metrics/series_index.h"

#include <errno.h>
#include <string.h>

#include "metrics/tags.h"

/* Addresses set aside, not memory. A slot's number could name eight times as much. */
#define ARENA_BYTES ((size_t)16 << 30)

enum {
    FREED_AT_ONCE = 64 /* slots that came back, looked at by one addition: microseconds */
};

int series_index_init(SeriesIndex *index, Registry *registry)
{
    *index = (SeriesIndex){.registry = registry};
    int error = hash_key_random(&index->hash_key);
    if (error == 0)
        error = bucket_table_init(&index->table, 3);
    if (error == 0)
        error = arena_store_open(registry_store(registry), ARENA_SLOTS, ARENA_BYTES, &index->arena);
    /* The first unit stays unused, so that no slot has number 0: that is a free bucket. */
    if (error == 0 && arena_alloc(&index->arena, SLOT_ALIGNMENT, SLOT_ALIGNMENT) == NULL)
        error = -ENOMEM;
    if (error != 0) {
        bucket_table_fini(&index->table);
        arena_fini(&index->arena);
        *index = (SeriesIndex){0};
        return error;
    }
    blocks_init(&index->slots, &index->arena, SLOT_ALIGNMENT);
    blocks_init(&index->keys, &index->arena, sizeof(uint64_t));
    index->owner.begin = index->arena.base;
    index->owner.end = index->arena.base + index->arena.reserved;
    registry_enter(registry, &index->owner);
    return 0;
}

void series_index_fini(SeriesIndex *index)
{
    if (index->registry == NULL)
        return;
    registry_exit(index->registry, &index->owner);
    bucket_table_fini(&index->table);
    arena_fini(&index->arena);
    index->registry = NULL;
}

size_t series_index_memory_bytes(const SeriesIndex *index)
{
    return atomic_load_explicit(&index->memory_bytes, memory_order_relaxed); /* relaxed: a figure */
}

void series_index_tick(SeriesIndex *index, uint32_t now_s)
{
    index->now_s = now_s;
}

/* ---- slots: the slow path ---- */

static size_t slot_bytes(const Slot *slot)
{
    if (slot_is_alias(slot))
        return sizeof(RefSlot);
    return slot_kind(slot) == SERIES_STATS     ? sizeof(StatsSlot)
           : slot_kind(slot) == SERIES_COUNTER ? sizeof(CounterSlot)
                                               : sizeof(RefSlot);
}

static void free_slot(SeriesIndex *index, Slot *slot)
{
    if ((slot->shape & SLOT_KEY_OUTSIDE) != 0)
        blocks_give(&index->keys, slot->key.outside, slot_key_length(slot));
    blocks_give(&index->slots, slot, slot_bytes(slot));
}

/* Frees some of the slots of expired series. */
static void free_returned(SeriesIndex *index)
{
    if (index->returned == NULL)
        index->returned = slot_owner_take(&index->owner);
    for (int i = 0; i < FREED_AT_ONCE && index->returned != NULL; i++) {
        Slot *slot = index->returned;
        index->returned = slot->next;
        free_slot(index, slot);
    }
}

/* Makes what is behind a slot's head an empty cell that is sound. A shared cell begins elsewhere. */
static void begin_cell(const SeriesIndex *index, Slot *slot)
{
    if (slot_is_alias(slot))
        return;
    /* Stats are checked in files only (record.h). */
    if (slot_kind(slot) == SERIES_STATS && registry_store(index->registry) != NULL)
        astats_cell_begin_checked(&((StatsSlot *)slot)->cell);
    else if (slot_kind(slot) == SERIES_COUNTER)
        counter_cell_begin(&((CounterSlot *)slot)->cell);
}

/* => a slot with this key and nothing behind it yet; NULL: no memory. `flags`: of Slot.shape. */
static Slot *make_slot(SeriesIndex *index, const SeriesKey *key, uint32_t flags)
{
    size_t length = key->name_length + key->tags_length;
    if (length > SLOT_KEY_INLINE)
        flags |= SLOT_KEY_OUTSIDE;
    const Slot head = {.shape = slot_shape(key) | flags, .touched = index->now_s};
    free_returned(index);
    Slot *slot = blocks_take(&index->slots, slot_bytes(&head));
    if (slot == NULL)
        return NULL;
    *slot = head;
    begin_cell(index, slot);
    char *bytes = slot->key.inside;
    if ((flags & SLOT_KEY_OUTSIDE) != 0) {
        bytes = slot->key.outside = blocks_take(&index->keys, length);
        if (bytes == NULL) {
            blocks_give(&index->slots, slot, slot_bytes(&head));
            return NULL;
        }
    }
    memcpy(bytes, key->name, key->name_length);
    if (key->tags_length != 0)
        memcpy(bytes + key->name_length, key->tags, key->tags_length);
    return slot;
}

static uint32_t slot_number(const SeriesIndex *index, const Slot *slot)
{
    uint64_t offset = (uint64_t)((const char *)slot - index->arena.base);
    return (uint32_t)(offset / SLOT_ALIGNMENT);
}

/* Puts a slot into the table, which has room. */
static void insert_slot(SeriesIndex *index, const Slot *slot, uint32_t hash)
{
    bucket_table_insert(&index->table, hash, slot_number(index, slot));
    /* relaxed: a figure for people. */
    atomic_store_explicit(&index->memory_bytes,
                          index->arena.used + bucket_table_bytes(&index->table),
                          memory_order_relaxed);
}

static void remove_slot(SeriesIndex *index, const Slot *slot)
{
    const SeriesKey key = slot_key(slot);
    (void)bucket_table_remove(&index->table, series_index_hash(index, &key),
                              slot_number(index, slot));
}

/* ---- adding ---- */

/* Makes this thread's slot for a canonical key that it does not know. => 0, -EDQUOT or -ENOMEM; then
 * no memory is taken, however often somebody tries. */
static int add_slot(SeriesIndex *index, const SeriesKey *key, uint32_t hash, Slot **out)
{
    int error = bucket_table_reserve(&index->table);
    Slot *slot = error == 0 ? make_slot(index, key, 0) : NULL;
    if (slot == NULL)
        return -ENOMEM;
    Slot *joined = NULL;
    error = registry_join(index->registry, &index->owner, slot, &joined);
    if (joined != slot)
        free_slot(index, slot);
    if (error != 0)
        return error;
    joined->touched = index->now_s;
    insert_slot(index, joined, hash);
    *out = joined;
    return 0;
}

/* Remembers another spelling, if there is still room for one. Without, nothing is lost but time. */
static void add_alias(SeriesIndex *index, const SeriesKey *spelling, uint32_t hash, Slot *slot)
{
    if (index->aliases >= registry_max_series(index->registry) ||
        bucket_table_reserve(&index->table) != 0)
        return;
    Slot *alias = make_slot(index, spelling, SLOT_ALIAS);
    if (alias == NULL)
        return;
    ((RefSlot *)alias)->target = slot;
    alias->next = index->first_alias;
    index->first_alias = alias;
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
    found->touched = index->now_s; /* not older than its alias */
    add_alias(index, key, hash, found);
    *slot = found;
    return 0;
}

/* ---- forgetting ---- */

void series_index_drop_alias(SeriesIndex *index, Slot **link)
{
    Slot *alias = *link;
    *link = alias->next;
    remove_slot(index, alias);
    free_slot(index, alias);
    index->aliases--;
}

void series_index_drop(SeriesIndex *index, Slot *slot)
{
    remove_slot(index, slot);
    registry_leave(index->registry, slot);
}
