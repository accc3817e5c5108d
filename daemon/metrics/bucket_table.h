/* A hash table of 32-bit values that grows in steps: what series_index.c and registry.c look up in.
 *
 * Open addressing, linear probing. At a half full, every third look-up takes a second probe that the
 * CPU cannot predict, at a third full much fewer; `room` says which. A bucket is hash << 32 | value, 0
 * when free, so a probe past another key's bucket touches no other memory. What is taken out leaves no
 * mark: what stands behind it moves up (Knuth, The Art of Computer Programming 3, 6.4, Algorithm R).
 *
 * Growing: a table of twice the size is made, and each insertion carries a few buckets over. Until that
 * is done, what is not in the new table may be in the old one, where nothing moves: what is taken out
 * there is marked dead. No insertion takes long, however large the table is:
 *   - Insertions land all over a new table, so its first few dozen would fault in and zero all of its
 *     huge pages. They are faulted in before, one at a time, some thousand insertions apart, the last
 *     ones before the growth; so the new table costs no memory until shortly before it is needed.
 *   - The old table is given back a huge page at a time, an insertion each.
 * On the way to 4,000,000 values the longest insertion took 0.3 ms, nearly all of it the kernel's, for
 * one huge page; and 4 to 8 ms in a virtual machine whose host had to find the memory. A table never
 * gets smaller, and what was prepared stays.
 *
 * Thread rule: one thread, or whoever holds the owner's lock. */
#ifndef METRICS_BUCKET_TABLE_H
#define METRICS_BUCKET_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t *buckets;
    uint32_t count; /* of buckets: a power of two */
    uint32_t used;  /* values, those still in `old` included */
    uint32_t room;  /* buckets for each value, at least */
    uint64_t *old;  /* NULL: nothing to carry over */
    uint32_t old_count;
    uint32_t carried;   /* buckets of `old` that are in `buckets` too */
    uint64_t *next;     /* 2 * count free buckets; NULL: not begun */
    size_t next_bytes;  /* of `next` that are faulted in */
    void *spent;        /* a table that has been carried over; NULL: it is given back */
    size_t spent_bytes; /* of `spent` that are still held */
} BucketTable;

/* `room`: how many buckets each value shall have at least, 2 to 32: 2 saves memory, 3 saves probes.
 * => 0 or -ENOMEM. */
int bucket_table_init(BucketTable *table, uint32_t room);

/* Accepts a zeroed one. */
void bucket_table_fini(BucketTable *table);

/* Makes sure that the next insertion finds room. => 0 or -ENOMEM. */
int bucket_table_reserve(BucketTable *table);

/* Inserts a value, not 0, that is not in yet. bucket_table_reserve() has just given 0. */
void bucket_table_insert(BucketTable *table, uint32_t hash, uint32_t value);

/* Takes out the entry that was inserted with this hash and value. => false: it is not in. */
bool bucket_table_remove(BucketTable *table, uint32_t hash, uint32_t value);

/* => bytes held, in all of its tables. */
size_t bucket_table_bytes(const BucketTable *table);

/* => whether this value's key is the one that is looked for. */
typedef bool (*BucketMatch)(const void *context, uint32_t value);

/* Of one of the two tables. Inlined with its match, so that a hit costs no call. Passes what is dead:
 * that never has the hash that is looked for. */
static inline __attribute__((always_inline)) uint32_t
bucket_table_probe_(const uint64_t *buckets, uint32_t count, uint32_t hash, BucketMatch match,
                    const void *context)
{
    for (uint32_t i = hash & (count - 1);; i = (i + 1) & (count - 1)) {
        uint64_t bucket = buckets[i];
        if (bucket == 0)
            return 0;
        if ((uint32_t)(bucket >> 32) == hash && match(context, (uint32_t)bucket))
            return (uint32_t)bucket;
    }
}

/* => the value with this hash that matches; 0: there is none. */
static inline __attribute__((always_inline)) uint32_t
bucket_table_find(const BucketTable *table, uint32_t hash, BucketMatch match, const void *context)
{
    uint32_t value = bucket_table_probe_(table->buckets, table->count, hash, match, context);
    if (__builtin_expect(value == 0 && table->old != NULL, 0))
        value = bucket_table_probe_(table->old, table->old_count, hash, match, context);
    return value;
}

/* Begins to fetch the bucket where a look-up starts. */
static inline void bucket_table_prefetch(const BucketTable *table, uint32_t hash)
{
    __builtin_prefetch(&table->buckets[hash & (table->count - 1)]);
}

/* => the value in bucket i (< count) of the current table; 0: the bucket is free.
 *
 * For a walk over all buckets, which may pause between two of them. What is still only in `old` is not
 * met; nor is what a growth or a removal brings meanwhile to where the walk has been. After a removal
 * by the walk itself bucket i may hold another value: look again. None is then missed, but one that
 * moves from the front of the table over its end is met twice. */
static inline uint32_t bucket_table_at(const BucketTable *table, uint32_t i)
{
    return (uint32_t)table->buckets[i];
}

/* => the value in that bucket, whoever's it is: a guess at what the look-up will find. */
static inline uint32_t bucket_table_guess(const BucketTable *table, uint32_t hash)
{
    return (uint32_t)table->buckets[hash & (table->count - 1)];
}

#endif
