#include "metrics/registry.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/blocks.h"
#include "metrics/id_table.h"
#include "metrics/shared_cells.h"
#include "metrics/slot.h"

#define ARENA_BYTES ((size_t)16 << 30)

enum {
    RECLAIM_PIECE = 64 /* series that are freed under one hold of the mutexes */
};

struct Registry {
    pthread_mutex_t walks; /* the readers'; taken before `lock` by who needs both */
    pthread_mutex_t lock;  /* the writers'; guards all that follows but the atomics */
    Arena arena;
    Blocks blocks;      /* ids and shared cells */
    SharedCells shared; /* of `blocks` */
    ArenaStore *store;
    SeriesTable *table; /* in the arena, of which it is the root */
    IdTable ids;        /* of `table` */
    SlotOwner *owners;
    uint32_t total;         /* series of all kinds that have not expired */
    uint32_t expired_first; /* place; linked by the first slot's `touched`. 0: none */
    _Atomic uint32_t counts[SERIES_KINDS];
    _Atomic uint64_t expired;
    _Atomic uint32_t max_series;
    _Atomic uint32_t expire_after_s;
    _Atomic size_t memory_bytes;
};

static int open_locks(Registry *r)
{
    int error = -pthread_mutex_init(&r->lock, NULL);
    if (error != 0)
        return error;
    error = -pthread_mutex_init(&r->walks, NULL);
    if (error != 0)
        pthread_mutex_destroy(&r->lock);
    return error;
}

static int open_arena(Registry *r)
{
    int error = arena_store_open(r->store, ARENA_SERIES, ARENA_BYTES, &r->arena);
    if (error != 0)
        return error;
    r->table = arena_alloc(&r->arena, sizeof *r->table, _Alignof(SeriesTable));
    if (r->table == NULL)
        return -ENOMEM;
    series_table_init(r->table);
    arena_set_root(&r->arena, r->table);
    return 0;
}

int registry_create(Registry **registry, uint32_t max_series)
{
    return registry_create_in(registry, max_series, NULL);
}

int registry_create_in(Registry **registry, uint32_t max_series, ArenaStore *store)
{
    Registry *r = calloc(1, sizeof *r);
    if (r == NULL)
        return -ENOMEM;
    r->store = store;
    int error = open_arena(r);
    if (error == 0)
        error = id_table_init(&r->ids, r->table);
    if (error == 0)
        error = open_locks(r);
    if (error != 0) {
        id_table_fini(&r->ids);
        arena_fini(&r->arena);
        free(r);
        return error;
    }
    blocks_init(&r->blocks, &r->arena, sizeof(int64_t));
    r->shared.blocks = &r->blocks;
    registry_set_max_series(r, max_series);
    *registry = r;
    return 0;
}

void registry_destroy(Registry *r)
{
    if (r == NULL)
        return;
    pthread_mutex_destroy(&r->walks);
    pthread_mutex_destroy(&r->lock);
    id_table_fini(&r->ids);
    arena_fini(&r->arena);
    free(r);
}

ArenaStore *registry_store(const Registry *r)
{
    return r->store;
}

/* ---- limits and figures: each stands alone, so relaxed is enough for all of them; who reads the old
 * one is a moment late ---- */

void registry_set_max_series(Registry *r, uint32_t max_series)
{
    atomic_store_explicit(&r->max_series, max_series, memory_order_relaxed);
}

uint32_t registry_max_series(const Registry *r)
{
    return atomic_load_explicit(&r->max_series, memory_order_relaxed);
}

void registry_set_expire_after(Registry *r, uint32_t seconds)
{
    atomic_store_explicit(&r->expire_after_s, seconds, memory_order_relaxed);
}

uint32_t registry_expire_after(const Registry *r)
{
    return atomic_load_explicit(&r->expire_after_s, memory_order_relaxed);
}

uint32_t registry_count(const Registry *r, SeriesKind kind)
{
    return atomic_load_explicit(&r->counts[kind], memory_order_relaxed);
}

uint64_t registry_expired(const Registry *r)
{
    return atomic_load_explicit(&r->expired, memory_order_relaxed);
}

size_t registry_memory_bytes(const Registry *r)
{
    return atomic_load_explicit(&r->memory_bytes, memory_order_relaxed);
}

/* To be called after memory was taken. */
static void count_memory(Registry *r)
{
    size_t bytes = r->arena.used + id_table_bytes(&r->ids);
    atomic_store_explicit(&r->memory_bytes, bytes, memory_order_relaxed);
}

/* Under the mutex. */
static void count_series(Registry *r, SeriesKind kind, bool more)
{
    uint32_t count = registry_count(r, kind);
    r->total += more ? 1 : UINT32_MAX;
    atomic_store_explicit(&r->counts[kind], more ? count + 1 : count - 1, memory_order_relaxed);
}

/* ---- owners ---- */

void registry_enter(Registry *r, SlotOwner *owner)
{
    pthread_mutex_lock(&r->lock);
    slot_owner_enter(&r->owners, owner);
    pthread_mutex_unlock(&r->lock);
}

void registry_exit(Registry *r, SlotOwner *owner)
{
    pthread_mutex_lock(&r->lock);
    slot_owner_exit(&r->owners, owner);
    pthread_mutex_unlock(&r->lock);
}

/* ---- adding, under the mutex ---- */

/* For what is written under the mutex. relaxed: the mutex orders it. */
static Slot *first_slot(const Series *series)
{
    return atomic_load_explicit(&series->slots, memory_order_relaxed);
}

static void count_live(Series *series, uint16_t more)
{
    /* relaxed: written under the mutex; a walk that is late shows what it found before. */
    uint16_t live = atomic_load_explicit(&series->live, memory_order_relaxed);
    atomic_store_explicit(&series->live, (uint16_t)(live + more), memory_order_relaxed);
}

/* => whether the id is a copy of its own. Without tags it is the slot's key: one copy of a name is
 * enough, and a slot stays as long as its series does. */
static bool id_is_copy(const Series *series)
{
    return series->id_length != series->name_length;
}

static void free_series(Registry *r, uint32_t place, void *shared)
{
    Series *series = series_table_at(r->table, place);
    if (id_is_copy(series))
        blocks_give(&r->blocks, series->id, series->id_length);
    if (series_kind_is_shared((SeriesKind)series->kind))
        shared_cells_give(&r->shared, (SeriesKind)series->kind, shared);
    series_table_give(r->table, place);
}

/* Fills a new series and its first slot. => 0 or -ENOMEM. */
static int fill(Registry *r, const IdQuestion *q, Slot *slot, Series *series)
{
    series->kind = (uint8_t)q->key.kind;
    series->name_length = (uint8_t)q->key.name_length;
    series->id_length = (uint16_t)q->id_length;
    series->id = (slot->shape & SLOT_KEY_OUTSIDE) != 0 ? slot->key.outside : slot->key.inside;
    if (id_is_copy(series)) {
        char *copy = blocks_take(&r->blocks, q->id_length);
        series->id = copy != NULL ? memcpy(copy, q->id, q->id_length) : NULL;
    }
    if (series->id == NULL)
        return -ENOMEM;
    series->check = series_check(series->kind, series->id, q->id_length, q->key.name_length);
    if (series_kind_is_shared(q->key.kind)) {
        void *cell = shared_cells_take(&r->shared, q->key.kind);
        if (cell == NULL)
            return -ENOMEM;
        ref_slot_aim(slot, cell);
    }
    return 0;
}

/* Adds the slot's series. => 0, -EDQUOT or -ENOMEM; then nothing has changed. */
static int add(Registry *r, const IdQuestion *q, Slot *slot)
{
    if (r->total >= registry_max_series(r))
        return -EDQUOT;
    if (id_table_reserve(&r->ids) != 0)
        return -ENOMEM;
    uint32_t place = series_table_take(r->table, &r->arena);
    if (place == 0)
        return -ENOMEM;
    Series *series = series_table_at(r->table, place);
    if (fill(r, q, slot, series) != 0) {
        free_series(r, place, NULL);
        return -ENOMEM;
    }
    slot_link(slot, NULL);
    /* relaxed: series_table_append() publishes all of it. */
    atomic_store_explicit(&series->slots, slot, memory_order_relaxed);
    count_live(series, 1);
    id_table_insert(&r->ids, q, place);
    series_table_append(r->table, place);
    count_series(r, q->key.kind, true);
    count_memory(r);
    return 0;
}

/* => the slot by which the owner is a part of the series: the one it had before it left, or this. */
static Slot *link_slot(Series *series, const SlotOwner *owner, Slot *slot)
{
    count_live(series, 1);
    for (Slot *old = first_slot(series); old != NULL; old = old->next) {
        if (slot_owner_has(owner, old))
            return old;
    }
    slot_link(slot, first_slot(series));
    if (series_kind_is_shared((SeriesKind)series->kind))
        ref_slot_aim(slot, ((RefSlot *)slot->next)->target);
    /* release: publishes the slot; pairs with the acquire in snapshot.c. */
    atomic_store_explicit(&series->slots, slot, memory_order_release);
    return slot;
}

int registry_join(Registry *r, SlotOwner *owner, Slot *slot, Slot **joined)
{
    IdQuestion q;
    int error = 0;
    id_question(&q, &r->ids, slot);
    pthread_mutex_lock(&r->lock);
    uint32_t place = id_table_find(&q);
    if (place != 0)
        *joined = link_slot(series_table_at(r->table, place), owner, slot);
    else if ((error = add(r, &q, slot)) == 0)
        *joined = slot;
    pthread_mutex_unlock(&r->lock);
    return error;
}

int registry_grow_set(Registry *r, SetCell *cell)
{
    pthread_mutex_lock(&r->lock);
    int error = shared_cells_grow_set(&r->shared, cell);
    count_memory(r);
    pthread_mutex_unlock(&r->lock);
    return error;
}

/* ---- leaving ---- */

/* Nobody has it in an index any more: from now on its name is free. */
static void expire(Registry *r, const IdQuestion *q, uint32_t place)
{
    Series *series = series_table_at(r->table, place);
    id_table_remove(&r->ids, q, place);
    series->check = (uint16_t)~series->check;
    first_slot(series)->touched = r->expired_first;
    r->expired_first = place;
    count_series(r, (SeriesKind)series->kind, false);
    atomic_store_explicit(&r->expired, registry_expired(r) + 1, memory_order_relaxed);
}

void registry_leave(Registry *r, const Slot *slot)
{
    IdQuestion q;
    id_question(&q, &r->ids, slot);
    pthread_mutex_lock(&r->lock);
    uint32_t place = id_table_find(&q);
    Series *series = series_table_at(r->table, place);
    if (atomic_load_explicit(&series->live, memory_order_relaxed) == 1) /* relaxed: the mutex */
        expire(r, &q, place);
    /* Who comes after a kill goes by the check, so that comes first. */
    atomic_signal_fence(memory_order_release);
    count_live(series, UINT16_MAX); /* one less */
    pthread_mutex_unlock(&r->lock);
}

/* ---- reclaiming, under both mutexes ---- */

static void reclaim_one(Registry *r)
{
    uint32_t place = r->expired_first;
    const Series *series = series_table_at(r->table, place);
    Slot *slot = first_slot(series);
    r->expired_first = slot->touched;
    series_table_remove(r->table, place);
    free_series(r, place,
                series_kind_is_shared((SeriesKind)series->kind) ? ((RefSlot *)slot)->target : NULL);
    while (slot != NULL) {
        Slot *next = slot->next;
        slot_owner_return(r->owners, slot);
        slot = next;
    }
}

void registry_reclaim(Registry *r)
{
    bool more;
    do {
        pthread_mutex_lock(&r->walks);
        pthread_mutex_lock(&r->lock);
        for (int i = 0; i < RECLAIM_PIECE && r->expired_first != 0; i++)
            reclaim_one(r);
        more = r->expired_first != 0;
        pthread_mutex_unlock(&r->lock);
        pthread_mutex_unlock(&r->walks);
    } while (more);
}

/* ---- walks ---- */

void registry_lock_walks(Registry *r)
{
    pthread_mutex_lock(&r->walks);
}

void registry_unlock_walks(Registry *r)
{
    pthread_mutex_unlock(&r->walks);
}

void registry_walk(Registry *r, SeriesKind kind, SeriesWalk *walk)
{
    series_walk_begin(walk, r->table, kind);
}
