/* From a series' id to its place in a SeriesTable.
 *
 * Thread rule: id_question() is for anybody; the rest is under the registry's mutex. */
#ifndef METRICS_ID_TABLE_H
#define METRICS_ID_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "metrics/bucket_table.h"
#include "metrics/series_table.h"
#include "metrics/slot.h"

typedef struct {
    HashKey hash_key;  /* at random, so that nobody can send collisions on purpose */
    BucketTable table; /* values: places */
    const SeriesTable *series;
} IdTable;

/* What is looked for, made of a slot's key. */
typedef struct {
    const IdTable *ids;
    SeriesKey key;
    char id[SERIES_ID_MAX]; /* as in SeriesView */
    size_t id_length;
    uint32_t hash;
} IdQuestion;

/* => 0; -ENOMEM; negative errno if the system gives no random key. */
int id_table_init(IdTable *ids, const SeriesTable *series);

/* Accepts a zeroed one. */
void id_table_fini(IdTable *ids);

/* Makes the question for this slot's series. Its key is canonical. */
void id_question(IdQuestion *question, const IdTable *ids, const Slot *slot);

/* => the series' place; 0: unknown. */
uint32_t id_table_find(const IdQuestion *question);

/* Makes sure that the next insertion finds room. => 0 or -ENOMEM. */
int id_table_reserve(IdTable *ids);

/* Inserts the place of the series asked for, which is not in yet; id_table_reserve() has given 0. */
void id_table_insert(IdTable *ids, const IdQuestion *question, uint32_t place);

/* Takes it out. */
void id_table_remove(IdTable *ids, const IdQuestion *question, uint32_t place);

/* => bytes held. */
size_t id_table_bytes(const IdTable *ids);

#endif
