#include "metrics/registry.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "metrics/arena.h"
#include "metrics/bucket_table.h"
#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/progress_cell.h"
#include "metrics/set_cell.h"
#include "metrics/slot.h"

/* Series stand in segments of 1024 * 2^k that never move. */
enum {
    FIRST_SEGMENT_LOG2 = 10,
    SEGMENTS = 19,
    NUMBER_BITS = 29
};

#define ARENA_BYTES ((size_t)16 << 30)

typedef struct {
    Series *segment[SEGMENTS]; /* each written under the mutex before `count` covers it */
    _Atomic uint32_t count;    /* series that readers may see */
} SeriesTable;

struct Registry {
    pthread_mutex_t lock; /* guards all but the atomics */
    HashKey hash_key;
    Arena arena;
    BucketTable series; /* values: kind << NUMBER_BITS | (number + 1) */
    uint32_t total;     /* series of all kinds */
    _Atomic uint32_t max_series;
    _Atomic size_t memory_bytes;
    SeriesTable tables[SERIES_KINDS];
};

int registry_create(Registry **registry, uint32_t max_series)
{
    Registry *r = calloc(1, sizeof *r);
    if (r == NULL)
        return -ENOMEM;
    int error = hash_key_random(&r->hash_key);
    if (error == 0)
        error = arena_init(&r->arena, ARENA_BYTES);
    if (error == 0)
        error = bucket_table_init(&r->series, 2); /* off the hot path: memory counts more */
    if (error == 0)
        error = -pthread_mutex_init(&r->lock, NULL);
    if (error != 0) {
        bucket_table_fini(&r->series);
        arena_fini(&r->arena);
        free(r);
        return error;
    }
    registry_set_max_series(r, max_series);
    *registry = r;
    return 0;
}

void registry_destroy(Registry *r)
{
    if (r == NULL)
        return;
    pthread_mutex_destroy(&r->lock);
    bucket_table_fini(&r->series);
    arena_fini(&r->arena);
    free(r);
}

void registry_set_max_series(Registry *r, uint32_t max_series)
{
    /* relaxed: a limit by itself; who reads the old one is a moment late. */
    atomic_store_explicit(&r->max_series, max_series, memory_order_relaxed);
}

uint32_t registry_max_series(const Registry *r)
{
    return atomic_load_explicit(&r->max_series, memory_order_relaxed); /* relaxed: as above */
}

size_t registry_memory_bytes(const Registry *r)
{
    return atomic_load_explicit(&r->memory_bytes, memory_order_relaxed); /* relaxed: a figure */
}

/* ---- reading, without the mutex ---- */

/* => where number i stands: its segment, and the place in it. */
static uint32_t locate(uint32_t i, unsigned *segment)
{
    uint64_t shifted = (uint64_t)i + (1U << FIRST_SEGMENT_LOG2);
    unsigned log2 = 63 - (unsigned)__builtin_clzll(shifted);
    *segment = log2 - FIRST_SEGMENT_LOG2;
    return (uint32_t)(shifted - (UINT64_C(1) << log2));
}

uint32_t registry_count(const Registry *r, SeriesKind kind)
{
    /* acquire: pairs with the release in table_append(): the series below it are complete. */
    return atomic_load_explicit(&r->tables[kind].count, memory_order_acquire);
}

const Series *registry_at(const Registry *r, SeriesKind kind, uint32_t number)
{
    unsigned segment;
    uint32_t place = locate(number, &segment);
    return &r->tables[kind].segment[segment][place];
}

/* ---- adding, under the mutex ---- */

/* To be called after memory was taken. */
static void count_memory(Registry *r)
{
    /* relaxed: a figure for people. */
    atomic_store_explicit(&r->memory_bytes, r->arena.used + bucket_table_bytes(&r->series),
                          memory_order_relaxed);
}

/* => the kind's cell that all threads share, ready for use; NULL: the kind has none, or no memory. */
static void *make_shared_cell(Registry *r, SeriesKind kind)
{
    static const size_t sizes[SERIES_KINDS] = {
        [SERIES_GAUGE] = sizeof(GaugeCell),
        [SERIES_SET] = sizeof(SetCell),
        [SERIES_FLAG] = sizeof(FlagCell),
        [SERIES_PROGRESS] = sizeof(ProgressCell),
    };
    void *cell = sizes[kind] == 0 ? NULL : arena_alloc(&r->arena, sizes[kind], sizeof(int64_t));
    if (cell != NULL && kind == SERIES_GAUGE)
        gauge_cell_init(cell);
    return cell;
}

/* => the next free place of a table, or NULL: no memory. */
static Series *table_place(Registry *r, SeriesTable *table)
{
    /* relaxed: written under the mutex that this thread holds. */
    uint32_t number = atomic_load_explicit(&table->count, memory_order_relaxed);
    unsigned segment;
    uint32_t place = locate(number, &segment);
    if (segment >= SEGMENTS)
        return NULL;
    if (table->segment[segment] == NULL) {
        size_t bytes = sizeof(Series) << (FIRST_SEGMENT_LOG2 + segment);
        table->segment[segment] = arena_alloc(&r->arena, bytes, 64);
        if (table->segment[segment] == NULL)
            return NULL;
    }
    return &table->segment[segment][place];
}

static uint32_t hash_of(const Registry *r, const char *id, size_t length, SeriesKind kind)
{
    return (uint32_t)(hash_bytes(&r->hash_key, id, length, (uint64_t)kind) >> 32);
}

/* What a value of the hash table names. */
static Series *value_series(const Registry *r, uint32_t value)
{
    SeriesKind kind = (SeriesKind)(value >> NUMBER_BITS);
    uint32_t number = (value & ((1U << NUMBER_BITS) - 1)) - 1;
    unsigned segment;
    uint32_t place = locate(number, &segment);
    return &r->tables[kind].segment[segment][place];
}

typedef struct {
    const Registry *registry;
    const char *id;
    size_t length;
    SeriesKind kind;
} Question;

static bool is_series(const void *context, uint32_t value)
{
    const Question *question = context;
    const Series *series = value_series(question->registry, value);
    return series->kind == question->kind && series->id_length == question->length &&
           bytes_equal(series->id, question->id, question->length);
}

/* => a copy that lives as long as the registry; NULL: no memory. */
static const char *keep_id(Registry *r, const char *id, size_t length)
{
    char *copy = arena_alloc(&r->arena, length, 1);
    return copy == NULL ? NULL : memcpy(copy, id, length);
}

/* Adds the series, with the id that is kept or a copy of `id`. => 0, -EDQUOT or -ENOMEM; then nothing
 * has changed. */
static int add(Registry *r, const SeriesKey *key, const char *id, size_t id_length,
               const char *kept, uint32_t hash, Series **out)
{
    SeriesTable *table = &r->tables[key->kind];
    if (r->total >= registry_max_series(r))
        return -EDQUOT;
    if (bucket_table_reserve(&r->series) != 0)
        return -ENOMEM;
    Series *series = table_place(r, table);
    if (series == NULL)
        return -ENOMEM;
    if (kept == NULL)
        kept = keep_id(r, id, id_length);
    if (kept == NULL)
        return -ENOMEM;
    void *shared = make_shared_cell(r, key->kind);
    if (shared == NULL && key->kind != SERIES_STATS && key->kind != SERIES_COUNTER)
        return -ENOMEM;

    *series = (Series){.id = kept,
                       .id_length = (uint16_t)id_length,
                       .name_length = (uint8_t)key->name_length,
                       .kind = (uint8_t)key->kind,
                       .shared = shared};
    /* relaxed: written under the mutex that this thread holds. */
    uint32_t number = atomic_load_explicit(&table->count, memory_order_relaxed);
    bucket_table_insert(&r->series, hash, (uint32_t)key->kind << NUMBER_BITS | (number + 1));
    /* release: pairs with the acquire in registry_count(). */
    atomic_store_explicit(&table->count, number + 1, memory_order_release);
    r->total++;
    count_memory(r);
    *out = series;
    return 0;
}

int registry_find_or_add(Registry *r, const SeriesKey *key, const char *id, Series **series)
{
    char text[SERIES_ID_MAX];
    size_t length = key->name_length;
    memcpy(text, key->name, key->name_length);
    if (key->tags_length != 0) {
        text[length++] = '|';
        text[length++] = '#';
        memcpy(text + length, key->tags, key->tags_length);
        length += key->tags_length;
    }
    uint32_t hash = hash_of(r, text, length, key->kind);

    int error = 0;
    pthread_mutex_lock(&r->lock);
    const Question question = {r, text, length, key->kind};
    uint32_t value = bucket_table_find(&r->series, hash, is_series, &question);
    if (value != 0)
        *series = value_series(r, value);
    else
        error = add(r, key, text, length, id, hash, series);
    pthread_mutex_unlock(&r->lock);
    return error;
}

void registry_link_slot(Registry *r, Series *series, Slot *slot)
{
    pthread_mutex_lock(&r->lock);
    /* relaxed: written under the mutex that this thread holds. */
    slot->next = atomic_load_explicit(&series->slots, memory_order_relaxed);
    /* release: publishes the slot; pairs with the acquire in snapshot.c. */
    atomic_store_explicit(&series->slots, slot, memory_order_release);
    pthread_mutex_unlock(&r->lock);
}

int registry_grow_set(Registry *r, const Series *series)
{
    SetCell *cell = series->shared;
    int error = 0;
    pthread_mutex_lock(&r->lock);
    /* relaxed: only written under the mutex that this thread holds. */
    if (atomic_load_explicit(&cell->sketch, memory_order_relaxed) == NULL) {
        SetSketch *sketch = arena_alloc(&r->arena, sizeof *sketch, 64);
        if (sketch == NULL)
            error = -ENOMEM;
        else
            set_cell_grow(cell, sketch);
        count_memory(r);
    }
    pthread_mutex_unlock(&r->lock);
    return error;
}
