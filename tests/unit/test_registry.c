#include "metrics/registry.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixture_progress.h"
#include "fixture_registry.h"
#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/progress_cell.h"
#include "metrics/set_cell.h"

typedef FixtureRegistry Bench;

static void *target(const Slot *slot)
{
    return ((const RefSlot *)slot)->target;
}

static void test_destroy_nothing(void **state)
{
    (void)state;
    registry_destroy(NULL);
    Bench *bench = fixture_registry_init(10);
    assert_int_equal(0, fixture_count_all(bench->registry));
    assert_int_equal(10, registry_max_series(bench->registry));
    assert_int_equal(0, registry_expire_after(bench->registry));
    assert_int_equal(0, registry_expired(bench->registry));
    registry_set_expire_after(bench->registry, 60);
    assert_int_equal(60, registry_expire_after(bench->registry));
    registry_reclaim(bench->registry);
    registry_set_max_series(bench->registry, 0);
    const SeriesKey key = fixture_key(SERIES_STATS, "a", "");
    Slot *joined;
    assert_int_equal(-EDQUOT, fixture_try_join(bench, 0, &key, &joined));
    fixture_registry_fini(bench);
}

static void expect_series(const Series *series, SeriesKind kind, const char *id, size_t name_length)
{
    assert_non_null(series);
    assert_int_equal(kind, series->kind);
    assert_int_equal(name_length, series->name_length);
    assert_int_equal(strlen(id), series->id_length);
    assert_memory_equal(id, series->id, strlen(id));
}

/* Another thread finds the series that the first one has added, by all of its key and by nothing less. */
static void test_what_makes_a_series(void **state)
{
    (void)state;
    static const struct {
        SeriesKind kind;
        uint32_t n; /* of its kind */
        const char *name, *tags, *id;
    } keys[] = {
        {SERIES_STATS, 0, "api.latency", "env:prod,r:/x", "api.latency|#env:prod,r:/x"},
        {SERIES_STATS, 1, "api.latency", "", "api.latency"},
        {SERIES_STATS, 2, "api.latency", "env:prod", "api.latency|#env:prod"},
        {SERIES_STATS, 3, "api.latency", "env:prod,r:/y", "api.latency|#env:prod,r:/y"},
        {SERIES_STATS, 4, "api.latencx", "env:prod,r:/x", "api.latencx|#env:prod,r:/x"},
        {SERIES_COUNTER, 0, "api.latency", "env:prod,r:/x", "api.latency|#env:prod,r:/x"},
        {SERIES_GAUGE, 0, "api.latency", "env:prod,r:/x", "api.latency|#env:prod,r:/x"},
        {SERIES_SET, 0, "api.latency", "env:prod,r:/x", "api.latency|#env:prod,r:/x"},
        {SERIES_FLAG, 0, "api.latency", "env:prod,r:/x", "api.latency|#env:prod,r:/x"},
        {SERIES_PROGRESS, 0, "api.latency", "env:prod,r:/x", "api.latency|#env:prod,r:/x"},
        {SERIES_STATS, 5, "ab", "", "ab"},
        {SERIES_STATS, 6, "a", "b", "a|#b"},
        {SERIES_STATS, 7, "a", "", "a"},
    };
    enum {
        KEYS = sizeof keys / sizeof *keys
    };
    Bench *bench = fixture_registry_init(100);
    for (int who = 0; who < 2; who++) {
        for (uint32_t i = 0; i < KEYS; i++) {
            const Slot *slot = fixture_join(bench, who, keys[i].kind, keys[i].name, keys[i].tags);
            const Series *series = fixture_nth(bench->registry, keys[i].kind, keys[i].n);
            expect_series(series, keys[i].kind, keys[i].id, strlen(keys[i].name));
            assert_int_equal(who == 0 ? i + 1 : KEYS, fixture_count_all(bench->registry));
            assert_ptr_equal(slot, fixture_first_slot(series));
            assert_int_equal(who == 0, slot->next == NULL);
            assert_true(who == 0 || slot_owner_has(&bench->owner[0].owner, slot->next));
        }
    }
    fixture_registry_fini(bench);
}

static void test_the_longest_key(void **state)
{
    (void)state;
    char name[SERIES_NAME_MAX + 1];
    char tags[SERIES_TAGS_MAX + 1];
    memset(name, 'n', sizeof name);
    memset(tags, 't', sizeof tags);
    name[SERIES_NAME_MAX] = tags[SERIES_TAGS_MAX] = '\0';
    Bench *bench = fixture_registry_init(100);
    (void)fixture_join(bench, 0, SERIES_COUNTER, name, tags);
    const Series *series = fixture_nth(bench->registry, SERIES_COUNTER, 0);
    assert_int_equal(SERIES_ID_MAX, series->id_length);
    assert_int_equal(SERIES_NAME_MAX, series->name_length);
    assert_memory_equal(name, series->id, SERIES_NAME_MAX);
    assert_memory_equal("|#", series->id + SERIES_NAME_MAX, 2);
    assert_memory_equal(tags, series->id + SERIES_NAME_MAX + 2, SERIES_TAGS_MAX);
    tags[SERIES_TAGS_MAX - 1] = 'u';
    (void)fixture_join(bench, 1, SERIES_COUNTER, name, tags);
    assert_int_equal(2, registry_count(bench->registry, SERIES_COUNTER));
    (void)fixture_join(bench, 1, SERIES_COUNTER, name, "");
    const Series *untagged = fixture_nth(bench->registry, SERIES_COUNTER, 2);
    assert_int_equal(SERIES_NAME_MAX, untagged->id_length);
    assert_memory_equal(name, untagged->id, SERIES_NAME_MAX);
    fixture_registry_fini(bench);
}

static void test_shared_cells_are_ready_and_shared(void **state)
{
    (void)state;
    Bench *bench = fixture_registry_init(100);
    /* In this order, so that the cells' alignment is put to the test. */
    FlagCell *flag = target(fixture_join(bench, 0, SERIES_FLAG, "f", ""));
    GaugeCell *gauge = target(fixture_join(bench, 0, SERIES_GAUGE, "g", "a,b"));
    SetCell *set = target(fixture_join(bench, 0, SERIES_SET, "s", ""));
    ProgressCell *progress = target(fixture_join(bench, 0, SERIES_PROGRESS, "p", ""));
    bool value = true;
    ProgressValue progress_value;
    assert_true(isnan(gauge_cell_get(gauge)));
    assert_true(0 == set_cell_count(set));
    assert_false(flag_cell_get(flag, &value));
    assert_false(progress_cell_read(progress, &progress_value));
    gauge_cell_set(gauge, 2.5, NULL);
    assert_true(set_cell_add(set, 1));
    flag_cell_set(flag, true);
    progress_set_done(progress, 5, 1);
    assert_true(2.5 == gauge_cell_get(gauge));
    assert_true(1 == set_cell_count(set));
    assert_true(flag_cell_get(flag, &value) && value);
    assert_true(progress_cell_read(progress, &progress_value));

    assert_ptr_equal(flag, target(fixture_join(bench, 1, SERIES_FLAG, "f", "")));
    assert_ptr_equal(gauge, target(fixture_join(bench, 1, SERIES_GAUGE, "g", "a,b")));
    assert_ptr_equal(set, target(fixture_join(bench, 1, SERIES_SET, "s", "")));
    assert_ptr_equal(progress, target(fixture_join(bench, 1, SERIES_PROGRESS, "p", "")));
    fixture_registry_fini(bench);
}

static void test_the_limit(void **state)
{
    (void)state;
    Bench *bench = fixture_registry_init(3);
    (void)fixture_join(bench, 0, SERIES_STATS, "a", "");
    (void)fixture_join(bench, 0, SERIES_GAUGE, "a", "");
    (void)fixture_join(bench, 0, SERIES_STATS, "b", "");
    const SeriesKey refused[] = {fixture_key(SERIES_STATS, "c", ""),
                                 fixture_key(SERIES_FLAG, "a", "")};
    Slot poison;
    Slot *joined = &poison;
    for (int i = 0; i < 2; i++)
        assert_int_equal(-EDQUOT, fixture_try_join(bench, i, &refused[i], &joined));
    assert_ptr_equal(&poison, joined);
    assert_int_equal(3, fixture_count_all(bench->registry));
    (void)fixture_join(bench, 1, SERIES_STATS, "b", ""); /* the known ones are found as before */

    registry_set_max_series(bench->registry, 4);
    assert_int_equal(4, registry_max_series(bench->registry));
    (void)fixture_join(bench, 0, SERIES_STATS, "c", "");
    assert_int_equal(-EDQUOT, fixture_try_join(bench, 0, &refused[1], &joined));
    /* Below what there is: nothing goes away, nothing comes. */
    registry_set_max_series(bench->registry, 1);
    assert_int_equal(-EDQUOT, fixture_try_join(bench, 1, &refused[1], &joined));
    (void)fixture_join(bench, 1, SERIES_STATS, "c", "");
    assert_int_equal(4, fixture_count_all(bench->registry));
    fixture_registry_fini(bench);
}

static SeriesKey numbered(char name[static 32], uint32_t i)
{
    int length = snprintf(name, 32, "series.%u", i * 2654435761U);
    SeriesKind kind = i % 3 == 0 ? SERIES_COUNTER : SERIES_STATS;
    return (SeriesKey){kind, name, (size_t)length, "env:prod", 8};
}

/* Growth of the table and of the segments: every series keeps its address and its place. */
static void test_300000_series_in_the_order_of_first_sight(void **state)
{
    (void)state;
    enum {
        COUNT = 300000
    };
    Bench *bench = fixture_registry_init(COUNT);
    static Slot *all[COUNT];
    char name[32];
    size_t memory = registry_memory_bytes(bench->registry);
    for (uint32_t i = 0; i < COUNT; i++) {
        SeriesKey key = numbered(name, i);
        assert_int_equal(0, fixture_try_join(bench, 0, &key, &all[i]));
    }
    assert_int_equal(COUNT / 3, registry_count(bench->registry, SERIES_COUNTER));
    assert_int_equal(COUNT - COUNT / 3, registry_count(bench->registry, SERIES_STATS));
    size_t grown = registry_memory_bytes(bench->registry) - memory;
    assert_in_range(grown, COUNT * sizeof(Series), (size_t)4 * COUNT * sizeof(Series));

    SeriesWalk walks[SERIES_KINDS];
    registry_lock_walks(bench->registry);
    for (int kind = 0; kind < SERIES_KINDS; kind++)
        registry_walk(bench->registry, (SeriesKind)kind, &walks[kind]);
    for (uint32_t i = 0; i < COUNT; i++) {
        SeriesKey key = numbered(name, i);
        const Series *series = series_walk_next(&walks[key.kind]);
        assert_ptr_equal(all[i], fixture_first_slot(series));
        assert_int_equal(key.name_length, series->name_length);
        assert_int_equal(key.name_length + 10, series->id_length);
        assert_memory_equal(name, series->id, key.name_length);
        Slot *there = NULL;
        assert_int_equal(0, fixture_try_join(bench, 1, &key, &there));
        assert_ptr_equal(there, fixture_first_slot(series));
        assert_ptr_equal(all[i], there->next);
    }
    for (int kind = 0; kind < SERIES_KINDS; kind++) {
        assert_null(series_walk_next(&walks[kind]));
        series_walk_end(&walks[kind]);
    }
    registry_unlock_walks(bench->registry);
    assert_int_equal(COUNT, fixture_count_all(bench->registry));
    assert_true(grown == registry_memory_bytes(bench->registry) - memory);
    fixture_registry_fini(bench);
}

static void test_sets_grow_once(void **state)
{
    (void)state;
    Bench *bench = fixture_registry_init(10);
    SetCell *set = target(fixture_join(bench, 0, SERIES_SET, "s", ""));
    for (uint64_t hash = 1; hash <= SET_SMALL; hash++)
        assert_true(set_cell_add(set, hash << 32 | hash));
    assert_false(set_cell_add(set, 77));
    size_t before = registry_memory_bytes(bench->registry);
    assert_int_equal(0, registry_grow_set(bench->registry, set));
    size_t after = registry_memory_bytes(bench->registry);
    assert_true(after >= before + sizeof(SetSketch));
    assert_true(set_cell_add(set, 77));
    assert_int_equal(0, registry_grow_set(bench->registry, set));
    assert_true(after == registry_memory_bytes(bench->registry));
    assert_true(SET_SMALL + 1 == set_cell_count(set));
    fixture_registry_fini(bench);
}

/* ---- no memory: nothing has changed then, and later all goes on ---- */

/* Slots that are made while there is memory. */
static void make_slots(Bench *bench, Slot **slots, uint32_t count, SeriesKind kind,
                       const char *prefix, const char *tags)
{
    char name[64];
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(name, sizeof name, "%s%u", prefix, i);
        slots[i] = fixture_slot(&bench->owner[0], kind, name, tags);
    }
}

/* Joins one after the other. => how many were joined before there was no memory. */
static uint32_t join_until_full(Bench *bench, Slot *const *slots, uint32_t count)
{
    uint32_t before = fixture_count_all(bench->registry);
    for (uint32_t i = 0; i < count; i++) {
        Slot *joined = NULL;
        int error = registry_join(bench->registry, &bench->owner[0].owner, slots[i], &joined);
        if (error == 0 && joined == slots[i])
            continue;
        assert_int_equal(-ENOMEM, error);
        assert_null(joined);
        assert_int_equal(before + i, fixture_count_all(bench->registry));
        return i;
    }
    return count;
}

/* All figures say what a walk shows. */
static void expect_count(Bench *bench, uint32_t count)
{
    assert_int_equal(count, fixture_count_all(bench->registry));
    for (int kind = 0; kind < SERIES_KINDS; kind++) {
        uint32_t of_kind = registry_count(bench->registry, (SeriesKind)kind);
        if (of_kind > 0)
            assert_non_null(fixture_nth(bench->registry, (SeriesKind)kind, of_kind - 1));
        assert_null(fixture_nth(bench->registry, (SeriesKind)kind, of_kind));
    }
}

static void test_no_memory_for_ids_cells_and_sketches(void **state)
{
    (void)state;
    enum {
        SETS = 250, /* the arena's first MiB has room for fewer sketches */
        MORE = 40
    };
    Bench *bench = fixture_registry_init(10000);
    char tags[SERIES_TAGS_MAX + 1];
    memset(tags, 't', SERIES_TAGS_MAX);
    tags[SERIES_TAGS_MAX] = '\0';
    Slot *sets[SETS];
    Slot *more[3][MORE];
    make_slots(bench, sets, SETS, SERIES_SET, "s", "");
    make_slots(bench, more[0], MORE, SERIES_STATS, "m", tags);
    make_slots(bench, more[1], MORE, SERIES_SET, "t", "");
    make_slots(bench, more[2], MORE, SERIES_GAUGE, "g", "");
    Slot *plain = fixture_slot(&bench->owner[0], SERIES_COUNTER, "c", "");
    assert_int_equal(SETS, join_until_full(bench, sets, SETS));

    uint32_t sketches = 0;
    uint32_t joined[3];
    fixture_no_memory = true;
    while (sketches < SETS - 1 && registry_grow_set(bench->registry, target(sets[sketches])) == 0)
        sketches++;
    for (int i = 0; i < 3; i++)
        joined[i] = join_until_full(bench, more[i], MORE);
    int error = registry_grow_set(bench->registry, target(sets[sketches]));
    uint32_t tries = 0; /* more than there are places: none is lost, nor is an id */
    while (tries < 3000 && join_until_full(bench, more[tries % 3] + joined[tries % 3], 1) == 0)
        tries++;
    uint32_t needs_nothing = join_until_full(bench, &plain, 1);
    fixture_no_memory = false;
    assert_int_equal(-ENOMEM, error);
    assert_int_equal(3000, tries);
    assert_int_equal(1, needs_nothing);
    uint32_t count = SETS + 1;
    for (int i = 0; i < 3; i++) {
        assert_in_range(joined[i], 0, MORE - 1);
        count += joined[i];
    }
    expect_count(bench, count);
    assert_true(set_cell_count(target(sets[sketches])) == 0);
    assert_int_equal(0, registry_grow_set(bench->registry, target(sets[sketches])));
    for (int i = 0; i < 3; i++)
        assert_int_equal(MORE - joined[i],
                         join_until_full(bench, more[i] + joined[i], MORE - joined[i]));
    expect_count(bench, SETS + 1 + 3 * MORE);
    fixture_registry_fini(bench);
}

static void test_no_memory_for_the_table(void **state)
{
    (void)state;
    enum {
        SLOTS = 1000
    };
    Bench *bench = fixture_registry_init(10000);
    Slot *slots[SLOTS];
    make_slots(bench, slots, SLOTS, SERIES_STATS, "n", "");
    assert_int_equal(100, join_until_full(bench, slots, 100));
    fixture_no_memory = true;
    uint32_t joined = 100 + join_until_full(bench, slots + 100, SLOTS - 100);
    fixture_no_memory = false;
    assert_in_range(joined, 200, SLOTS - 100);
    expect_count(bench, joined);
    (void)fixture_join(bench, 1, SERIES_STATS, "n0", ""); /* the known ones are found as before */
    assert_int_equal(SLOTS - joined, join_until_full(bench, slots + joined, SLOTS - joined));
    expect_count(bench, SLOTS);
    fixture_registry_fini(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_destroy_nothing),
        cmocka_unit_test(test_what_makes_a_series),
        cmocka_unit_test(test_the_longest_key),
        cmocka_unit_test(test_shared_cells_are_ready_and_shared),
        cmocka_unit_test(test_the_limit),
        cmocka_unit_test(test_300000_series_in_the_order_of_first_sight),
        cmocka_unit_test(test_sets_grow_once),
        cmocka_unit_test(test_no_memory_for_ids_cells_and_sketches),
        cmocka_unit_test(test_no_memory_for_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
