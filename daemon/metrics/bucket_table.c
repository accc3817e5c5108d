#include "metrics/bucket_table.h"

#include <errno.h>

#include "metrics/pages.h"

enum {
    FIRST_COUNT = 1024,
    /* Carried over by one insertion. There are a third or half as many insertions as buckets before the
     * next growth, so three would do; with more it is over sooner, and still a matter of microseconds. */
    CARRY_BUCKETS = 64
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

static void drop_old(BucketTable *table)
{
    pages_unmap(table->old, table_bytes(table->old_count));
    table->old = NULL;
    table->old_count = 0;
}

void bucket_table_fini(BucketTable *table)
{
    drop_old(table);
    pages_unmap(table->buckets, table_bytes(table->count));
    *table = (BucketTable){0};
}

size_t bucket_table_bytes(const BucketTable *table)
{
    return table_bytes(table->count) + table_bytes(table->old_count);
}

static void put(BucketTable *table, uint64_t bucket)
{
    uint32_t i = (uint32_t)(bucket >> 32) & (table->count - 1);
    while (table->buckets[i] != 0)
        i = (i + 1) & (table->count - 1);
    table->buckets[i] = bucket;
}

static void carry(BucketTable *table, uint32_t buckets)
{
    for (uint32_t i = 0; i < buckets && table->carried < table->old_count; i++) {
        uint64_t bucket = table->old[table->carried++];
        if (bucket != 0)
            put(table, bucket);
    }
    if (table->carried == table->old_count)
        drop_old(table);
}

int bucket_table_reserve(BucketTable *table)
{
    if (table->old != NULL)
        carry(table, CARRY_BUCKETS);
    if (table->used < table->count / table->room)
        return 0;
    if (table->old != NULL) /* it cannot be: see CARRY_BUCKETS */
        carry(table, table->old_count);
    uint64_t *fresh = table->count < MAX_COUNT ? pages_map(table_bytes(table->count) * 2) : NULL;
    if (fresh == NULL)
        return -ENOMEM;
    table->old = table->buckets;
    table->old_count = table->count;
    table->carried = 0;
    table->buckets = fresh;
    table->count *= 2;
    return 0;
}

void bucket_table_insert(BucketTable *table, uint32_t hash, uint32_t value)
{
    put(table, (uint64_t)hash << 32 | value);
    table->used++;
}
