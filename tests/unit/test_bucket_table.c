#include "metrics/bucket_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixture_bucket_table.h"

static void test_zeroed_is_given_back(void **state)
{
    (void)state;
    BucketTable table = {0};
    bucket_table_fini(&table);
    assert_int_equal(0, bucket_table_init(&table, 3));
    assert_int_equal(0, fixture_find(&table, 1, 1));
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
        fixture_insert(&table, fixture_hash(value), value);
        growing += table.old != NULL;
        for (uint32_t seen = 1; seen <= value; seen++)
            assert_int_equal(seen, fixture_find(&table, fixture_hash(seen), seen));
        assert_int_equal(0, fixture_find(&table, fixture_hash(value + 1), value + 1));
        assert_true(table.used <= table.count / 3);
        assert_null(table.next); /* that is for large ones */
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
        fixture_insert(&table, fixture_hash(value), value);
    for (uint32_t value = 1; value <= VALUES; value++)
        assert_int_equal(value, fixture_find(&table, fixture_hash(value), value));
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
        fixture_insert(&table, UINT32_MAX, value);
    for (uint32_t value = 1; value <= 500; value++)
        assert_int_equal(value, fixture_find(&table, UINT32_MAX, value));
    assert_int_equal(0, fixture_find(&table, UINT32_MAX, 501));
    assert_int_equal(0, fixture_find(&table, 0, 1));
    bucket_table_fini(&table);
}

/* The match is asked only where the whole hash agrees. */
static void test_other_hashes_cost_no_match(void **state)
{
    (void)state;
    BucketTable table;
    uint32_t calls = 0;
    const FixtureQuestion question = {1, &calls};
    assert_int_equal(0, bucket_table_init(&table, 3));
    for (uint32_t value = 2; value <= 100; value++)
        fixture_insert(&table, value << 16, value); /* all begin at bucket 0 */
    fixture_insert(&table, 0, 1);
    assert_int_equal(1, bucket_table_find(&table, 0, fixture_is_wanted, &question));
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
        fixture_insert(&table, fixture_hash(value), value);
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
    fixture_insert(&table, 7, 42);
    bucket_table_prefetch(&table, 7);
    assert_int_equal(42, bucket_table_guess(&table, 7));
    bucket_table_fini(&table);
}

static void test_removal(void **state)
{
    (void)state;
    BucketTable table;
    assert_int_equal(0, bucket_table_init(&table, 3));
    assert_false(bucket_table_remove(&table, 7, 1));
    fixture_insert(&table, 7, 1);
    assert_false(bucket_table_remove(&table, 7, 2));
    assert_false(bucket_table_remove(&table, table.count + 7, 1)); /* begins at the same bucket */
    assert_int_equal(1, table.used);
    assert_true(bucket_table_remove(&table, 7, 1));
    assert_int_equal(0, table.used);
    assert_int_equal(0, bucket_table_at(&table, 7));
    assert_int_equal(0, fixture_find(&table, 7, 1));
    assert_false(bucket_table_remove(&table, 7, 1));
    bucket_table_fini(&table);
}

/* What was pushed on by the one that leaves moves up, over the end of the table too; what stands
 * where its probe begins stays. */
static void test_what_stands_behind_moves_up(void **state)
{
    (void)state;
    BucketTable table;
    assert_int_equal(0, bucket_table_init(&table, 3));
    uint32_t last = table.count - 1;
    fixture_insert(&table, last - 1, 1);
    fixture_insert(&table, last, 2);
    fixture_insert(&table, last - 1, 3); /* stands in bucket 0 */
    fixture_insert(&table, 1, 4);
    fixture_insert(&table, last, 5); /* in bucket 2 */
    assert_true(bucket_table_remove(&table, last - 1, 1));
    const uint32_t expected[] = {5, 4, 0}; /* from bucket 0 on */
    assert_int_equal(3, bucket_table_at(&table, last - 1));
    assert_int_equal(2, bucket_table_at(&table, last));
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(expected[i], bucket_table_at(&table, i));
    bucket_table_fini(&table);
}

/* In the old table what is taken out leaves a mark: probes for what stands behind it pass, and none
 * takes it for an entry, whatever hash it looks for. fixture_is_wanted() sees to the latter. */
static void test_marks_in_the_old_table(void **state)
{
    (void)state;
    BucketTable table;
    assert_int_equal(0, bucket_table_init(&table, 3));
    uint32_t last = table.count - 1;
    uint32_t values = 0;
    while (table.old == NULL) { /* one run, from the last bucket over the end */
        values++;
        fixture_insert(&table, values << 16 | last, values);
    }
    assert_int_equal(0, table.carried);
    for (uint32_t value = 1; value < values; value += 2)
        assert_true(bucket_table_remove(&table, value << 16 | last, value));
    assert_int_equal(values / 2, table.used);
    for (uint32_t value = 1; value <= values; value++)
        assert_int_equal(value % 2 == 0 ? value : 0,
                         fixture_find(&table, value << 16 | last, value));
    for (uint32_t hash = 0; hash < 4096; hash++) {
        assert_int_equal(0, fixture_find(&table, hash, UINT32_MAX));
        assert_int_equal(0, fixture_find(&table, ~hash, UINT32_MAX));
    }
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
        cmocka_unit_test(test_removal),
        cmocka_unit_test(test_what_stands_behind_moves_up),
        cmocka_unit_test(test_marks_in_the_old_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
