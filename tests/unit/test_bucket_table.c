#include "metrics/bucket_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* The value's key is the value itself; the calls are counted. */
typedef struct {
    uint32_t wanted;
    uint32_t *calls;
} Question;

static bool is_wanted(const void *context, uint32_t value)
{
    const Question *question = context;
    ++*question->calls;
    return value == question->wanted;
}

static uint32_t find(const BucketTable *table, uint32_t hash, uint32_t value)
{
    uint32_t calls = 0;
    const Question question = {value, &calls};
    return bucket_table_find(table, hash, is_wanted, &question);
}

/* Any mixing will do: Fibonacci hashing. */
static uint32_t hash_of(uint32_t value)
{
    return value * UINT32_C(2654435769);
}

static void insert(BucketTable *table, uint32_t hash, uint32_t value)
{
    assert_int_equal(0, bucket_table_reserve(table));
    bucket_table_insert(table, hash, value);
}

static void test_zeroed_is_given_back(void **state)
{
    (void)state;
    BucketTable table = {0};
    bucket_table_fini(&table);
    assert_int_equal(0, bucket_table_init(&table, 3));
    assert_int_equal(0, find(&table, 1, 1));
    bucket_table_fini(&table);
    assert_null(table.buckets);
}

/* Every value is found at every stage of every growth. */
static void test_nothing_is_lost_while_it_grows(void **state)
{
    (void)state;
    BucketTable table;
    uint32_t growing = 0;
    assert_int_equal(0, bucket_table_init(&table, 3));
    for (uint32_t value = 1; value <= 6000; value++) {
        insert(&table, hash_of(value), value);
        growing += table.old != NULL;
        for (uint32_t seen = 1; seen <= value; seen++)
            assert_int_equal(seen, find(&table, hash_of(seen), seen));
        assert_int_equal(0, find(&table, hash_of(value + 1), value + 1));
        assert_true(table.used <= table.count / 3);
    }
    assert_int_equal(6000, table.used);
    assert_true(growing > 100);
    bucket_table_fini(&table);
}

static void test_a_million(void **state)
{
    (void)state;
    enum {
        VALUES = 1000000
    };
    BucketTable table;
    assert_int_equal(0, bucket_table_init(&table, 3));
    for (uint32_t value = 1; value <= VALUES; value++)
        insert(&table, hash_of(value), value);
    for (uint32_t value = 1; value <= VALUES; value++)
        assert_int_equal(value, find(&table, hash_of(value), value));
    assert_int_equal(VALUES, table.used);
    assert_int_equal((size_t)table.count * 8, bucket_table_bytes(&table));
    bucket_table_fini(&table);
}

/* Keys with one and the same hash are told apart by the match alone. */
static void test_equal_hashes(void **state)
{
    (void)state;
    BucketTable table;
    assert_int_equal(0, bucket_table_init(&table, 3));
    for (uint32_t value = 1; value <= 500; value++)
        insert(&table, UINT32_MAX, value);
    for (uint32_t value = 1; value <= 500; value++)
        assert_int_equal(value, find(&table, UINT32_MAX, value));
    assert_int_equal(0, find(&table, UINT32_MAX, 501));
    assert_int_equal(0, find(&table, 0, 1));
    bucket_table_fini(&table);
}

/* The match is asked only where the whole hash agrees. */
static void test_other_hashes_cost_no_match(void **state)
{
    (void)state;
    BucketTable table;
    uint32_t calls = 0;
    const Question question = {1, &calls};
    assert_int_equal(0, bucket_table_init(&table, 3));
    for (uint32_t value = 2; value <= 100; value++)
        insert(&table, value << 16, value); /* all begin at bucket 0 */
    insert(&table, 0, 1);
    assert_int_equal(1, bucket_table_find(&table, 0, is_wanted, &question));
    assert_int_equal(1, calls);
    bucket_table_fini(&table);
}

/* One insertion carries over no more than a bounded number of buckets. */
static void test_growth_comes_in_steps(void **state)
{
    (void)state;
    BucketTable table;
    uint32_t most = 0;
    assert_int_equal(0, bucket_table_init(&table, 3));
    for (uint32_t value = 1; value <= 100000; value++) {
        const uint64_t *old = table.old;
        uint32_t before = table.carried;
        insert(&table, hash_of(value), value);
        if (old != NULL && table.old == old && table.carried - before > most)
            most = table.carried - before;
    }
    assert_in_range(most, 1, 64);
    bucket_table_fini(&table);
}

static void test_a_guess(void **state)
{
    (void)state;
    BucketTable table;
    assert_int_equal(0, bucket_table_init(&table, 3));
    assert_int_equal(0, bucket_table_guess(&table, 7));
    insert(&table, 7, 42);
    bucket_table_prefetch(&table, 7);
    assert_int_equal(42, bucket_table_guess(&table, 7));
    bucket_table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_is_given_back),
        cmocka_unit_test(test_nothing_is_lost_while_it_grows),
        cmocka_unit_test(test_a_million),
        cmocka_unit_test(test_equal_hashes),
        cmocka_unit_test(test_other_hashes_cost_no_match),
        cmocka_unit_test(test_growth_comes_in_steps),
        cmocka_unit_test(test_a_guess),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
