#include "metrics/arena_series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture_arenas.h"
#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/progress_cell.h"

typedef struct {
    FixtureFolder folder;
    ArenaPast *past;
    const SeriesTable *table;
} Bench;

/* The arenas of two threads, each of which has been sent the same. */
static void make(const FixtureFolder *folder)
{
    static const char *const batch[] = {
        "a:1:2|ms|#x:y\nhits:5|c\ng:7|g\nusers:alice|s\non:1|f\njob:5/10|p\nlater:1|c", NULL};
    FixtureArenas *f = calloc(1, sizeof *f);
    assert_non_null(f);
    fixture_arenas_open(f, folder->fd, 1, 2, 100);
    fixture_arenas_take(f, 0, batch);
    fixture_arenas_take(f, 1, batch);
    fixture_arenas_close(f);
    free(f);
}

static int setup(void **state)
{
    Bench *b = calloc(1, sizeof *b);
    CheckpointReason reason;
    uint64_t next;
    assert_non_null(b);
    fixture_folder_open(&b->folder);
    make(&b->folder);
    assert_int_equal(0, arena_past_open(&b->past, b->folder.fd, &next, &reason));
    b->table = arena_past_root(b->past, 0, ARENA_SERIES, sizeof *b->table, NULL);
    assert_non_null(b->table);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    Bench *b = *state;
    arena_past_close(b->past);
    fixture_folder_close(&b->folder);
    free(b);
    return 0;
}

/* => a copy of the first series of that kind, to be bent. */
static Series first(const Bench *b, SeriesKind kind)
{
    uint32_t index;
    /* relaxed: one thread. */
    uint32_t place = atomic_load_explicit(&b->table->list[kind].first, memory_order_relaxed);
    unsigned segment = series_table_locate(place, &index);
    uintptr_t address = (uintptr_t)b->table->segment[segment] + index * sizeof(Series);
    const Series *series = arena_past_at(b->past, address, sizeof(Series), 32);
    assert_non_null(series);
    return *series;
}

static SeriesContent read_first(const Bench *b, SeriesKind kind, const char *id)
{
    SeriesContent content;
    bool expired = true;
    const Series series = first(b, kind);
    assert_null(arena_series_read(b->past, &series, kind, false, &content, &expired));
    assert_false(expired);
    assert_int_equal(kind, content.kind);
    assert_int_equal(strlen(id), content.id_length);
    assert_memory_equal(id, content.id, content.id_length);
    return content;
}

static void test_each_kind(void **state)
{
    const Bench *b = *state;
    bool flag = false;
    SeriesContent content = read_first(b, SERIES_STATS, "a|#x:y");
    assert_int_equal(1, content.name_length);
    assert_true(content.stats.count == 4);
    content = read_first(b, SERIES_COUNTER, "hits");
    assert_true(content.counter.any && content.counter.integer == 10);
    content = read_first(b, SERIES_GAUGE, "g");
    assert_true(gauge_cell_get(content.shared) == 7);
    content = read_first(b, SERIES_SET, "users");
    assert_null(content.sketch);
    assert_true(set_cell_count(content.shared) == 1);
    content = read_first(b, SERIES_FLAG, "on");
    assert_true(flag_cell_get(content.shared, &flag) && flag);
    content = read_first(b, SERIES_PROGRESS, "job");
    assert_int_equal(5, progress_cell_state(content.shared).done);
}

static void expect_wrong(const Bench *b, const Series *series, SeriesKind kind, const char *wrong)
{
    SeriesContent content;
    bool expired;
    const char *said = arena_series_read(b->past, series, kind, false, &content, &expired);
    assert_non_null(said);
    assert_string_equal(wrong, said);
}

static void test_what_is_wrong_with_a_series(void **state)
{
    const Bench *b = *state;
    static const char nowhere[] = "a series that is in no arena";
    static const char not_so[] = "a series that nobody made so";
    for (int kind = 0; kind < SERIES_KINDS; kind++) {
        Series series = first(b, (SeriesKind)kind);
        expect_wrong(b, &series, (SeriesKind)((kind + 1) % SERIES_KINDS), nowhere);
        series.id = NULL;
        expect_wrong(b, &series, (SeriesKind)kind, nowhere);
        series = first(b, (SeriesKind)kind);
        series.check ^= 1;
        expect_wrong(b, &series, (SeriesKind)kind, not_so);
        series = first(b, (SeriesKind)kind);
        /* relaxed, here and below: one thread. */
        atomic_store_explicit(&series.live, 0, memory_order_relaxed);
        expect_wrong(b, &series, (SeriesKind)kind, not_so);
        series = first(b, (SeriesKind)kind);
        series.name_length++;
        expect_wrong(b, &series, (SeriesKind)kind, kind == SERIES_STATS ? not_so : nowhere);
    }
}

static void test_what_is_wrong_with_its_slots(void **state)
{
    const Bench *b = *state;
    Series series = first(b, SERIES_COUNTER);
    const Series other = first(b, SERIES_STATS);
    struct Slot *slots = atomic_load_explicit(&series.slots, memory_order_relaxed);
    atomic_store_explicit(&series.slots, NULL, memory_order_relaxed);
    expect_wrong(b, &series, SERIES_COUNTER, "a list of slots that is cut off");
    atomic_store_explicit(&series.slots, atomic_load_explicit(&other.slots, memory_order_relaxed),
                          memory_order_relaxed);
    expect_wrong(b, &series, SERIES_COUNTER, "a slot that is in no arena");
    atomic_store_explicit(&series.slots, (void *)((char *)slots + 8), memory_order_relaxed);
    expect_wrong(b, &series, SERIES_COUNTER, "a slot that is in no arena");
}

static void test_one_that_has_expired(void **state)
{
    const Bench *b = *state;
    SeriesContent content;
    bool expired = false;
    Series series = first(b, SERIES_GAUGE);
    series.check = (uint16_t)~series.check;
    assert_null(arena_series_read(b->past, &series, SERIES_GAUGE, false, &content, &expired));
    assert_true(expired);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_kind),
        TEST(test_what_is_wrong_with_a_series),
        TEST(test_what_is_wrong_with_its_slots),
        TEST(test_one_that_has_expired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
