#include "metrics/bucket_table.h"

#include <errno.h>

#include "metrics/pages.h"

enum {
    FIRST_COUNT = 1024,
    /* Carried over by one insertion. There are a third or half as many insertions as buckets before the
     * next growth, so three would do; with more it is over sooner, and still a matter of microseconds. */
    CARRY_BUCKETS = 64,
    /* For each huge page of the next table. To fault one in takes 0.2 ms, or 4 to 8 in a virtual machine
     * whose host has to find the memory first: even then a thread that meets 100,000 new names a
     * second has caught up before the next one. With more, the next table would lie idle for longer. */
    PREPARE_INSERTIONS = 2048
};

/* Larger ones would not fit 32 bits. */
#define MAX_COUNT (UINT32_C(1) << 31)

static size_t table_bytes(uint32_t count)
{
    return (size_t)count * sizeof(uint64_t);
}

int bucket_table_init(BucketTable *table, uint32_t room)
{
    uint64_t *buckets = pages_map(table_bytes(FIRST_COUNT));
    if (buckets == NULL)
        return -ENOMEM;
    *table = (BucketTable){.buckets = buckets, .count = FIRST_COUNT, .room = room};
    return 0;
}

void bucket_table_fini(BucketTable *table)
{
    pages_unmap(table->buckets, table_bytes(table->count));
    pages_unmap(table->old, table_bytes(table->old_count));
    pages_unmap(table->next, 2 * table_bytes(table->count));
    pages_unmap(table->spent, table->spent_bytes);
    *table = (BucketTable){0};
}

size_t bucket_table_bytes(const BucketTable *table)
{
    return table_bytes(table->count) + table_bytes(table->old_count) + table->next_bytes +
           table->spent_bytes;
}

/* ---- one bucket ---- */

static uint64_t bucket_of(uint32_t hash, uint32_t value)
{
    return (uint64_t)hash << 32 | value;
}

static uint32_t home_of(uint64_t bucket, uint32_t count)
{
    return (uint32_t)(bucket >> 32) & (count - 1);
}

/* What stands in bucket i after its entry was taken out where nothing may move: not free, so that
 * probes go on, and without a value. Its hash begins at the next bucket, so no probe for that hash
 * comes by (it would have to go around the whole table), and no `match` is asked about value 0. */
static uint64_t dead_bucket(uint32_t i, uint32_t count)
{
    uint32_t next = (i + 1) & (count - 1);
    return bucket_of(~(count - 1) | next, 0);
}

static bool is_entry(uint64_t bucket)
{
    return (uint32_t)bucket != 0;
}

static void put(BucketTable *table, uint64_t bucket)
{
    uint32_t i = home_of(bucket, table->count);
    while (table->buckets[i] != 0)
        i = (i + 1) & (table->count - 1);
    table->buckets[i] = bucket;
}

/* ---- growing ---- */

/* Gives back a huge page's worth of the table that has been carried over, from its end. */
static void give_back(BucketTable *table)
{
    size_t piece = table->spent_bytes < PAGES_HUGE ? table->spent_bytes : PAGES_HUGE;
    table->spent_bytes -= piece;
    pages_unmap((char *)table->spent + table->spent_bytes, piece);
    if (table->spent_bytes == 0)
        table->spent = NULL;
}

static void carry(BucketTable *table, uint32_t buckets)
{
    for (uint32_t i = 0; i < buckets && table->carried < table->old_count; i++) {
        uint64_t bucket = table->old[table->carried++];
        if (is_entry(bucket))
            put(table, bucket);
    }
    if (table->carried < table->old_count)
        return;
    while (table->spent != NULL) /* it cannot be: it had fewer pieces than there were insertions */
        give_back(table);
    table->spent = table->old;
    table->spent_bytes = table_bytes(table->old_count);
    table->old = NULL;
    table->old_count = 0;
}

/* => whether there is a next table, with or without its memory. */
static bool map_next(BucketTable *table)
{
    if (table->next == NULL && table->count < MAX_COUNT)
        table->next = pages_map(2 * table_bytes(table->count));
    return table->next != NULL;
}

/* Has one huge page of the next table faulted in if it is time for it, so that the last one is there
 * before the last insertions before the growth. If there is no memory now, the growth will say so. The
 * small pages of smaller tables come one by one anyway. */
static void prepare(BucketTable *table, uint32_t insertions_left)
{
    size_t whole = 2 * table_bytes(table->count);
    size_t later = insertions_left / PREPARE_INSERTIONS * PAGES_HUGE;
    if (whole < PAGES_HUGE_FROM || table->next_bytes + later >= whole || !map_next(table))
        return;
    table->next[table->next_bytes / sizeof(uint64_t)] = 0; /* it is 0: a write, for the fault */
    table->next_bytes += PAGES_HUGE;
}

int bucket_table_reserve(BucketTable *table)
{
    if (table->spent != NULL)
        give_back(table);
    if (table->old != NULL)
        carry(table, CARRY_BUCKETS);
    uint32_t limit = table->count / table->room;
    if (table->used < limit) {
        prepare(table, limit - table->used);
        return 0;
    }
    if (table->old != NULL) /* it cannot be: see CARRY_BUCKETS; removals only put it off */
        carry(table, table->old_count);
    if (!map_next(table))
        return -ENOMEM;
    table->old = table->buckets;
    table->old_count = table->count;
    table->carried = 0;
    table->buckets = table->next;
    table->count *= 2;
    table->next = NULL;
    table->next_bytes = 0;
    return 0;
}

void bucket_table_insert(BucketTable *table, uint32_t hash, uint32_t value)
{
    put(table, bucket_of(hash, value));
    table->used++;
}

/* => where this very bucket stands in one of the two tables; NULL: nowhere. */
static uint64_t *locate(uint64_t *buckets, uint32_t count, uint64_t bucket)
{
    for (uint32_t i = home_of(bucket, count); buckets[i] != 0; i = (i + 1) & (count - 1)) {
        if (buckets[i] == bucket)
            return &buckets[i];
    }
    return NULL;
}

/* Frees bucket i of the current table. An entry behind it moves into the gap if the gap lies on its
 * way, from where its probe begins to where it stands; then the gap is there. */
static void close_gap(BucketTable *table, uint32_t i)
{
    uint32_t mask = table->count - 1;
    for (uint32_t at = (i + 1) & mask; table->buckets[at] != 0; at = (at + 1) & mask) {
        uint32_t way = (at - home_of(table->buckets[at], table->count)) & mask;
        if (way >= ((at - i) & mask)) {
            table->buckets[i] = table->buckets[at];
            i = at;
        }
    }
    table->buckets[i] = 0;
}

bool bucket_table_remove(BucketTable *table, uint32_t hash, uint32_t value)
{
    uint64_t bucket = bucket_of(hash, value);
    uint64_t *current = locate(table->buckets, table->count, bucket);
    uint64_t *old = table->old == NULL ? NULL : locate(table->old, table->old_count, bucket);
    if (current == NULL && old == NULL)
        return false;
    if (current != NULL)
        close_gap(table, (uint32_t)(current - table->buckets));
    if (old != NULL) /* the carrying goes by position, so nothing moves there */
        *old = dead_bucket((uint32_t)(old - table->old), table->old_count);
    table->used--;
    return true;
}
