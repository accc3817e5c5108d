#include "metrics/snapshot.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture_progress.h"
#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/progress_cell.h"
#include "metrics/series_index.h"
#include "metrics/set_cell.h"

enum {
    THREADS = 2
};

/* A registry and the indexes of two ingest threads. */
typedef struct {
    Registry *registry;
    SeriesIndex index[THREADS];
} Bench;

static Bench *fresh(void)
{
    Bench *bench = malloc(sizeof *bench);
    assert_non_null(bench);
    assert_int_equal(0, registry_create(&bench->registry, 1000));
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(0, series_index_init(&bench->index[i], bench->registry));
    return bench;
}

static void done(Bench *bench)
{
    for (int i = 0; i < THREADS; i++)
        series_index_fini(&bench->index[i]);
    registry_destroy(bench->registry);
    free(bench);
}

static Slot *slot_of(Bench *bench, int thread, SeriesKind kind, const char *name, const char *tags)
{
    SeriesKey key = {kind, name, strlen(name), tags, strlen(tags)};
    SeriesIndex *index = &bench->index[thread];
    Slot *slot = NULL;
    assert_int_equal(0, series_index_find(index, &key, series_index_hash(index, &key), &slot));
    return slot;
}

static AstatsCell *stats(Bench *bench, int thread, const char *name, const char *tags)
{
    return &((StatsSlot *)slot_of(bench, thread, SERIES_STATS, name, tags))->cell;
}

static CounterCell *counter(Bench *bench, int thread, const char *name, const char *tags)
{
    return &((CounterSlot *)slot_of(bench, thread, SERIES_COUNTER, name, tags))->cell;
}

static void *shared(Bench *bench, int thread, SeriesKind kind, const char *name)
{
    return ((RefSlot *)slot_of(bench, thread, kind, name, ""))->target;
}

/* The walk's only series. */
static SeriesView only(Bench *bench, SeriesKind kind, const char *id, size_t name_length)
{
    SnapshotCursor cursor;
    SeriesView view;
    memset(&cursor, 0xa5, sizeof cursor);
    memset(&view, 0xa5, sizeof view);
    snapshot_begin(&cursor, bench->registry, kind, &(SnapshotFilter){0});
    assert_true(snapshot_next(&cursor, &view));
    assert_int_equal(kind, view.kind);
    assert_int_equal(strlen(id), view.id_length);
    assert_memory_equal(id, view.id, strlen(id));
    assert_int_equal(name_length, view.name_length);
    SeriesView after = view;
    assert_false(snapshot_next(&cursor, &after));
    assert_false(snapshot_next(&cursor, &after));
    assert_memory_equal(&view, &after, sizeof view);
    return view;
}

/* The names of the series that a walk gives, joined with spaces. Skipping gives as many. */
static void expect_walk(Bench *bench, const SnapshotFilter *filter, const char *expected)
{
    char actual[500] = "";
    size_t length = 0;
    int series = 0;
    SnapshotCursor cursor;
    SeriesView view;
    snapshot_begin(&cursor, bench->registry, SERIES_COUNTER, filter);
    for (; snapshot_next(&cursor, &view); series++) {
        actual[length++] = ' ';
        memcpy(actual + length, view.id, view.id_length);
        length += view.id_length;
    }
    actual[length] = '\0';
    assert_string_equal(expected, length != 0 ? actual + 1 : actual);
    snapshot_begin(&cursor, bench->registry, SERIES_COUNTER, filter);
    while (series-- > 0)
        assert_true(snapshot_skip(&cursor));
    assert_false(snapshot_skip(&cursor));
}

static void test_an_empty_registry(void **state)
{
    (void)state;
    Bench *bench = fresh();
    expect_walk(bench, &(SnapshotFilter){0}, "");
    done(bench);
}

static void test_stats_of_two_threads_are_one(void **state)
{
    (void)state;
    Bench *bench = fresh();
    for (int i = 0; i < 3; i++)
        astats_cell_record(stats(bench, 0, "api.latency", "env:prod"), 10 + 10.0 * i, 1);
    SeriesView view = only(bench, SERIES_STATS, "api.latency|#env:prod", 11);
    assert_true(3 == view.value.stats.count && 60 == view.value.stats.sum);
    assert_true(20 == view.value.stats.mean &&
                fabs(8.16496580927726 - view.value.stats.stddev) < 1e-13);
    astats_cell_record(stats(bench, 1, "api.latency", "env:prod"), -40, 2);
    view = only(bench, SERIES_STATS, "api.latency|#env:prod", 11);
    assert_true(5 == view.value.stats.count && -20 == view.value.stats.sum);
    assert_true(-4 == view.value.stats.mean);
    assert_true(-40 == view.value.stats.min && 30 == view.value.stats.max);
    assert_true(fabs(sqrt(904) - view.value.stats.stddev) < 1e-12);
    done(bench);
}

static void test_counters_of_two_threads_are_one(void **state)
{
    (void)state;
    Bench *bench = fresh();
    counter_cell_add_integer(counter(bench, 0, "hits", ""), INT64_MAX);
    counter_cell_add_integer(counter(bench, 1, "hits", ""), INT64_MAX);
    counter_cell_add_integer(counter(bench, 0, "hits", ""), -INT64_MAX);
    SeriesView view = only(bench, SERIES_COUNTER, "hits", 4);
    assert_true(view.value.counter.is_integer);
    assert_true(INT64_MAX == view.value.counter.integer);
    counter_cell_add_double(counter(bench, 1, "hits", ""), -0x1p62);
    counter_cell_add_double(counter(bench, 0, "hits", ""), -0x1p62);
    counter_cell_add_double(counter(bench, 0, "hits", ""), 3.25);
    view = only(bench, SERIES_COUNTER, "hits", 4);
    assert_false(view.value.counter.is_integer);
    assert_true(2.25 == view.value.counter.value);
    done(bench);
}

static void test_gauges_flags_sets_and_progress(void **state)
{
    (void)state;
    Bench *bench = fresh();
    gauge_cell_set(shared(bench, 0, SERIES_GAUGE, "temperature"), -1.5, NULL);
    gauge_cell_add(shared(bench, 1, SERIES_GAUGE, "temperature"), -2, NULL);
    assert_true(-3.5 == only(bench, SERIES_GAUGE, "temperature", 11).value.gauge);

    flag_cell_set(shared(bench, 0, SERIES_FLAG, "on"), true);
    assert_true(only(bench, SERIES_FLAG, "on", 2).value.flag);
    flag_cell_set(shared(bench, 1, SERIES_FLAG, "on"), false);
    assert_false(only(bench, SERIES_FLAG, "on", 2).value.flag);

    for (uint64_t i = 1; i <= 17; i++) {
        SetCell *set = shared(bench, (int)(i % THREADS), SERIES_SET, "users");
        assert_true(set_cell_add(set, i * UINT64_C(0x9e3779b97f4a7c15)));
    }
    assert_true(17 == only(bench, SERIES_SET, "users", 5).value.set);

    progress_set_total(shared(bench, 0, SERIES_PROGRESS, "import"), 1000, 1);
    progress_set_done(shared(bench, 1, SERIES_PROGRESS, "import"), 250, 2000000001);
    ProgressValue progress = only(bench, SERIES_PROGRESS, "import", 6).value.progress;
    assert_true(250 == progress.done && 1000 == progress.total && 0.25 == progress.fraction);
    assert_true(125 == progress.rate_per_s && 6 == progress.eta_s);
    done(bench);
}

/* Between its birth and its first value a series has nothing to show. */
static void test_series_without_a_value_are_not_shown(void **state)
{
    (void)state;
    Bench *bench = fresh();
    for (int kind = 0; kind < SERIES_KINDS; kind++) {
        slot_of(bench, 0, (SeriesKind)kind, "empty", "");
        slot_of(bench, 1, (SeriesKind)kind, "empty", "");
        SnapshotCursor cursor;
        SeriesView view;
        memset(&view, 0xa5, sizeof view);
        SeriesView before = view;
        snapshot_begin(&cursor, bench->registry, (SeriesKind)kind, &(SnapshotFilter){0});
        assert_false(snapshot_next(&cursor, &view));
        assert_memory_equal(&before, &view, sizeof view);
        snapshot_begin(&cursor, bench->registry, (SeriesKind)kind, &(SnapshotFilter){0});
        assert_false(snapshot_skip(&cursor));
    }
    counter_cell_add_integer(counter(bench, 0, "first", ""), 0);
    counter(bench, 0, "second", "");
    counter_cell_add_integer(counter(bench, 1, "third", ""), 0);
    expect_walk(bench, &(SnapshotFilter){0}, "first third");
    counter_cell_add_integer(counter(bench, 0, "empty", ""), 1);
    expect_walk(bench, &(SnapshotFilter){0}, "empty first third");
    done(bench);
}

/* A walk ends with what there was when it began. */
static void test_series_born_during_a_walk(void **state)
{
    (void)state;
    Bench *bench = fresh();
    counter_cell_add_integer(counter(bench, 0, "a", ""), 1);
    SnapshotCursor cursor;
    SeriesView view;
    snapshot_begin(&cursor, bench->registry, SERIES_COUNTER, &(SnapshotFilter){0});
    counter_cell_add_integer(counter(bench, 1, "b", ""), 1);
    assert_true(snapshot_next(&cursor, &view));
    assert_false(snapshot_next(&cursor, &view));
    expect_walk(bench, &(SnapshotFilter){0}, "a b");
    done(bench);
}

static void test_filters(void **state)
{
    (void)state;
    static const struct {
        const char *glob, *exact, *expected;
    } cases[] = {
        {NULL, NULL, "api.b api.a|#env:prod api.a|#env:test api.a db caf\xc3\xa9 a"},
        {"*", NULL, "api.b api.a|#env:prod api.a|#env:test api.a db caf\xc3\xa9 a"},
        {NULL, "api.a", "api.a|#env:prod api.a|#env:test api.a"},
        {NULL, "api.a|#env:prod", "api.a|#env:prod"},
        {NULL, "db", "db"},
        {NULL, "api.a|#env:pro", ""},
        {NULL, "api.a|#", ""},
        {NULL, "api.", ""},
        {NULL, "api.c", ""},
        {NULL, "a", "a"},
        {NULL, "", ""},
        {"", NULL, ""},
        {"api.*", NULL, "api.b api.a|#env:prod api.a|#env:test api.a"},
        /* On the name: nothing is behind it. On the id: the tags are. */
        {"*.a", NULL, "api.a|#env:prod api.a|#env:test api.a"},
        {"*:prod", NULL, "api.a|#env:prod"},
        {"*#*", NULL, "api.a|#env:prod api.a|#env:test"},
        {"?????", NULL, "api.b api.a|#env:prod api.a|#env:test api.a"},
        {"????", NULL, "caf\xc3\xa9"},
        {"*test", "api.a", "api.a|#env:test"},
        {"*test", "db", ""},
    };
    Bench *bench = fresh();
    static const char *const names[][2] = {{"api.b", ""},
                                           {"api.a", "env:prod"},
                                           {"api.a", "env:test"},
                                           {"api.a", ""},
                                           {"db", ""},
                                           {"caf\xc3\xa9", ""},
                                           {"a", ""}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        counter_cell_add_integer(counter(bench, (int)(i % THREADS), names[i][0], names[i][1]), 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SnapshotFilter filter = {.glob = cases[i].glob, .exact = cases[i].exact};
        filter.glob_length = filter.glob != NULL ? strlen(filter.glob) : 0;
        filter.exact_length = filter.exact != NULL ? strlen(filter.exact) : 0;
        expect_walk(bench, &filter, cases[i].expected);
    }
    done(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_registry),
        cmocka_unit_test(test_stats_of_two_threads_are_one),
        cmocka_unit_test(test_counters_of_two_threads_are_one),
        cmocka_unit_test(test_gauges_flags_sets_and_progress),
        cmocka_unit_test(test_series_without_a_value_are_not_shown),
        cmocka_unit_test(test_series_born_during_a_walk),
        cmocka_unit_test(test_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
