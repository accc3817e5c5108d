#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "render/prometheus_series.h"

static SeriesView view_of(SeriesKind kind, const char *name, const char *id)
{
    SeriesView view = {
        .kind = kind, .id = id, .id_length = strlen(id), .name_length = strlen(name)};
    if (kind == SERIES_PROGRESS)
        view.value.progress = (ProgressValue){.done = 1, .total = 2, .eta_s = 3};
    return view;
}

/* The families of a series, joined with spaces, each with its type's first letter. */
static void expect_families(PrometheusFormat format, SeriesKind kind, const char *name,
                            const char *expected)
{
    static const char letters[] = {'s', 'c', 'g', 'u'};
    char joined[512] = "";
    SeriesView view = view_of(kind, name, name);
    PrometheusSeries series;
    prometheus_series_init(&series, format, &view);
    assert_in_range(series.count, 1, PROMETHEUS_UNITS_MAX);
    for (unsigned i = 0; i < series.count; i++) {
        char family[PROMETHEUS_FAMILY_MAX];
        uint64_t hash;
        size_t length = prometheus_series_family(&series, i, family, &hash);
        size_t used = strlen(joined);
        snprintf(joined + used, sizeof joined - used, "%s%.*s/%c", i > 0 ? " " : "", (int)length,
                 family, letters[prometheus_series_type(&series, i)]);
    }
    assert_string_equal(expected, joined);
}

static void test_families(void **state)
{
    (void)state;
    static const struct {
        SeriesKind kind;
        const char *name;
        const char *text;
        const char *open; /* NULL: the same */
    } table[] = {
        {SERIES_STATS, "a.b", "a_b/s a_b_min/g a_b_max/g a_b_stddev/g", NULL},
        {SERIES_STATS, "a.sum",
         "a_sum_value/s a_sum_value_min/g a_sum_value_max/g a_sum_value_stddev/g", NULL},
        {SERIES_COUNTER, "a.b", "a_b_total/c", "a_b/c"},
        {SERIES_COUNTER, "a.total", "a_total/c", "a/c"},
        {SERIES_COUNTER, "a_total.total", "a_total/c", "a/c"},
        {SERIES_COUNTER, "a.count", "a_count_total/c", "a_count_total/u"},
        {SERIES_COUNTER, "a_count_total", "a_count_total/c", "a_count_total/u"},
        {SERIES_COUNTER, "_total", "_total_total/c", "_total_total/u"},
        {SERIES_GAUGE, "a.b", "a_b/g", NULL},
        {SERIES_GAUGE, "a.count", "a_count_value/g", NULL},
        {SERIES_SET, "a.total", "a_total_value/g", NULL},
        {SERIES_FLAG, "a.created", "a_created_value/g", NULL},
        {SERIES_GAUGE, "a.min", "a_min/g", NULL},
        {SERIES_PROGRESS, "a",
         "a_progress_done/g a_progress_target/g a_progress_eta_seconds/g "
         "a_progress_started_timestamp_seconds/g a_progress_updated_timestamp_seconds/g",
         NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const char *open = table[i].open != NULL ? table[i].open : table[i].text;
        expect_families(PROMETHEUS_TEXT, table[i].kind, table[i].name, table[i].text);
        expect_families(PROMETHEUS_OPENMETRICS, table[i].kind, table[i].name, open);
    }
}

static void test_what_is_not_known_is_left_out(void **state)
{
    (void)state;
    SeriesView view = view_of(SERIES_PROGRESS, "a", "a");
    view.value.progress.total = 0;
    view.value.progress.eta_s = (double)NAN;
    PrometheusSeries series;
    prometheus_series_init(&series, PROMETHEUS_TEXT, &view);
    assert_int_equal(3, series.count);
}

static uint64_t labels_hash(SeriesKind kind, const char *name, const char *id, uint64_t *own)
{
    SeriesView view = view_of(kind, name, id);
    PrometheusSeries series;
    uint64_t labels;
    prometheus_series_init(&series, PROMETHEUS_TEXT, &view);
    prometheus_series_hash(&series, &labels, own);
    return labels;
}

/* Equal sets of labels have equal hashes, and no two series have the same. */
static void test_hashes(void **state)
{
    (void)state;
    uint64_t own[7];
    uint64_t plain = labels_hash(SERIES_GAUGE, "x", "x", &own[0]);
    assert_int_equal(plain, labels_hash(SERIES_FLAG, "x", "x", &own[1]));
    assert_int_equal(plain, labels_hash(SERIES_GAUGE, "x", "x|#env:", &own[2])); /* no label */
    uint64_t tagged = labels_hash(SERIES_GAUGE, "x", "x|#a.b:1", &own[3]);
    assert_int_equal(tagged, labels_hash(SERIES_GAUGE, "x", "x|#a_b:1", &own[4]));
    assert_int_not_equal(tagged, labels_hash(SERIES_GAUGE, "x", "x|#a_b:2", &own[5]));
    assert_int_not_equal(tagged, plain);
    (void)labels_hash(SERIES_GAUGE, "y", "y", &own[6]);
    for (int i = 0; i < 7; i++)
        for (int k = 0; k < i; k++)
            assert_int_not_equal(own[k], own[i]);
}

static void expect_odd(SeriesView view, bool odd)
{
    PrometheusSeries series;
    prometheus_series_init(&series, PROMETHEUS_OPENMETRICS, &view);
    assert_int_equal(odd, prometheus_series_is_odd(&series, 0));
}

static void test_odd_values(void **state)
{
    (void)state;
    static const struct {
        double sum;
        double count;
        bool odd;
    } table[] = {{0, 1, false},  {5, 3, false},          {-1e-300, 1, true},
                 {1, 2.5, true}, {(double)NAN, 1, true}, {(double)INFINITY, 2, false}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        SeriesView view = view_of(SERIES_STATS, "x", "x");
        view.value.stats = (AtomicStatsSummary){.sum = table[i].sum, .count = table[i].count};
        expect_odd(view, table[i].odd);
        view = view_of(SERIES_COUNTER, "x", "x");
        view.value.counter = (CounterValue){.value = table[i].sum};
        expect_odd(view, table[i].odd && table[i].count != 2.5);
        view = view_of(SERIES_GAUGE, "x", "x");
        view.value.gauge = table[i].sum;
        expect_odd(view, false);
    }
}

/* In memory of exactly its size. */
static void test_a_unit_holds_its_series(void **state)
{
    (void)state;
    static const char id[] = "queue.depth|#env:prod";
    SeriesView view = view_of(SERIES_GAUGE, "queue.depth", id);
    view.value.gauge = -0.5;
    PrometheusSeries series;
    PrometheusKey key = {0};
    char family[PROMETHEUS_FAMILY_MAX];
    prometheus_series_init(&series, PROMETHEUS_TEXT, &view);
    size_t length = prometheus_series_family(&series, 0, family, &key.family);
    PrometheusUnit *unit = malloc(prometheus_unit_size(length, view.id_length));
    assert_non_null(unit);
    prometheus_series_unit(&series, 0, &key, family, length, unit);
    char text[128];
    Buffer out;
    buffer_init(&out, text, sizeof text);
    prometheus_unit_sample(&out, unit, "", false, true);
    text[out.length] = '\0';
    assert_string_equal(
        "queue_depth{env=\"prod\",statsd_series=\"queue.depth|g|#env:prod\"} -0.5\n", text);
    free(unit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_what_is_not_known_is_left_out),
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_odd_values),
        cmocka_unit_test(test_a_unit_holds_its_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
