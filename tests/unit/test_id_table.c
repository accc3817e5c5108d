#include "metrics/id_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixture_registry.h"

static uint64_t seed = 88172645463325252;

typedef struct {
    FixtureOwner owner;
    SeriesTable series;
    IdTable ids;
} Bench;

static Bench *fresh(void)
{
    Bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    fixture_owner_init(&bench->owner, NULL);
    memset(&bench->ids, 0xA5, sizeof bench->ids);
    assert_int_equal(0, id_table_init(&bench->ids, &bench->series));
    return bench;
}

static void done(Bench *bench)
{
    id_table_fini(&bench->ids);
    fixture_owner_fini(&bench->owner);
    free(bench);
}

/* => the question for this series; what is asked with is gone afterwards. */
static IdQuestion question(Bench *bench, SeriesKind kind, const char *name, const char *tags)
{
    IdQuestion q;
    Slot *slot = fixture_slot(&bench->owner, kind, name, tags);
    id_question(&q, &bench->ids, slot);
    fixture_slot_free(&bench->owner, slot);
    return q;
}

/* Makes the series asked for, and inserts it. => its place. */
static uint32_t insert(Bench *bench, const IdQuestion *q)
{
    assert_int_equal(0, id_table_find(q));
    assert_int_equal(0, id_table_reserve(&bench->ids));
    uint32_t place = series_table_take(&bench->series, &bench->owner.arena);
    assert_int_not_equal(0, place);
    Series *series = series_table_at(&bench->series, place);
    char *id = blocks_take(&bench->owner.keys, q->id_length);
    assert_non_null(id);
    series->id = memcpy(id, q->id, q->id_length);
    series->id_length = (uint16_t)q->id_length;
    series->name_length = (uint8_t)q->key.name_length;
    series->kind = (uint8_t)q->key.kind;
    id_table_insert(&bench->ids, q, place);
    assert_int_equal(place, id_table_find(q));
    return place;
}

static void remove_place(Bench *bench, const IdQuestion *q, uint32_t place)
{
    const Series *series = series_table_at(&bench->series, place);
    id_table_remove(&bench->ids, q, place);
    assert_int_equal(0, id_table_find(q));
    blocks_give(&bench->owner.keys, series->id, series->id_length);
    series_table_give(&bench->series, place);
}

static void test_zeroed_is_given_back(void **state)
{
    (void)state;
    IdTable ids;
    memset(&ids, 0, sizeof ids);
    id_table_fini(&ids);
    SeriesTable series;
    memset(&series, 0, sizeof series);
    assert_int_equal(0, id_table_init(&ids, &series));
    assert_true(id_table_bytes(&ids) > 0);
    id_table_fini(&ids);
    assert_int_equal(0, id_table_bytes(&ids));
    fixture_no_memory = true;
    int error = id_table_init(&ids, &series);
    fixture_no_memory = false;
    assert_int_equal(-ENOMEM, error);
    id_table_fini(&ids);
}

static void expect_id(const IdQuestion *q, SeriesKind kind, const char *id, size_t name_length)
{
    assert_int_equal(strlen(id), q->id_length);
    assert_memory_equal(id, q->id, q->id_length);
    assert_int_equal(kind, q->key.kind);
    assert_int_equal(name_length, q->key.name_length);
}

static void test_the_id_of_a_slot(void **state)
{
    (void)state;
    Bench *bench = fresh();
    IdQuestion q = question(bench, SERIES_STATS, "a", "");
    expect_id(&q, SERIES_STATS, "a", 1);
    q = question(bench, SERIES_FLAG, "a", "b");
    expect_id(&q, SERIES_FLAG, "a|#b", 1);
    q = question(bench, SERIES_SET, "name", "a:1,b:2");
    expect_id(&q, SERIES_SET, "name|#a:1,b:2", 4);
    q = question(bench, SERIES_COUNTER, "a.name.that.is.longer.than.32.bytes", "and,tags");
    expect_id(&q, SERIES_COUNTER, "a.name.that.is.longer.than.32.bytes|#and,tags", 35);
    done(bench);
}

static void test_the_longest_id(void **state)
{
    (void)state;
    Bench *bench = fresh();
    char name[SERIES_NAME_MAX + 1];
    char tags[SERIES_TAGS_MAX + 1];
    memset(name, 'n', sizeof name);
    memset(tags, 't', sizeof tags);
    name[SERIES_NAME_MAX] = tags[SERIES_TAGS_MAX] = '\0';
    IdQuestion q = question(bench, SERIES_GAUGE, name, tags);
    assert_int_equal(SERIES_ID_MAX, q.id_length);
    assert_memory_equal(name, q.id, SERIES_NAME_MAX);
    assert_memory_equal("|#t", q.id + SERIES_NAME_MAX, 3);
    uint32_t place = insert(bench, &q);
    tags[SERIES_TAGS_MAX - 1] = 'u';
    IdQuestion other = question(bench, SERIES_GAUGE, name, tags);
    assert_int_equal('u', other.id[SERIES_ID_MAX - 1]);
    assert_int_equal(0, id_table_find(&other));
    assert_int_equal(place, id_table_find(&q));
    done(bench);
}

static void test_what_is_another_series(void **state)
{
    (void)state;
    static const struct {
        SeriesKind kind;
        const char *name, *tags;
    } keys[] = {
        {SERIES_STATS, "ab", ""},   {SERIES_COUNTER, "ab", ""}, {SERIES_PROGRESS, "ab", ""},
        {SERIES_STATS, "a", "b"},   {SERIES_STATS, "ac", ""},   {SERIES_STATS, "abc", ""},
        {SERIES_STATS, "a", "bc"},  {SERIES_STATS, "ab", "c"},  {SERIES_STATS, "a", ""},
        {SERIES_COUNTER, "a", "b"}, {SERIES_STATS, "a", "b,c"}, {SERIES_STATS, "b", "a"},
        {SERIES_STATS, "a#", ""},   {SERIES_STATS, "a", "#"},   {SERIES_STATS, "a#", "#"},
        {SERIES_SET, "a", "b,c"},
    };
    enum {
        KEYS = sizeof keys / sizeof *keys
    };
    Bench *bench = fresh();
    uint32_t places[KEYS];
    for (size_t i = 0; i < KEYS; i++) {
        IdQuestion q = question(bench, keys[i].kind, keys[i].name, keys[i].tags);
        places[i] = insert(bench, &q);
    }
    for (size_t gone = 0; gone < KEYS; gone++) {
        IdQuestion q = question(bench, keys[gone].kind, keys[gone].name, keys[gone].tags);
        remove_place(bench, &q, places[gone]);
        for (size_t i = 0; i < KEYS; i++) {
            q = question(bench, keys[i].kind, keys[i].name, keys[i].tags);
            assert_int_equal(i <= gone ? 0 : places[i], id_table_find(&q));
        }
    }
    done(bench);
}

/* With one and the same hash, by chance. */
static IdQuestion colliding(Bench *bench, size_t i)
{
    static const struct {
        SeriesKind kind;
        const char *name, *tags;
    } keys[] = {{SERIES_STATS, "ab", ""},  {SERIES_FLAG, "ab", ""},  {SERIES_STATS, "ac", ""},
                {SERIES_STATS, "abc", ""}, {SERIES_STATS, "a", "b"}, {SERIES_FLAG, "a", "b"}};
    IdQuestion q = question(bench, keys[i].kind, keys[i].name, keys[i].tags);
    q.hash = 7;
    return q;
}

/* Then the whole id and the kind count. */
static void test_equal_hashes(void **state)
{
    (void)state;
    enum {
        KEYS = 6
    };
    Bench *bench = fresh();
    uint32_t places[KEYS];
    for (size_t i = 0; i < KEYS; i++) {
        IdQuestion q = colliding(bench, i);
        places[i] = insert(bench, &q);
    }
    IdQuestion gone = colliding(bench, 2);
    remove_place(bench, &gone, places[2]);
    for (size_t i = 0; i < KEYS; i++) {
        IdQuestion q = colliding(bench, i);
        assert_int_equal(i == 2 ? 0 : places[i], id_table_find(&q));
    }
    done(bench);
}

/* Nobody can know which ids fall into one bucket. */
static void test_each_table_hashes_in_its_own_way(void **state)
{
    (void)state;
    enum {
        IDS = 16
    };
    Bench *one = fresh();
    Bench *two = fresh();
    unsigned equal = 0;
    char name[16];
    for (int i = 0; i < IDS; i++) {
        (void)snprintf(name, sizeof name, "n%d", i);
        IdQuestion q = question(one, SERIES_STATS, name, "");
        IdQuestion again = question(one, SERIES_STATS, name, "");
        IdQuestion kind = question(one, SERIES_FLAG, name, "");
        IdQuestion other = question(two, SERIES_STATS, name, "");
        assert_int_equal(q.hash, again.hash);
        equal += q.hash == other.hash || q.hash == kind.hash;
    }
    assert_in_range(equal, 0, 1); /* one of 32 by chance: once in 10^8 runs */
    done(one);
    done(two);
}

static void test_no_memory_to_grow(void **state)
{
    (void)state;
    Bench *bench = fresh();
    char name[16];
    uint32_t count = 0;
    IdQuestion q = question(bench, SERIES_STATS, "first", "");
    uint32_t first = insert(bench, &q);
    size_t bytes = id_table_bytes(&bench->ids);
    fixture_no_memory = true;
    int error = 0;
    for (; (error = id_table_reserve(&bench->ids)) == 0; count++) {
        (void)snprintf(name, sizeof name, "n%u", count);
        IdQuestion next = question(bench, SERIES_STATS, name, "");
        (void)insert(bench, &next);
    }
    fixture_no_memory = false;
    assert_int_equal(-ENOMEM, error);
    assert_true(count > 100);
    assert_int_equal(bytes, id_table_bytes(&bench->ids));
    assert_int_equal(first, id_table_find(&q));
    assert_int_equal(0, id_table_reserve(&bench->ids));
    assert_true(id_table_bytes(&bench->ids) > bytes);
    assert_int_equal(first, id_table_find(&q));
    done(bench);
}

/* ---- against a model: which of many series are in ---- */

enum {
    MODEL_SERIES = 5000,
    MODEL_STEPS = 100000
};

static uint32_t random_below(uint64_t *rng, uint32_t end)
{
    *rng ^= *rng << 13, *rng ^= *rng >> 7, *rng ^= *rng << 17;
    return (uint32_t)((*rng >> 32) * end >> 32);
}

/* Two kinds, with and without tags: ids of several lengths, four of each number. */
static IdQuestion numbered(Bench *bench, uint32_t i)
{
    char name[32];
    (void)snprintf(name, sizeof name, "series.%u", i / 4);
    return question(bench, i % 2 == 0 ? SERIES_STATS : SERIES_GAUGE, name,
                    i % 4 < 2 ? "" : "a:1,b");
}

static void test_random_against_a_model(void **state)
{
    (void)state;
    Bench *bench = fresh();
    static uint32_t places[MODEL_SERIES]; /* 0: not in */
    memset(places, 0, sizeof places);
    uint64_t rng = seed;
    for (uint32_t step = 0; step < MODEL_STEPS; step++) {
        uint32_t among = 1 + (uint32_t)((uint64_t)step * MODEL_SERIES / MODEL_STEPS);
        uint32_t i = random_below(&rng, among);
        IdQuestion q = numbered(bench, i);
        assert_int_equal(places[i], id_table_find(&q));
        if (places[i] == 0) {
            places[i] = insert(bench, &q);
        } else if (random_below(&rng, 3) == 0) {
            remove_place(bench, &q, places[i]);
            places[i] = 0;
        }
    }
    for (uint32_t i = 0; i < MODEL_SERIES; i++) {
        IdQuestion q = numbered(bench, i);
        assert_int_equal(places[i], id_table_find(&q));
    }
    assert_in_range(bench->series.used, 1, MODEL_SERIES);
    done(bench);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0) | 1;
    print_message("# seed %llu (first argument)\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_is_given_back),
        cmocka_unit_test(test_the_id_of_a_slot),
        cmocka_unit_test(test_the_longest_id),
        cmocka_unit_test(test_what_is_another_series),
        cmocka_unit_test(test_equal_hashes),
        cmocka_unit_test(test_each_table_hashes_in_its_own_way),
        cmocka_unit_test(test_no_memory_to_grow),
        cmocka_unit_test(test_random_against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
