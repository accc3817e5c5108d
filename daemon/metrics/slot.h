/* A slot: what ONE ingest thread keeps of one series. Its key, so that a look-up needs no other
 * memory, and behind it the thread's own cell or the address of the shared one.
 *
 * A slot is written by its thread before it is linked or indexed, and does not change or move after
 * that; only the cell in it and `touched` live on. Other threads reach it through its series
 * (Series.slots), until the series has expired and the slot goes back to its thread. */
#ifndef METRICS_SLOT_H
#define METRICS_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <atomicstats/cell.h>
#include <atomicstats/check.h>

#include "base/bytes.h"
#include "metrics/counter_cell.h"
#include "metrics/series.h"

enum {
    SLOT_KEY_INLINE = 32,
    SLOT_ALIGNMENT = 32
};

/* Slot.shape: the lengths and the kind of a key in one word, so that one comparison tells most keys
 * apart. */
enum {
    SLOT_NAME_SHIFT = 11, /* below: the length of name and tags together */
    SLOT_KIND_SHIFT = 19,
    SLOT_DEPTH_SHIFT = 24,     /* the uppermost 8 bits: slot_depth() */
    SLOT_ALIAS = 1 << 22,      /* another spelling of the tags: RefSlot.target is the real slot */
    SLOT_KEY_OUTSIDE = 1 << 23 /* the key is longer than SLOT_KEY_INLINE: key.outside */
};

typedef struct Slot Slot;

struct Slot {
    uint32_t shape;
    uint32_t touched; /* SeriesIndex.now_s of the latest value; for its thread alone */
    Slot *next;       /* the next thread's slot of the same series; written before the link. An
                         alias': the next alias of its thread */
    union {
        char inside[SLOT_KEY_INLINE];
        char *outside;
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

/* Gauges, sets, flags, progress: `target` is the shared cell. Aliases: the real slot. */
typedef struct {
    Slot slot;
    void *target;
    uint64_t check; /* of `target`; not of an alias */
} RefSlot;

_Static_assert(sizeof(Slot) == 48, "a slot's head and a cell's seq and shift fill one line");
_Static_assert(sizeof(StatsSlot) == 160, "a stats slot is two and a half lines");
_Static_assert(sizeof(CounterSlot) <= 96, "a counter slot is at most one and a half lines");
_Static_assert(sizeof(RefSlot) <= 64, "a reference is at most one line");
_Static_assert(SERIES_NAME_MAX + SERIES_TAGS_MAX < 1 << SLOT_NAME_SHIFT, "its bits hold every key");
_Static_assert(SERIES_NAME_MAX < 1 << (SLOT_KIND_SHIFT - SLOT_NAME_SHIFT), "and every name");
_Static_assert(SERIES_KINDS <= 1 << 3, "and every kind");

/* => Slot.shape of a key, without the two flags. */
static inline uint32_t slot_shape(const SeriesKey *key)
{
    return (uint32_t)(key->name_length + key->tags_length) |
           (uint32_t)key->name_length << SLOT_NAME_SHIFT | (uint32_t)key->kind << SLOT_KIND_SHIFT;
}

/* => which one from the end a slot is in its series' list: 1 to 255, and from 1 again; 0: it is in none. So a list
 * that was cut off in memory that outlived the process is found out. */
static inline unsigned slot_depth(const Slot *slot)
{
    return slot->shape >> SLOT_DEPTH_SHIFT;
}

/* => the depth of what comes before a slot of this depth; 0: of the end. */
static inline unsigned slot_depth_before(unsigned depth)
{
    return depth % 255 + 1;
}

/* Makes `next` (NULL: none) follow the slot. Before the slot is linked. */
static inline void slot_link(Slot *slot, Slot *next)
{
    unsigned depth = slot_depth_before(next != NULL ? slot_depth(next) : 0);
    slot->next = next;
    slot->shape = (slot->shape & ((1U << SLOT_DEPTH_SHIFT) - 1)) | depth << SLOT_DEPTH_SHIFT;
}

/* => RefSlot.check of a slot that stands, or stood, at `address`. */
static inline uint64_t ref_slot_check(uintptr_t address, uintptr_t target)
{
    const uint64_t words[] = {target};
    return astats_check(address, 1, words, 1);
}

/* Makes the slot lead to a shared cell. Before it is linked. */
static inline void ref_slot_aim(Slot *slot, void *cell)
{
    RefSlot *ref = (RefSlot *)slot;
    ref->target = cell;
    ref->check = ref_slot_check((uintptr_t)slot, (uintptr_t)cell);
}

static inline size_t slot_key_length(const Slot *slot)
{
    return slot->shape & ((1U << SLOT_NAME_SHIFT) - 1);
}

static inline size_t slot_name_length(const Slot *slot)
{
    return slot->shape >> SLOT_NAME_SHIFT & ((1U << (SLOT_KIND_SHIFT - SLOT_NAME_SHIFT)) - 1);
}

static inline SeriesKind slot_kind(const Slot *slot)
{
    return (SeriesKind)(slot->shape >> SLOT_KIND_SHIFT & 7);
}

static inline bool slot_is_alias(const Slot *slot)
{
    return (slot->shape & SLOT_ALIAS) != 0;
}

static inline const char *slot_key_bytes(const Slot *slot)
{
    return (slot->shape & SLOT_KEY_OUTSIDE) != 0 ? slot->key.outside : slot->key.inside;
}

/* => the key, in the slot's own memory. */
static inline SeriesKey slot_key(const Slot *slot)
{
    size_t name_length = slot_name_length(slot);
    return (SeriesKey){.kind = slot_kind(slot),
                       .name = slot_key_bytes(slot),
                       .name_length = name_length,
                       .tags = slot_key_bytes(slot) + name_length,
                       .tags_length = slot_key_length(slot) - name_length};
}

/* => whether the slot's key is this one, byte by byte. */
static inline bool slot_is(const Slot *slot, const SeriesKey *key)
{
    if ((slot->shape & (SLOT_ALIAS - 1)) != slot_shape(key))
        return false;
    const char *bytes = slot_key_bytes(slot);
    return bytes_equal(bytes, key->name, key->name_length) &&
           bytes_equal(bytes + key->name_length, key->tags, key->tags_length);
}

#endif
