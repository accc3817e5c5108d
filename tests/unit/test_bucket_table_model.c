/* Random insertions, look-ups and removals through several growths, against a simple model. */
#include "metrics/bucket_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixture_bucket_table.h"

static uint64_t seed = 20260207;

enum {
    MODEL_VALUES = 12000,
    MODEL_STEPS = 150000
};

typedef struct {
    BucketTable table;
    uint32_t hash[MODEL_VALUES + 1]; /* of each value */
    bool in[MODEL_VALUES + 1];       /* the model */
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
        assert_int_equal(m->in[value] ? value : 0, fixture_find(&m->table, m->hash[value], value));
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
    fixture_insert(&m->table, m->hash[value], value);
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
    assert_int_equal(0, fixture_find(t, m->hash[value], value));
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
        assert_int_equal(m->in[value] ? value : 0, fixture_find(&m->table, m->hash[value], value));
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
        cmocka_unit_test(test_random_against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
