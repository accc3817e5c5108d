#include "metrics/bucket_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed = 20260207;

/* The value's key is the value itself; the calls are counted. */
typedef struct {
    uint32_t wanted;
    uint32_t *calls;
} Question;

static bool is_wanted(const void *context, uint32_t value)
{
    const Question *question = context;
    assert_int_not_equal(0, value);
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

static void test_removal(void **state)
{
    (void)state;
    BucketTable table;
    assert_int_equal(0, bucket_table_init(&table, 3));
    assert_false(bucket_table_remove(&table, 7, 1));
    insert(&table, 7, 1);
    assert_false(bucket_table_remove(&table, 7, 2));
    assert_false(bucket_table_remove(&table, table.count + 7, 1)); /* begins at the same bucket */
    assert_int_equal(1, table.used);
    assert_true(bucket_table_remove(&table, 7, 1));
    assert_int_equal(0, table.used);
    assert_int_equal(0, bucket_table_at(&table, 7));
    assert_int_equal(0, find(&table, 7, 1));
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
    insert(&table, last - 1, 1);
    insert(&table, last, 2);
    insert(&table, last - 1, 3); /* stands in bucket 0 */
    insert(&table, 1, 4);
    insert(&table, last, 5); /* in bucket 2 */
    assert_true(bucket_table_remove(&table, last - 1, 1));
    const uint32_t expected[] = {5, 4, 0}; /* from bucket 0 on */
    assert_int_equal(3, bucket_table_at(&table, last - 1));
    assert_int_equal(2, bucket_table_at(&table, last));
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(expected[i], bucket_table_at(&table, i));
    bucket_table_fini(&table);
}

/* In the old table what is taken out leaves a mark: probes for what stands behind it pass, and none
 * takes it for an entry, whatever hash it looks for. is_wanted() sees to the latter. */
static void test_marks_in_the_old_table(void **state)
{
    (void)state;
    BucketTable table;
    assert_int_equal(0, bucket_table_init(&table, 3));
    uint32_t last = table.count - 1;
    uint32_t values = 0;
    while (table.old == NULL) { /* one run, from the last bucket over the end */
        values++;
        insert(&table, values << 16 | last, values);
    }
    assert_int_equal(0, table.carried);
    for (uint32_t value = 1; value < values; value += 2)
        assert_true(bucket_table_remove(&table, value << 16 | last, value));
    assert_int_equal(values / 2, table.used);
    for (uint32_t value = 1; value <= values; value++)
        assert_int_equal(value % 2 == 0 ? value : 0, find(&table, value << 16 | last, value));
    for (uint32_t hash = 0; hash < 4096; hash++) {
        assert_int_equal(0, find(&table, hash, UINT32_MAX));
        assert_int_equal(0, find(&table, ~hash, UINT32_MAX));
    }
    bucket_table_fini(&table);
}

/* ---- against a model: an array that says what is in ---- */

enum {
    MODEL_VALUES = 12000,
    MODEL_STEPS = 150000
};

typedef struct {
    BucketTable table;
    uint32_t hash[MODEL_VALUES + 1]; /* of each value */
    bool in[MODEL_VALUES + 1];
    uint32_t used, growths;
    uint32_t removed_from_old, removed_from_both, removed_while_growing;
    uint64_t rng;
} Model;

static uint32_t random_below(Model *m, uint32_t end)
{
    m->rng ^= m->rng << 13, m->rng ^= m->rng >> 7, m->rng ^= m->rng << 17;
    return (uint32_t)((m->rng >> 32) * end >> 32);
}

static bool stands_in(const uint64_t *buckets, uint32_t count, uint32_t hash, uint32_t value)
{
    for (uint32_t i = hash & (count - 1); buckets[i] != 0; i = (i + 1) & (count - 1)) {
        if (buckets[i] == ((uint64_t)hash << 32 | value))
            return true;
    }
    return false;
}

/* Every value is in or out as it should be, and nothing else is in. */
static void check_all(const Model *m)
{
    uint32_t met = 0;
    for (uint32_t value = 1; value <= MODEL_VALUES; value++)
        assert_int_equal(m->in[value] ? value : 0, find(&m->table, m->hash[value], value));
    for (uint32_t i = 0; i < m->table.count; i++) {
        uint32_t value = bucket_table_at(&m->table, i);
        assert_in_range(value, 0, MODEL_VALUES);
        assert_true(value == 0 || m->in[value]);
        met += value != 0;
    }
    assert_int_equal(m->used, m->table.used);
    assert_true(m->table.old == NULL ? met == m->used : met <= m->used);
}

static void model_insert(Model *m, uint32_t value)
{
    bool growing = m->table.old != NULL;
    insert(&m->table, m->hash[value], value);
    m->in[value] = true;
    m->used++;
    if (growing && m->table.old == NULL) {
        m->growths++;
        check_all(m);
    }
}

static void model_remove(Model *m, uint32_t value)
{
    const BucketTable *t = &m->table;
    bool growing = t->old != NULL;
    bool current = stands_in(t->buckets, t->count, m->hash[value], value);
    bool old = growing && stands_in(t->old, t->old_count, m->hash[value], value);
    assert_true(current || old);
    assert_true(bucket_table_remove(&m->table, m->hash[value], value));
    assert_int_equal(0, find(t, m->hash[value], value));
    m->in[value] = false;
    m->used--;
    m->removed_while_growing += growing;
    m->removed_from_old += old && !current;
    m->removed_from_both += old && current;
    if (growing && random_below(m, 64) == 0)
        check_all(m);
}

/* An eighth of the values begin in one of a few buckets around the end of whatever table, some of these
 * with one and the same hash; the others lie anywhere. */
static uint32_t model_hash(Model *m)
{
    uint32_t spread = random_below(m, UINT32_MAX);
    if (spread % 8 != 0)
        return spread;
    uint32_t near_the_end = UINT32_C(0xFFFFFFFC) + random_below(m, 8);
    return (random_below(m, 512) << 23) ^ (near_the_end & 0x7FFFFF);
}

/* The values come from ever more, so that it grows several times, and while it does, which takes but
 * a few insertions, more is taken out than put in. */
static void against_the_model(uint32_t room)
{
    Model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->rng = seed;
    assert_int_equal(0, bucket_table_init(&m->table, room));
    for (uint32_t value = 1; value <= MODEL_VALUES; value++)
        m->hash[value] = model_hash(m);
    for (uint32_t step = 0; step < MODEL_STEPS; step++) {
        uint32_t among = 1 + (uint32_t)((uint64_t)step * MODEL_VALUES / MODEL_STEPS);
        uint32_t value = 1 + random_below(m, among);
        uint32_t dice = random_below(m, 8);
        bool growing = m->table.old != NULL;
        assert_int_equal(m->in[value] ? value : 0, find(&m->table, m->hash[value], value));
        if (m->in[value] && (growing || dice == 0))
            model_remove(m, value);
        else if (!m->in[value] && (!growing || dice == 0))
            model_insert(m, value);
        else if (!m->in[value])
            assert_false(bucket_table_remove(&m->table, m->hash[value], value));
    }
    check_all(m);
    print_message("# %u growths; while growing %u removals, of %u from both, of %u from the old\n",
                  m->growths, m->removed_while_growing, m->removed_from_both, m->removed_from_old);
    assert_true(m->growths >= 3);
    assert_true(m->removed_from_both >= 100 && m->removed_from_old >= 100);
    bucket_table_fini(&m->table);
    free(m);
}

static void test_random_against_a_model(void **state)
{
    (void)state;
    against_the_model(2);
    against_the_model(3);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0) | 1;
    print_message("# seed %llu (first argument)\n", (unsigned long long)seed);
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
        cmocka_unit_test(test_random_against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
