/* A slot: what ONE ingest thread keeps of one series. Its key, so that a look-up needs no other
 * memory, and behind it the thread's own cell or the address of the shared one.
 *
 * A slot is written by its thread before it is linked or indexed, and never changes or moves after
 * that; only the cell in it lives on. Other threads reach it through its series (Series.slots). */
#ifndef METRICS_SLOT_H
#define METRICS_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <atomicstats/cell.h>

#include "base/bytes.h"
#include "metrics/counter_cell.h"
#include "metrics/registry.h"

enum {
    SLOT_KEY_INLINE = 32,
    SLOT_ALIGNMENT = 32
};

typedef struct Slot Slot;

struct Slot {
    uint16_t key_length; /* name and tags */
    uint8_t name_length;
    uint8_t kind;     /* SeriesKind */
    bool alias;       /* another spelling of the tags: RefSlot.target is the real slot */
    bool key_outside; /* the key is longer than SLOT_KEY_INLINE: key.outside */
    const Slot *next; /* the next thread's slot of the same series; written before the link */
    union {
        char inside[SLOT_KEY_INLINE];
        const char *outside;
    } key; /* name, then tags without "|#"; not zero-terminated */
};

typedef struct {
    Slot slot;
    AstatsCell cell;
} StatsSlot;

typedef struct {
    Slot slot;
    CounterCell cell;
} CounterSlot;

/* Gauges, flags, progress: `target` is the shared cell. Sets: the Series, since a set may have to grow
 * (registry_grow_set()). Aliases: the real slot. */
typedef struct {
    Slot slot;
    void *target;
} RefSlot;

_Static_assert(sizeof(Slot) == 48, "a slot's head and a cell's seq and shift fill one line");
_Static_assert(sizeof(StatsSlot) == 160, "a stats slot is two and a half lines");
_Static_assert(sizeof(CounterSlot) <= 96, "a counter slot is at most one and a half lines");
_Static_assert(sizeof(RefSlot) <= 64, "a reference is at most one line");
_Static_assert(SERIES_NAME_MAX + SERIES_TAGS_MAX <= UINT16_MAX, "key_length holds every key");
_Static_assert(SERIES_NAME_MAX <= UINT8_MAX, "name_length holds every name");

static inline const char *slot_key(const Slot *slot)
{
    return slot->key_outside ? slot->key.outside : slot->key.inside;
}

/* => whether the slot's key is this one, byte by byte. */
static inline bool slot_is(const Slot *slot, const SeriesKey *key)
{
    if (slot->kind != key->kind || slot->name_length != key->name_length ||
        slot->key_length != key->name_length + key->tags_length)
        return false;
    const char *bytes = slot_key(slot);
    return bytes_equal(bytes, key->name, key->name_length) &&
           bytes_equal(bytes + key->name_length, key->tags, key->tags_length);
}

#endif
