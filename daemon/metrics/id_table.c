#include "metrics/id_table.h"

#include <string.h>

#include "base/bytes.h"

int id_table_init(IdTable *ids, const SeriesTable *series)
{
    *ids = (IdTable){.series = series};
    int error = hash_key_random(&ids->hash_key);
    /* Off the hot path: memory counts more than probes. */
    return error != 0 ? error : bucket_table_init(&ids->table, 2);
}

void id_table_fini(IdTable *ids)
{
    bucket_table_fini(&ids->table);
}

size_t id_table_bytes(const IdTable *ids)
{
    return bucket_table_bytes(&ids->table);
}

void id_question(IdQuestion *q, const IdTable *ids, const Slot *slot)
{
    q->ids = ids;
    q->key = slot_key(slot);
    q->id_length = q->key.name_length;
    memcpy(q->id, q->key.name, q->key.name_length);
    if (q->key.tags_length != 0) {
        memcpy(q->id + q->id_length, "|#", 2);
        memcpy(q->id + q->id_length + 2, q->key.tags, q->key.tags_length);
        q->id_length += 2 + q->key.tags_length;
    }
    uint64_t hash = hash_bytes(&ids->hash_key, q->id, q->id_length, (uint64_t)q->key.kind);
    q->hash = (uint32_t)(hash >> 32);
}

static bool is_series(const void *context, uint32_t place)
{
    const IdQuestion *q = context;
    const Series *series = series_table_at(q->ids->series, place);
    return series->kind == q->key.kind && series->id_length == q->id_length &&
           series->name_length == q->key.name_length &&
           bytes_equal(series->id, q->id, q->id_length);
}

uint32_t id_table_find(const IdQuestion *q)
{
    return bucket_table_find(&q->ids->table, q->hash, is_series, q);
}

int id_table_reserve(IdTable *ids)
{
    return bucket_table_reserve(&ids->table);
}

void id_table_insert(IdTable *ids, const IdQuestion *q, uint32_t place)
{
    bucket_table_insert(&ids->table, q->hash, place);
}

void id_table_remove(IdTable *ids, const IdQuestion *q, uint32_t place)
{
    (void)bucket_table_remove(&ids->table, q->hash, place);
}
