/* The slots of an ingest thread, made by hand; a registry and two such threads; and a system that gives
 * no more memory. For tests of what lies under series_index.c. */
#ifndef TESTS_UNIT_FIXTURE_REGISTRY_H
#define TESTS_UNIT_FIXTURE_REGISTRY_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "metrics/arena.h"
#include "metrics/blocks.h"
#include "metrics/registry.h"
#include "metrics/slot.h"

/* While it is set, no more pages become usable: arenas and tables cannot grow. */
static bool fixture_no_memory;

/* In place of the C library's, for all that is linked into the test. */
int mprotect(void *start, size_t bytes, int protection)
{
    if (fixture_no_memory) {
        errno = ENOMEM;
        return -1;
    }
    return (int)syscall(SYS_mprotect, start, bytes, protection);
}

typedef struct {
    Registry *registry; /* that knows the owner */
    Arena arena;
    Blocks slots; /* both of `arena` */
    Blocks keys;
    SlotOwner owner;
} FixtureOwner;

/* `registry`: NULL if none shall know it. */
static inline void fixture_owner_init(FixtureOwner *o, Registry *registry)
{
    memset(o, 0, sizeof *o);
    assert_int_equal(0, arena_init(&o->arena, (size_t)1 << 30));
    blocks_init(&o->slots, &o->arena, SLOT_ALIGNMENT);
    blocks_init(&o->keys, &o->arena, sizeof(uint64_t));
    o->owner.begin = o->arena.base;
    o->owner.end = o->arena.base + o->arena.reserved;
    o->registry = registry;
    if (registry != NULL)
        registry_enter(registry, &o->owner);
}

static inline void fixture_owner_fini(FixtureOwner *o)
{
    if (o->registry != NULL)
        registry_exit(o->registry, &o->owner);
    arena_fini(&o->arena);
}

static inline SeriesKey fixture_key(SeriesKind kind, const char *name, const char *tags)
{
    return (SeriesKey){kind, name, strlen(name), tags, strlen(tags)};
}

/* => a slot with a copy of the key, and nothing behind it. */
static inline Slot *fixture_slot_of(FixtureOwner *o, const SeriesKey *key)
{
    size_t length = key->name_length + key->tags_length;
    Slot *slot = blocks_take(&o->slots, sizeof(StatsSlot));
    assert_non_null(slot);
    slot->shape = slot_shape(key);
    char *bytes = slot->key.inside;
    if (length > SLOT_KEY_INLINE) {
        slot->shape |= SLOT_KEY_OUTSIDE;
        bytes = slot->key.outside = blocks_take(&o->keys, length);
        assert_non_null(bytes);
    }
    memcpy(bytes, key->name, key->name_length);
    memcpy(bytes + key->name_length, key->tags, key->tags_length);
    return slot;
}

static inline Slot *fixture_slot(FixtureOwner *o, SeriesKind kind, const char *name,
                                 const char *tags)
{
    const SeriesKey key = fixture_key(kind, name, tags);
    return fixture_slot_of(o, &key);
}

static inline void fixture_slot_free(FixtureOwner *o, Slot *slot)
{
    if ((slot->shape & SLOT_KEY_OUTSIDE) != 0)
        blocks_give(&o->keys, slot->key.outside, slot_key_length(slot));
    blocks_give(&o->slots, slot, sizeof(StatsSlot));
}

/* Frees what came back. => how many. */
static inline uint32_t fixture_free_returned(FixtureOwner *o)
{
    uint32_t count = 0;
    Slot *slot = slot_owner_take(&o->owner);
    while (slot != NULL) {
        Slot *next = slot->next;
        assert_true(slot_owner_has(&o->owner, slot));
        fixture_slot_free(o, slot);
        slot = next;
        count++;
    }
    return count;
}

/* ---- a registry and two owners ---- */

typedef struct {
    Registry *registry;
    FixtureOwner owner[2];
} FixtureRegistry;

static inline FixtureRegistry *fixture_registry_init(uint32_t max_series)
{
    FixtureRegistry *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    assert_int_equal(0, registry_create(&fixture->registry, max_series));
    for (int who = 0; who < 2; who++)
        fixture_owner_init(&fixture->owner[who], fixture->registry);
    return fixture;
}

static inline void fixture_registry_fini(FixtureRegistry *fixture)
{
    for (int who = 0; who < 2; who++)
        fixture_owner_fini(&fixture->owner[who]);
    registry_destroy(fixture->registry);
    free(fixture);
}

static inline int fixture_try_join(FixtureRegistry *fixture, int who, const SeriesKey *key,
                                   Slot **joined)
{
    FixtureOwner *o = &fixture->owner[who];
    Slot *slot = fixture_slot_of(o, key);
    int error = registry_join(fixture->registry, &o->owner, slot, joined);
    if (error != 0 || *joined != slot)
        fixture_slot_free(o, slot);
    return error;
}

static inline Slot *fixture_join(FixtureRegistry *fixture, int who, SeriesKind kind,
                                 const char *name, const char *tags)
{
    const SeriesKey key = fixture_key(kind, name, tags);
    Slot *joined = NULL;
    assert_int_equal(0, fixture_try_join(fixture, who, &key, &joined));
    assert_non_null(joined);
    assert_true(slot_owner_has(&fixture->owner[who].owner, joined));
    assert_true(slot_is(joined, &key));
    return joined;
}

/* => the nth series of that kind in a walk, expired ones included; NULL: there are fewer. */
static inline const Series *fixture_nth(Registry *registry, SeriesKind kind, uint32_t n)
{
    SeriesWalk walk;
    registry_lock_walks(registry);
    registry_walk(registry, kind, &walk);
    const Series *series = series_walk_next(&walk);
    while (series != NULL && n-- > 0)
        series = series_walk_next(&walk);
    series_walk_end(&walk);
    registry_unlock_walks(registry);
    return series;
}

static inline const Slot *fixture_first_slot(const Series *series)
{
    return atomic_load_explicit(&series->slots, memory_order_relaxed); /* relaxed: one thread */
}

static inline uint32_t fixture_count_all(const Registry *registry)
{
    uint32_t total = 0;
    for (int kind = 0; kind < SERIES_KINDS; kind++)
        total += registry_count(registry, (SeriesKind)kind);
    return total;
}

#endif
