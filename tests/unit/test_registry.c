#include "metrics/registry.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/progress_cell.h"
#include "metrics/set_cell.h"
#include "metrics/slot.h"

static Registry *fresh(uint32_t max_series)
{
    Registry *registry = NULL;
    assert_int_equal(0, registry_create(&registry, max_series));
    assert_non_null(registry);
    return registry;
}

static char *copy_of(const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    assert_non_null(copy);
    return memcpy(copy + 1, text, length);
}

/* On copies that end where the text does and are gone afterwards: the registry must have its own. */
static int find(Registry *registry, SeriesKind kind, const char *name, const char *tags,
                Series **series)
{
    SeriesKey key = {kind, NULL, strlen(name), NULL, strlen(tags)};
    char *name_copy = copy_of(name, key.name_length);
    char *tags_copy = copy_of(tags, key.tags_length);
    key.name = name_copy;
    key.tags = tags_copy;
    int error = registry_find_or_add(registry, &key, NULL, series);
    memset(name_copy, 'X', key.name_length);
    free(name_copy - 1);
    free(tags_copy - 1);
    return error;
}

static Series *must_find(Registry *registry, SeriesKind kind, const char *name, const char *tags)
{
    Series *series = NULL;
    assert_int_equal(0, find(registry, kind, name, tags, &series));
    assert_non_null(series);
    return series;
}

static uint32_t count_all(const Registry *registry)
{
    uint32_t total = 0;
    for (int kind = 0; kind < SERIES_KINDS; kind++)
        total += registry_count(registry, (SeriesKind)kind);
    return total;
}

static void expect_series(const Series *series, SeriesKind kind, const char *id, size_t name_length)
{
    assert_int_equal(kind, series->kind);
    assert_int_equal(name_length, series->name_length);
    assert_int_equal(strlen(id), series->id_length);
    assert_memory_equal(id, series->id, strlen(id));
}

static void test_destroy_nothing(void **state)
{
    (void)state;
    registry_destroy(NULL);
    Registry *registry = fresh(10);
    assert_int_equal(0, count_all(registry));
    assert_int_equal(10, registry_max_series(registry));
    registry_set_max_series(registry, 0);
    Series *series;
    assert_int_equal(-EDQUOT, find(registry, SERIES_STATS, "a", "", &series));
    registry_destroy(registry);
}

static void test_what_makes_a_series(void **state)
{
    (void)state;
    Registry *registry = fresh(100);
    Series *first = must_find(registry, SERIES_STATS, "api.latency", "env:prod,route:/x");
    expect_series(first, SERIES_STATS, "api.latency|#env:prod,route:/x", 11);
    assert_ptr_equal(first, must_find(registry, SERIES_STATS, "api.latency", "env:prod,route:/x"));
    assert_int_equal(1, count_all(registry));

    static const struct {
        SeriesKind kind;
        const char *name, *tags, *id;
    } others[] = {
        {SERIES_STATS, "api.latency", "", "api.latency"},
        {SERIES_STATS, "api.latency", "env:prod", "api.latency|#env:prod"},
        {SERIES_STATS, "api.latency", "env:prod,route:/y", "api.latency|#env:prod,route:/y"},
        {SERIES_STATS, "api.latencx", "env:prod,route:/x", "api.latencx|#env:prod,route:/x"},
        {SERIES_COUNTER, "api.latency", "env:prod,route:/x", "api.latency|#env:prod,route:/x"},
        {SERIES_GAUGE, "api.latency", "env:prod,route:/x", "api.latency|#env:prod,route:/x"},
        {SERIES_SET, "api.latency", "env:prod,route:/x", "api.latency|#env:prod,route:/x"},
        {SERIES_FLAG, "api.latency", "env:prod,route:/x", "api.latency|#env:prod,route:/x"},
        {SERIES_PROGRESS, "api.latency", "env:prod,route:/x", "api.latency|#env:prod,route:/x"},
        {SERIES_STATS, "ab", "", "ab"},
        {SERIES_STATS, "a", "b", "a|#b"},
        {SERIES_STATS, "a", "", "a"},
    };
    uint32_t added = 1;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        Series *series = must_find(registry, others[i].kind, others[i].name, others[i].tags);
        expect_series(series, others[i].kind, others[i].id, strlen(others[i].name));
        assert_int_equal(++added, count_all(registry));
        assert_ptr_equal(series,
                         must_find(registry, others[i].kind, others[i].name, others[i].tags));
        assert_int_equal(added, count_all(registry));
    }
    registry_destroy(registry);
}

static void test_the_longest_key(void **state)
{
    (void)state;
    char name[SERIES_NAME_MAX + 1];
    char tags[SERIES_TAGS_MAX + 1];
    memset(name, 'n', sizeof name);
    memset(tags, 't', sizeof tags);
    name[SERIES_NAME_MAX] = tags[SERIES_TAGS_MAX] = '\0';
    Registry *registry = fresh(100);
    Series *series = must_find(registry, SERIES_COUNTER, name, tags);
    assert_int_equal(SERIES_ID_MAX, series->id_length);
    assert_int_equal(SERIES_NAME_MAX, series->name_length);
    assert_memory_equal(name, series->id, SERIES_NAME_MAX);
    assert_memory_equal("|#", series->id + SERIES_NAME_MAX, 2);
    assert_memory_equal(tags, series->id + SERIES_NAME_MAX + 2, SERIES_TAGS_MAX);
    tags[SERIES_TAGS_MAX - 1] = 'u';
    assert_ptr_not_equal(series, must_find(registry, SERIES_COUNTER, name, tags));
    registry_destroy(registry);
}

static void test_shared_cells_are_ready(void **state)
{
    (void)state;
    Registry *registry = fresh(100);
    /* In this order, so that the cells' alignment is put to the test. */
    Series *flag = must_find(registry, SERIES_FLAG, "f", "");
    Series *gauge = must_find(registry, SERIES_GAUGE, "g", "");
    Series *set = must_find(registry, SERIES_SET, "s", "");
    Series *progress = must_find(registry, SERIES_PROGRESS, "p", "");
    assert_null(must_find(registry, SERIES_STATS, "ms", "")->shared);
    assert_null(must_find(registry, SERIES_COUNTER, "c", "")->shared);
    assert_true(isnan(gauge_cell_get(gauge->shared)));
    gauge_cell_set(gauge->shared, 2.5);
    assert_true(0 == set_cell_count(set->shared));
    assert_true(set_cell_add(set->shared, 1));
    bool value = true;
    assert_false(flag_cell_get(flag->shared, &value));
    flag_cell_set(flag->shared, true);
    ProgressValue progress_value;
    assert_false(progress_cell_read(progress->shared, &progress_value));
    progress_cell_set_done(progress->shared, 5, 1);
    assert_true(2.5 == gauge_cell_get(gauge->shared));
    assert_true(1 == set_cell_count(set->shared));
    assert_true(flag_cell_get(flag->shared, &value) && value);
    assert_true(progress_cell_read(progress->shared, &progress_value));
    registry_destroy(registry);
}

static void test_the_limit(void **state)
{
    (void)state;
    Registry *registry = fresh(3);
    must_find(registry, SERIES_STATS, "a", "");
    must_find(registry, SERIES_GAUGE, "a", "");
    Series *last = must_find(registry, SERIES_STATS, "b", "");
    Series poison;
    Series *series = &poison;
    assert_int_equal(-EDQUOT, find(registry, SERIES_STATS, "c", "", &series));
    assert_int_equal(-EDQUOT, find(registry, SERIES_FLAG, "a", "", &series));
    assert_ptr_equal(&poison, series);
    assert_int_equal(3, count_all(registry));
    /* The known ones are found as before. */
    assert_ptr_equal(last, must_find(registry, SERIES_STATS, "b", ""));

    registry_set_max_series(registry, 4);
    assert_int_equal(4, registry_max_series(registry));
    must_find(registry, SERIES_STATS, "c", "");
    assert_int_equal(-EDQUOT, find(registry, SERIES_STATS, "d", "", &series));
    /* Below what there is: nothing goes away, nothing comes. */
    registry_set_max_series(registry, 1);
    assert_int_equal(-EDQUOT, find(registry, SERIES_STATS, "d", "", &series));
    assert_ptr_equal(last, must_find(registry, SERIES_STATS, "b", ""));
    assert_int_equal(4, count_all(registry));
    registry_destroy(registry);
}

static size_t series_name(char out[static 32], uint32_t i)
{
    return (size_t)snprintf(out, 32, "series.%u", i * 2654435761U);
}

/* Growth of the table and of the segments: every series keeps its address and its place. */
static void test_300000_series_in_the_order_of_first_sight(void **state)
{
    (void)state;
    enum {
        COUNT = 300000
    };
    Registry *registry = fresh(COUNT);
    static Series *all[COUNT];
    char name[32];
    size_t memory = registry_memory_bytes(registry);
    for (uint32_t i = 0; i < COUNT; i++) {
        SeriesKind kind = i % 3 == 0 ? SERIES_COUNTER : SERIES_STATS;
        SeriesKey key = {kind, name, series_name(name, i), "env:prod", 8};
        assert_int_equal(0, registry_find_or_add(registry, &key, NULL, &all[i]));
    }
    assert_int_equal(COUNT / 3, registry_count(registry, SERIES_COUNTER));
    assert_int_equal(COUNT - COUNT / 3, registry_count(registry, SERIES_STATS));
    size_t grown = registry_memory_bytes(registry) - memory;
    assert_in_range(grown, COUNT * sizeof(Series), (size_t)4 * COUNT * sizeof(Series));

    uint32_t next[SERIES_KINDS] = {0};
    for (uint32_t i = 0; i < COUNT; i++) {
        SeriesKind kind = i % 3 == 0 ? SERIES_COUNTER : SERIES_STATS;
        assert_ptr_equal(all[i], registry_at(registry, kind, next[kind]++));
        size_t length = series_name(name, i);
        assert_int_equal(length, all[i]->name_length);
        assert_memory_equal(name, all[i]->id, length);
        SeriesKey key = {kind, name, length, "env:prod", 8};
        Series *again = NULL;
        assert_int_equal(0, registry_find_or_add(registry, &key, NULL, &again));
        assert_ptr_equal(all[i], again);
    }
    assert_int_equal(COUNT, count_all(registry));
    assert_true(grown == registry_memory_bytes(registry) - memory);
    registry_destroy(registry);
}

static void test_slots_hang_on_their_series(void **state)
{
    (void)state;
    Registry *registry = fresh(10);
    Series *series = must_find(registry, SERIES_STATS, "a", "");
    StatsSlot slots[3];
    memset(slots, 0, sizeof slots);
    for (size_t i = 0; i < 3; i++)
        registry_link_slot(registry, series, &slots[i].slot);
    unsigned seen = 0;
    /* relaxed: one thread. */
    const Slot *slot = atomic_load_explicit(&series->slots, memory_order_relaxed);
    for (; slot != NULL; slot = slot->next) {
        for (unsigned i = 0; i < 3; i++)
            seen += slot == &slots[i].slot ? 1U << (4 * i) : 0;
    }
    assert_int_equal(0x111, seen);
    registry_destroy(registry);
}

static void test_sets_grow_once(void **state)
{
    (void)state;
    Registry *registry = fresh(10);
    Series *series = must_find(registry, SERIES_SET, "s", "");
    for (uint64_t hash = 1; hash <= SET_SMALL; hash++)
        assert_true(set_cell_add(series->shared, hash << 32 | hash));
    assert_false(set_cell_add(series->shared, 77));
    size_t before = registry_memory_bytes(registry);
    assert_int_equal(0, registry_grow_set(registry, series));
    size_t after = registry_memory_bytes(registry);
    assert_true(after >= before + sizeof(SetSketch));
    assert_true(set_cell_add(series->shared, 77));
    assert_int_equal(0, registry_grow_set(registry, series));
    assert_true(after == registry_memory_bytes(registry));
    assert_true(SET_SMALL + 1 == set_cell_count(series->shared));
    registry_destroy(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_destroy_nothing),
        cmocka_unit_test(test_what_makes_a_series),
        cmocka_unit_test(test_the_longest_key),
        cmocka_unit_test(test_shared_cells_are_ready),
        cmocka_unit_test(test_the_limit),
        cmocka_unit_test(test_300000_series_in_the_order_of_first_sight),
        cmocka_unit_test(test_slots_hang_on_their_series),
        cmocka_unit_test(test_sets_grow_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
