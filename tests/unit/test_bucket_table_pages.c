/* What a table does with memory while it grows. */
#include "metrics/bucket_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "metrics/pages.h"

#include "fixture_bucket_table.h"

/* => whether the page there is in memory; -1: nothing is mapped there. */
static int resident(void *page)
{
    unsigned char state;
    return mincore(page, 1, &state) == 0 ? state & 1 : -1;
}

enum {
    HUGE_VALUES = 1 << 18 /* with room 2, the table that follows has huge pages: four */
};

static void fill(BucketTable *table, uint32_t values)
{
    assert_int_equal(0, bucket_table_init(table, 2));
    for (uint32_t value = 1; value <= values; value++)
        fixture_insert(table, fixture_hash(value), value);
}

/* Of a table with huge pages, one page at a time is faulted in ahead of the growth, far apart and as
 * late as that allows. */
static void test_the_next_table_is_prepared(void **state)
{
    (void)state;
    BucketTable table;
    uint32_t value = HUGE_VALUES / 2 + 1;
    fill(&table, value);
    size_t bytes = table.count * sizeof(uint64_t);
    uint32_t first = 0, latest = 0;
    while (value < HUGE_VALUES) {
        size_t before = table.next_bytes;
        value++;
        fixture_insert(&table, fixture_hash(value), value);
        if (table.next_bytes == before)
            continue;
        assert_int_equal(before + PAGES_HUGE, table.next_bytes);
        assert_int_equal(1, resident((char *)table.next + before));
        if (table.next_bytes < 2 * bytes)
            assert_int_equal(0, resident((char *)table.next + table.next_bytes));
        assert_int_equal(bytes + table.next_bytes, bucket_table_bytes(&table));
        assert_true(first == 0 || value - latest >= 1000);
        latest = value;
        first = first == 0 ? value : first;
    }
    assert_int_equal(2 * bytes, table.next_bytes);
    assert_in_range(first, HUGE_VALUES - HUGE_VALUES / 20, HUGE_VALUES);

    uint64_t *next = table.next;
    value++;
    fixture_insert(&table, fixture_hash(value), value);
    assert_ptr_equal(next, table.buckets);
    assert_null(table.next);
    for (uint32_t seen = 1; seen <= value; seen++)
        assert_int_equal(seen, fixture_find(&table, fixture_hash(seen), seen));
    bucket_table_fini(&table);
}

/* Values that come and go near the growth have nothing prepared twice, and nothing thrown away. */
static void test_what_is_prepared_stays(void **state)
{
    (void)state;
    BucketTable table;
    fill(&table, HUGE_VALUES - 3000);
    char *next = (char *)table.next;
    size_t ready = table.next_bytes;
    assert_in_range(ready, PAGES_HUGE, 3 * PAGES_HUGE);
    assert_int_equal(0, resident(next + 3 * PAGES_HUGE));
    for (uint32_t value = 1; value <= 50000; value++)
        assert_true(bucket_table_remove(&table, fixture_hash(value), value));
    for (uint32_t value = 1; value <= 50000; value++)
        fixture_insert(&table, fixture_hash(value), value);
    assert_ptr_equal(next, table.next);
    assert_int_equal(ready, table.next_bytes);
    bucket_table_fini(&table);
    assert_int_equal(-1, resident(next));
    assert_int_equal(-1, resident(next + 3 * PAGES_HUGE));
}

/* Goes on until the growth that is under way is over. => where the old table was. */
static char *until_spent(BucketTable *table, uint32_t *value)
{
    char *old = (char *)table->old;
    while (table->old != NULL) {
        ++*value;
        fixture_insert(table, fixture_hash(*value), *value);
    }
    return old;
}

static void test_the_old_table_is_given_back_in_pieces(void **state)
{
    (void)state;
    BucketTable table;
    uint32_t value = HUGE_VALUES + 1;
    fill(&table, value);
    char *old = until_spent(&table, &value);
    size_t bytes = (size_t)HUGE_VALUES * 2 * sizeof(uint64_t);
    while (bytes > 0) {
        assert_int_equal(bytes, table.spent_bytes);
        assert_int_equal(table.count * sizeof(uint64_t) + bytes, bucket_table_bytes(&table));
        assert_int_equal(1, resident(old));
        value++;
        fixture_insert(&table, fixture_hash(value), value);
        bytes -= PAGES_HUGE;
        assert_int_equal(-1, resident(old + bytes));
    }
    assert_null(table.spent);
    assert_int_equal(table.count * sizeof(uint64_t), bucket_table_bytes(&table));
    bucket_table_fini(&table);
}

/* Whatever stage of a growth it is in. */
static void test_everything_is_given_back_at_the_end(void **state)
{
    (void)state;
    BucketTable table;
    uint32_t value = HUGE_VALUES + 1;
    fill(&table, value);
    char *old = (char *)table.old;
    char *current = (char *)table.buckets;
    assert_int_equal(1, resident(old));
    bucket_table_fini(&table);
    assert_int_equal(-1, resident(old));
    assert_int_equal(-1, resident(current));

    fill(&table, value);
    old = until_spent(&table, &value);
    fixture_insert(&table, fixture_hash(value + 1), value + 1);
    assert_int_equal(1, resident(old));
    bucket_table_fini(&table);
    assert_int_equal(-1, resident(old));
    assert_null(table.spent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_next_table_is_prepared),
        cmocka_unit_test(test_what_is_prepared_stays),
        cmocka_unit_test(test_the_old_table_is_given_back_in_pieces),
        cmocka_unit_test(test_everything_is_given_back_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
