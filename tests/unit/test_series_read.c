#include "metrics/series_read.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixture_progress.h"
#include "fixture_registry.h"
#include "fixture_series.h"

/* Two threads that record, one registry. */
typedef struct {
    FixtureSeries one;
    FixtureSeries two;
} Bench;

static int setup(void **state)
{
    Bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    fixture_series_init(&b->one, 100);
    b->two.registry = b->one.registry;
    assert_int_equal(0, series_index_init(&b->two.index, b->two.registry));
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    Bench *b = *state;
    series_index_fini(&b->two.index);
    fixture_series_fini(&b->one);
    free(b);
    return 0;
}

static const Series *first(Bench *b, SeriesKind kind)
{
    const Series *series = fixture_nth(b->one.registry, kind, 0);
    assert_non_null(series);
    return series;
}

static void test_stats_of_two_threads(void **state)
{
    Bench *b = *state;
    AstatsMerge merge;
    (void)fixture_series_find(&b->one, SERIES_STATS, "a", "");
    assert_false(series_read_stats(first(b, SERIES_STATS), &merge)); /* nothing yet */
    fixture_series_record(&b->one, "a", "", 1);
    fixture_series_record(&b->one, "a", "", 2);
    fixture_series_record(&b->two, "a", "", 9);
    assert_true(series_read_stats(first(b, SERIES_STATS), &merge));
    AtomicStatsSummary summary = astats_merge_summary(&merge);
    assert_true(summary.count == 3 && summary.sum == 12 && summary.min == 1 && summary.max == 9);
}

static void test_counters_of_two_threads(void **state)
{
    Bench *b = *state;
    CounterSum sum;
    CounterCell *one = fixture_series_counter(&b->one, "c", "");
    CounterCell *two = fixture_series_counter(&b->two, "c", "");
    assert_ptr_not_equal(one, two);
    assert_false(series_read_counter(first(b, SERIES_COUNTER), &sum));
    counter_cell_add_integer(one, INT64_MAX);
    counter_cell_add_integer(two, INT64_MAX);
    counter_cell_add_double(two, 0.5);
    assert_true(series_read_counter(first(b, SERIES_COUNTER), &sum));
    assert_true(sum.integer == (__extension__(__int128) 2) * INT64_MAX && sum.fraction == 0.5);
    counter_cell_add_integer(one, -INT64_MAX);
    counter_cell_add_integer(two, -INT64_MAX);
    assert_true(series_read_counter(first(b, SERIES_COUNTER), &sum)); /* sums are not added to */
    assert_true(sum.integer == 0 && sum.fraction == 0.5);
}

static void test_shared_cells_are_one(void **state)
{
    Bench *b = *state;
    static const SeriesKind kinds[] = {SERIES_GAUGE, SERIES_SET, SERIES_FLAG, SERIES_PROGRESS};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const void *cell = fixture_series_target(&b->one, kinds[i], "s", "");
        assert_ptr_equal(cell, fixture_series_target(&b->two, kinds[i], "s", ""));
        assert_ptr_equal(cell, series_read_shared(first(b, kinds[i])));
    }
}

static void test_all_of_it(void **state)
{
    Bench *b = *state;
    SeriesContent content;
    fixture_series_record(&b->one, "name", "k:v", 4);
    series_read(first(b, SERIES_STATS), &content);
    assert_int_equal(SERIES_STATS, content.kind);
    assert_int_equal(strlen("name|#k:v"), content.id_length);
    assert_memory_equal("name|#k:v", content.id, content.id_length);
    assert_int_equal(4, content.name_length);
    assert_true(content.stats.count == 1);
    assert_null(content.sketch);

    counter_cell_add_integer(fixture_series_counter(&b->two, "c", ""), 3);
    series_read(first(b, SERIES_COUNTER), &content);
    assert_true(content.counter.any && content.counter.integer == 3);

    fixture_series_gauge(&b->one, "g", 2.5);
    series_read(first(b, SERIES_GAUGE), &content);
    assert_true(gauge_cell_get(content.shared) == 2.5);

    fixture_series_flag(&b->one, "f", true);
    series_read(first(b, SERIES_FLAG), &content);
    bool value = false;
    assert_true(flag_cell_get(content.shared, &value) && value);

    progress_set_done(fixture_series_progress(&b->one, "p"), 5, 1);
    series_read(first(b, SERIES_PROGRESS), &content);
    assert_int_equal(5, progress_cell_state(content.shared).done);

    fixture_series_set(&b->one, "s", SET_SMALL);
    series_read(first(b, SERIES_SET), &content);
    assert_null(content.sketch);
    SetCell *set = fixture_series_target(&b->one, SERIES_SET, "s", "");
    assert_int_equal(0, registry_grow_set(b->one.registry, set));
    series_read(first(b, SERIES_SET), &content);
    assert_ptr_equal(set_cell_sketch(set), content.sketch);
}

static void test_a_series_that_all_have_left_is_not_live(void **state)
{
    Bench *b = *state;
    fixture_series_record(&b->one, "a", "", 1);
    fixture_series_record(&b->two, "a", "", 2);
    const Series *series = first(b, SERIES_STATS);
    assert_true(series_is_live(series));
    series_index_drop(&b->one.index, fixture_series_find(&b->one, SERIES_STATS, "a", ""));
    assert_true(series_is_live(series));
    series_index_drop(&b->two.index, fixture_series_find(&b->two, SERIES_STATS, "a", ""));
    assert_false(series_is_live(series));
    AstatsMerge merge; /* who is late still reads it */
    assert_true(series_read_stats(series, &merge) && merge.count == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stats_of_two_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_counters_of_two_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shared_cells_are_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_series_that_all_have_left_is_not_live, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
