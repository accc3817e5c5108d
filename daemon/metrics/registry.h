/* All series, of all threads: who they are, in the order in which they were first seen, and where
 * their cells are.
 *
 * Writers are the ingest threads, and only when they meet a series for the first time: they hold a
 * mutex for one probe of a hash table. Readers never take it: a series is complete before the count
 * that covers it is published, and it never moves.
 *
 *                          | find_or_add | link_slot, grow_set | count, at
 *   find_or_add            |    mutex    |        mutex        |   safe
 *   link_slot, grow_set    |    mutex    |        mutex        |   safe
 *   count, at              |    safe     |        safe         |   safe
 */
#ifndef METRICS_REGISTRY_H
#define METRICS_REGISTRY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/series.h"

enum {
    SERIES_NAME_MAX = 255,  /* bytes */
    SERIES_TAGS_MAX = 1024, /* bytes, as received and so also sorted */
    SERIES_ID_MAX = SERIES_NAME_MAX + 2 + SERIES_TAGS_MAX,
};

typedef struct Registry Registry;
struct Slot;

/* One series, for all threads. All but `slots` is written before it can be seen, and never again. */
typedef struct {
    const char *id; /* as in SeriesView */
    uint16_t id_length;
    uint8_t name_length;
    uint8_t kind; /* SeriesKind */
    void *shared; /* gauge, set, flag, progress: the cell; stats, counter: NULL */
    /* stats, counter: the latest thread's slot (struct Slot); the others hang on it. Pushed with
     * release under the registry's mutex; whoever walks them acquires. */
    _Atomic(const struct Slot *) slots;
} Series;

/* What identifies a series. Not zero-terminated. `tags` are without the "|#", in any order, with
 * repeats and empty items, or of length 0. */
typedef struct {
    SeriesKind kind;
    const char *name;
    size_t name_length; /* 1 to SERIES_NAME_MAX */
    const char *tags;
    size_t tags_length; /* 0 to SERIES_TAGS_MAX */
} SeriesKey;

/* => 0 or negative errno. `max_series`: how many series of all kinds together may exist. */
int registry_create(Registry **registry, uint32_t max_series);

/* Frees everything that the registry holds. NULL is allowed. No other thread may be using it. */
void registry_destroy(Registry *registry);

/* Finds the series, or adds it. Its tags must be canonical (tags_canonical()). `id`: the bytes of its
 * id, if the caller keeps them for as long as anybody uses the registry; NULL: a new series gets a copy.
 * => 0; -EDQUOT: unknown, and there are max_series already; -ENOMEM. Any thread; takes the mutex. */
int registry_find_or_add(Registry *registry, const SeriesKey *key, const char *id, Series **series);

/* Makes a thread's slot of a stats or counter series part of what readers see. The slot is complete
 * but for `next`, which is set here. Any thread; takes the mutex. */
void registry_link_slot(Registry *registry, Series *series, struct Slot *slot);

/* Gives a full set series a sketch (set_cell_grow()). => 0 or -ENOMEM. Any thread; takes the mutex. */
int registry_grow_set(Registry *registry, const Series *series);

/* ---- limits and figures; any thread ---- */

void registry_set_max_series(Registry *registry, uint32_t max_series);
uint32_t registry_max_series(const Registry *registry);

/* => series of this kind that a walk can see. Everything about them is visible to the caller. */
uint32_t registry_count(const Registry *registry, SeriesKind kind);

/* => the series of this kind with this number, below what registry_count() returned. */
const Series *registry_at(const Registry *registry, SeriesKind kind, uint32_t number);

/* => bytes held for series, ids and shared cells, without the threads' own cells. */
size_t registry_memory_bytes(const Registry *registry);

#endif
