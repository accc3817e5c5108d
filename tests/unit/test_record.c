#include "ingest/record.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fixture_parse.h"
#include "fixture_series.h"

static const int64_t NOW_NS = INT64_C(1700000000000000000);

/* Parses and records one line. => what record_line() gave. */
static int record(FixtureSeries *f, const char *text, bool gauge_sign_absolute, int64_t now_ns)
{
    StatsdValue values[64];
    StatsdLine line;
    RejectReason why;
    Slot *slot;
    assert_in_range(statsd_line_max_values(strlen(text)), 1, 64);
    assert_int_equal(STATSD_SAMPLE, parse_alone(text, strlen(text), values, &line, &why));
    uint32_t hash = series_index_hash(&f->index, &line.key);
    assert_int_equal(0, series_index_find(&f->index, &line.key, hash, &slot));
    Redo redo;
    RedoState state;
    redo_reset(&redo);
    const RecordContext context = {f->registry, &redo, gauge_sign_absolute, true, now_ns};
    int error = record_line(&context, slot, &line, context.checked);
    /* Each value is a step, and each word that a step names has changed. */
    assert_true(redo_read(&redo, &state));
    /* Addresses stand there as numbers. NOLINTNEXTLINE(performance-no-int-to-ptr) */
    const _Atomic uint64_t *word = (const _Atomic uint64_t *)state.word;
    assert_int_equal(error == 0 ? line.value_count : 0, state.begun);
    assert_true(word == NULL || *word != state.before);
    return error;
}

static void take(FixtureSeries *f, const char *text)
{
    assert_int_equal(0, record(f, text, false, NOW_NS));
}

static void test_stats(void **state)
{
    (void)state;
    FixtureSeries f;
    fixture_series_init(&f, 10);
    take(&f, "a:10:20|ms");
    take(&f, "a:30");
    const StatsSlot *slot = (StatsSlot *)fixture_series_find(&f, SERIES_STATS, "a", "");
    AstatsCellState cell = {0};
    double shift = 0;
    assert_int_equal(3, (uint32_t)astats_cell_snapshot(&slot->cell, &cell, &shift));
    assert_true(cell.count == 3 && cell.sum == 60 && cell.min == 10 && cell.max == 30);
    take(&f, "a:40|h|@0.25");
    assert_int_equal(4, (uint32_t)astats_cell_snapshot(&slot->cell, &cell, &shift));
    assert_true(cell.count == 7 && cell.sum == 220 && cell.max == 40);
    uint64_t seq = astats_cell_snapshot(&slot->cell, &cell, &shift);
    assert_true(astats_cell_is_sound(seq, (uintptr_t)&slot->cell, &cell, shift));
    fixture_series_fini(&f);
}

static CounterValue counter(FixtureSeries *f)
{
    CounterSum sum = {0};
    counter_cell_read(fixture_series_counter(f, "a", ""), &sum);
    return counter_sum_value(&sum);
}

static void test_counter(void **state)
{
    (void)state;
    FixtureSeries f;
    fixture_series_init(&f, 10);
    take(&f, "a:9007199254740993:-1|c");
    assert_int_equal(INT64_C(9007199254740992), counter(&f).integer);
    take(&f, "a:1|c");
    assert_true(counter(&f).is_integer);
    assert_int_equal(INT64_C(9007199254740993), counter(&f).integer);
    take(&f, "a:-9007199254740993|c");
    take(&f, "a:0.5|c");
    assert_false(counter(&f).is_integer);
    assert_true(counter(&f).value == 0.5);
    take(&f, "a:0.5:3|c|@0.5");
    assert_true(counter(&f).value == 7.5);
    fixture_series_fini(&f);
}

static void expect_gauge(FixtureSeries *f, double expected)
{
    double got = gauge_cell_get(fixture_series_target(f, SERIES_GAUGE, "a", ""));
    if (expected != got)
        fail_msg("expected %g, got %g", expected, got);
}

static void test_gauge(void **state)
{
    (void)state;
    FixtureSeries f;
    fixture_series_init(&f, 10);
    take(&f, "a:-3|g"); /* one that is not there counts as 0 */
    expect_gauge(&f, -3);
    take(&f, "a:+5|g");
    expect_gauge(&f, 2);
    take(&f, "a:7|g|@0.1");
    expect_gauge(&f, 7);
    take(&f, "a:10:+1:-4.5|g");
    expect_gauge(&f, 6.5);
    take(&f, "a:+1:10|g");
    expect_gauge(&f, 10);
    assert_int_equal(0, record(&f, "a:-3|g", true, NOW_NS));
    expect_gauge(&f, -3);
    assert_int_equal(0, record(&f, "a:1:+8|g", true, NOW_NS));
    expect_gauge(&f, 8);
    fixture_series_fini(&f);
}

static double set_count(FixtureSeries *f)
{
    return set_cell_count(fixture_series_target(f, SERIES_SET, "a", ""));
}

static void test_set(void **state)
{
    (void)state;
    FixtureSeries f;
    fixture_series_init(&f, 10);
    take(&f, "a:x|s");
    take(&f, "a:x|s");
    take(&f, "a:x:y|s");
    take(&f, "a:x|s|@0.1");
    assert_true(set_count(&f) == 2);
    /* Past SET_SMALL it grows a sketch on the way, and forgets nothing. */
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 1000; i++) {
            char text[16];
            (void)snprintf(text, sizeof text, "a:%d|s", i);
            take(&f, text);
        }
        assert_true(fabs(set_count(&f) - 1002) <= 0.02 * 1002);
    }
    fixture_series_fini(&f);
}

static void test_flag(void **state)
{
    (void)state;
    FixtureSeries f;
    fixture_series_init(&f, 10);
    const FlagCell *cell = fixture_series_target(&f, SERIES_FLAG, "a", "");
    bool value = true;
    assert_false(flag_cell_get(cell, &value));
    take(&f, "a:0|f");
    assert_true(flag_cell_get(cell, &value));
    assert_false(value);
    take(&f, "a:true|f");
    assert_true(flag_cell_get(cell, &value) && value);
    take(&f, "a:false|f");
    assert_true(flag_cell_get(cell, &value) && !value);
    fixture_series_fini(&f);
}

static void expect_progress(FixtureSeries *f, int64_t done, int64_t total, int64_t updated_ns)
{
    ProgressValue value;
    assert_true(progress_cell_read(fixture_series_progress(f, "a"), &value));
    assert_int_equal(done, value.done);
    assert_int_equal(total, value.total);
    assert_int_equal(NOW_NS, value.started_ns);
    assert_int_equal(updated_ns, value.updated_ns);
}

static void test_progress(void **state)
{
    (void)state;
    FixtureSeries f;
    ProgressValue value;
    fixture_series_init(&f, 10);
    assert_false(progress_cell_read(fixture_series_progress(&f, "a"), &value));
    take(&f, "a:/100|p");
    expect_progress(&f, 0, 100, NOW_NS);
    assert_int_equal(0, record(&f, "a:+30|p", false, NOW_NS + 1));
    expect_progress(&f, 30, 100, NOW_NS + 1);
    assert_int_equal(0, record(&f, "a:50|p", false, NOW_NS + 2));
    expect_progress(&f, 50, 100, NOW_NS + 2);
    assert_int_equal(0, record(&f, "a:+5|p", false, NOW_NS + 3));
    expect_progress(&f, 55, 100, NOW_NS + 3);
    assert_int_equal(0, record(&f, "a:60/200|p", false, NOW_NS + 4));
    expect_progress(&f, 60, 200, NOW_NS + 4);
    assert_int_equal(0, record(&f, "a:/0|p", false, NOW_NS + 5)); /* unknown again */
    expect_progress(&f, 60, 0, NOW_NS + 5);
    fixture_series_fini(&f);
}

static void test_kinds_are_apart(void **state)
{
    (void)state;
    FixtureSeries f;
    fixture_series_init(&f, 10);
    take(&f, "a:1|c");
    take(&f, "a:2|g");
    take(&f, "a:3|ms");
    take(&f, "a:4|s");
    take(&f, "a:1|f");
    take(&f, "a:6|p");
    for (int kind = 0; kind < SERIES_KINDS; kind++)
        assert_int_equal(1, registry_count(f.registry, (SeriesKind)kind));
    assert_int_equal(1, counter(&f).integer);
    expect_gauge(&f, 2);
    assert_true(set_count(&f) == 1);
    expect_progress(&f, 6, 0, NOW_NS);
    fixture_series_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_counter),
        cmocka_unit_test(test_gauge),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_flag),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_kinds_are_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
