/* A table whose keys are its values, and are never asked about value 0. */
#ifndef TESTS_UNIT_FIXTURE_BUCKET_TABLE_H
#define TESTS_UNIT_FIXTURE_BUCKET_TABLE_H

#include "metrics/bucket_table.h"

/* The value's key is the value itself; the calls are counted. */
typedef struct {
    uint32_t wanted;
    uint32_t *calls;
} FixtureQuestion;

static inline bool fixture_is_wanted(const void *context, uint32_t value)
{
    const FixtureQuestion *question = context;
    assert_int_not_equal(0, value);
    ++*question->calls;
    return value == question->wanted;
}

static inline uint32_t fixture_find(const BucketTable *table, uint32_t hash, uint32_t value)
{
    uint32_t calls = 0;
    const FixtureQuestion question = {value, &calls};
    return bucket_table_find(table, hash, fixture_is_wanted, &question);
}

/* Any mixing will do: Fibonacci hashing. */
static inline uint32_t fixture_hash(uint32_t value)
{
    return value * UINT32_C(2654435769);
}

static inline void fixture_insert(BucketTable *table, uint32_t hash, uint32_t value)
{
    assert_int_equal(0, bucket_table_reserve(table));
    bucket_table_insert(table, hash, value);
}

#endif
