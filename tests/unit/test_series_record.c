#include "metrics/series_record.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixture_series.h"

/* The only series of its kind, as a record. => its length; 0: it holds nothing. */
static size_t write_only(const FixtureSeries *f, SeriesKind kind, unsigned char *out, size_t room)
{
    WireWriter w = {.data = out, .capacity = room};
    SeriesWalk walk;
    registry_lock_walks(f->registry);
    registry_walk(f->registry, kind, &walk);
    const Series *series = series_walk_next(&walk);
    assert_non_null(series);
    SeriesContent content;
    series_read(series, &content);
    bool any = series_record_write(&content, &w);
    series_walk_end(&walk);
    registry_unlock_walks(f->registry);
    assert_false(w.failed);
    assert_int_equal(any, w.length != 0);
    return w.length;
}

static void test_a_series_without_a_value_is_no_record(void **state)
{
    (void)state;
    FixtureSeries f;
    unsigned char bytes[SERIES_RECORD_MAX];
    fixture_series_init(&f, 10);
    for (unsigned kind = 0; kind < SERIES_KINDS; kind++) {
        (void)fixture_series_find(&f, (SeriesKind)kind, "empty", "");
        assert_int_equal(0, write_only(&f, (SeriesKind)kind, bytes, sizeof bytes));
    }
    fixture_series_fini(&f);
}

static void test_the_longest_record_fits(void **state)
{
    (void)state;
    FixtureSeries f;
    char name[SERIES_NAME_MAX + 1] = "";
    char tags[SERIES_TAGS_MAX + 1] = "";
    unsigned char *bytes = malloc(SERIES_RECORD_MAX);
    assert_non_null(bytes);
    memset(name, 'n', SERIES_NAME_MAX);
    memset(tags, 't', SERIES_TAGS_MAX);
    fixture_series_init(&f, 10);
    SetCell *set = fixture_series_target(&f, SERIES_SET, name, tags);
    assert_int_equal(0, registry_grow_set(f.registry, set));
    for (uint64_t i = 1; i <= UINT64_C(2) * SET_LISTED; i++)
        assert_true(set_cell_add(set, i));
    assert_in_range(write_only(&f, SERIES_SET, bytes, SERIES_RECORD_MAX), HLL_REGISTERS,
                    SERIES_RECORD_MAX);
    fixture_series_fini(&f);
    free(bytes);
}

/* To the last bit, again and again: a daemon that is restarted every day loses nothing to rounding. */
static void test_stats_are_kept_to_the_last_bit(void **state)
{
    (void)state;
    unsigned char first[SERIES_RECORD_MAX];
    unsigned char bytes[SERIES_RECORD_MAX];
    FixtureSeries f;
    fixture_series_init(&f, 10);
    for (int i = 0; i < 10000; i++)
        fixture_series_record(&f, "a", "", 1e9 + 0.1 * i);
    size_t length = write_only(&f, SERIES_STATS, first, sizeof first);
    fixture_series_fini(&f);
    memcpy(bytes, first, length);
    for (int round = 0; round < 100; round++) {
        SeriesRecord record;
        WireReader r = {.data = bytes, .length = length};
        assert_null(series_record_read(&r, &record));
        fixture_series_init(&f, 10);
        assert_int_equal(0, series_record_restore(&record, &f.index));
        assert_int_equal(-EEXIST, series_record_restore(&record, &f.index));
        assert_int_equal(length, write_only(&f, SERIES_STATS, bytes, sizeof bytes));
        fixture_series_fini(&f);
    }
    /* All but the squares, which are about a mean that is rounded anew. */
    assert_memory_equal(first, bytes, length - sizeof(double));
    double before;
    double after;
    memcpy(&before, first + length - sizeof before, sizeof before);
    memcpy(&after, bytes + length - sizeof after, sizeof after);
    assert_true(fabs(after - before) <= 1e-12 * before);
}

/* What has been taken up goes on as if nothing had happened. */
static void test_restored_cells_go_on(void **state)
{
    (void)state;
    unsigned char bytes[SERIES_RECORD_MAX];
    FixtureSeries from;
    FixtureSeries to;
    fixture_series_init(&from, 10);
    fixture_series_init(&to, 10);
    counter_cell_add_integer(fixture_series_counter(&from, "c", ""), INT64_MAX);
    counter_cell_add_integer(fixture_series_counter(&from, "c", ""), 5);
    fixture_series_record(&from, "s", "", 10);
    static const SeriesKind kinds[] = {SERIES_COUNTER, SERIES_STATS};
    for (size_t i = 0; i < 2; i++) {
        SeriesRecord record;
        WireReader r = {.data = bytes, .length = write_only(&from, kinds[i], bytes, sizeof bytes)};
        assert_null(series_record_read(&r, &record));
        assert_int_equal(0, wire_left(&r));
        assert_int_equal(0, series_record_restore(&record, &to.index));
    }
    counter_cell_add_integer(fixture_series_counter(&to, "c", ""), -5);
    CounterSum sum = {0};
    counter_cell_read(fixture_series_counter(&to, "c", ""), &sum);
    CounterValue counter = counter_sum_value(&sum);
    assert_true(counter.is_integer && counter.integer == INT64_MAX);
    fixture_series_record(&to, "s", "", 30);
    AstatsCellState cell = {0};
    double shift;
    Slot *slot = fixture_series_find(&to, SERIES_STATS, "s", "");
    assert_int_equal(2, (uint32_t)astats_cell_snapshot(&((StatsSlot *)slot)->cell, &cell, &shift));
    assert_true(cell.count == 2 && cell.sum == 40 && cell.min == 10 && cell.max == 30);
    fixture_series_fini(&from);
    fixture_series_fini(&to);
}

/* kind, name length, id length, id, body */
static const char *read_text(const char *bytes, size_t length)
{
    WireReader r = {.data = (const unsigned char *)bytes, .length = length};
    SeriesRecord record;
    return series_record_read(&r, &record);
}

static void test_what_is_refused(void **state)
{
    (void)state;
#define RECORD(text) text, sizeof(text) - 1
    static const struct {
        const char *bytes;
        size_t length;
        const char *wrong;
    } cases[] = {
        {RECORD("\4\1\1\0a\1"), NULL},
        {RECORD("\4\1\5\0a|#bc\1"), NULL},
        {RECORD("\4\1\1\0a\2"), "a flag that is neither true nor false"},
        {RECORD("\6\1\1\0a\1"), "a series of an unknown kind"},
        {RECORD("\4\0\1\0a\1"), "a name that no series can have"},
        {RECORD("\4\2\1\0a\1"), "a name that no series can have"},
        {RECORD("\4\1\2\0ab\1"), "a name that no series can have"},
        {RECORD("\4\1\3\0a|#\1"), "a name that no series can have"},
        {RECORD("\4\1\4\0a||b\1"), "tags that no series can have"},
        {RECORD("\4\1\6\0a|#b,a\1"), "tags that no series can have"},
        {RECORD("\4\1\6\0a|#b|c\1"), "tags that no series can have"},
        {RECORD("\4\1\1\0:\1"), "a name that no series can have"},
        {RECORD("\4\1\1\0\n\1"), "a name that no series can have"},
        {RECORD("\4\1\1\0\xff\1"), "a name that no series can have"},
        {RECORD("\4\1\1\0a"), "a series that is cut off"},
        {RECORD("\4\1\xff\xff"
                "a\1"),
         "a series that is cut off"},
        {RECORD("\4\1\1"), "a series that is cut off"},
        {RECORD("\2\1\1\0a\0\0\0\0\0\0\xf8\x7f"), "a gauge that is no number"},
        {RECORD("\1\1\1\0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xf8\x7f"), NULL},
        {RECORD("\3\1\1\0a\0\0\0"), "a set that nobody can have sent"},
        {RECORD("\3\1\1\0a\0\1\0\1\0\0\0\0\0\0\0"), NULL},
        {RECORD("\3\1\1\0a\2\1\0\1\0\0\0\0\0\0\0"), "a series that is cut off"},
    };
#undef RECORD
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *wrong = read_text(cases[i].bytes, cases[i].length);
        if (cases[i].wrong == NULL ? wrong != NULL
                                   : wrong == NULL || strcmp(wrong, cases[i].wrong) != 0)
            fail_msg("case %zu: expected %s, actual %s", i, cases[i].wrong, wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_series_without_a_value_is_no_record),
        cmocka_unit_test(test_the_longest_record_fits),
        cmocka_unit_test(test_stats_are_kept_to_the_last_bit),
        cmocka_unit_test(test_restored_cells_go_on),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
