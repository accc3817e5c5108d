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

#include "fixture_progress.h"
#include "fixture_series.h"
#include "render/prometheus.h"

#define SECOND INT64_C(1000000000)
#define NEW_YEAR (INT64_C(1767225600) * SECOND) /* 2026-01-01T00:00:00Z */

static PrometheusRequest request_for(const FixtureSeries *fixture, PrometheusFormat format)
{
    return (PrometheusRequest){
        .format = format,
        .figures = {.service = {.version = "1.2.3",
                                .started_realtime_ns = NEW_YEAR,
                                .uptime_s = 12.5},
                    .threads = 2,
                    .intake = {.datagrams = 1001, .rejected = {0, 2}}},
        .registry = fixture->registry,
    };
}

/* Reads the whole document in steps of at most `capacity` bytes. => it, for free(). */
static char *read_all(const PrometheusRequest *request, size_t capacity)
{
    Prometheus *prometheus = malloc(sizeof *prometheus);
    char *step = malloc(capacity); /* of exactly this size: the sanitizer sees a byte too many */
    size_t room = 1 << 17;
    char *text = malloc(room);
    size_t length = 0;
    assert_non_null(prometheus);
    assert_non_null(step);
    assert_non_null(text);
    prometheus_init(prometheus, request);
    for (;;) {
        ssize_t got = prometheus_read(prometheus, step, capacity);
        if (got == -EAGAIN)
            continue;
        assert_true(got >= 0 && (size_t)got <= capacity && length + (size_t)got < room);
        if (got == 0)
            break;
        memcpy(text + length, step, (size_t)got);
        length += (size_t)got;
    }
    assert_int_equal(0, prometheus_read(prometheus, step, capacity)); /* and so it stays */
    text[length] = '\0';
    prometheus_fini(prometheus);
    free(step);
    free(prometheus);
    return text;
}

static char *read_with(const FixtureSeries *fixture, PrometheusFormat format, size_t capacity,
                       size_t batch_bytes)
{
    PrometheusRequest request = request_for(fixture, format);
    request.batch_bytes = batch_bytes;
    return read_all(&request, capacity);
}

/* What stands between the daemon's own figures. */
static char *series_part(char *text)
{
    char *begin = strstr(text, "atomicstatsd_http_cut_connections_total 0\n");
    char *end = strstr(text, "# HELP atomicstatsd_metrics_colliding");
    assert_non_null(begin);
    assert_non_null(end);
    *end = '\0';
    return strchr(begin, '\n') + 1;
}

/* Expects this text of the series, also when it is read byte by byte and in odd steps. */
static void expect(const FixtureSeries *fixture, PrometheusFormat format, const char *expected)
{
    static const size_t capacities[] = {1 << 16, 1, 7, 100, 1021};
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        char *text = read_with(fixture, format, capacities[i], 0);
        assert_string_equal(expected, series_part(text));
        free(text);
    }
}

static double end_figure(const FixtureSeries *fixture, PrometheusFormat format, const char *name)
{
    char wanted[80];
    char *text = read_with(fixture, format, 4096, 0);
    snprintf(wanted, sizeof wanted, "\natomicstatsd_metrics_%s ", name);
    const char *found = strstr(text, wanted);
    assert_non_null(found);
    double value = strtod(found + strlen(wanted), NULL);
    free(text);
    return value;
}

/* ---- what becomes of each kind ---- */

static void fill_each_kind(FixtureSeries *fixture)
{
    fixture_series_record(fixture, "api.latency", "route:/x,env:prod", 10);
    fixture_series_record(fixture, "api.latency", "env:prod,route:/x", 20);
    fixture_series_record(fixture, "api.latency", "env:prod,route:/x", 30);
    counter_cell_add_integer(fixture_series_counter(fixture, "max", ""), INT64_MAX);
    counter_cell_add_double(fixture_series_counter(fixture, "half", "canary"), 0.5);
    fixture_series_gauge(fixture, "temperature", -3.5);
    fixture_series_set(fixture, "users", 17);
    fixture_series_flag(fixture, "maintenance", true);
    ProgressCell *import = fixture_series_progress(fixture, "import");
    progress_set_total(import, 1000, NEW_YEAR);
    progress_set_done(import, 0, NEW_YEAR);
    progress_set_done(import, 250, NEW_YEAR + 20 * SECOND);
    progress_set_done(fixture_series_progress(fixture, "open"), 5, NEW_YEAR);
}

static const char gauges_and_progress[] =
    "# HELP import_progress_done Done so far by import\n"
    "# TYPE import_progress_done gauge\n"
    "import_progress_done 250\n"
    "# HELP import_progress_eta_seconds Seconds left at the rate so far of import\n"
    "# TYPE import_progress_eta_seconds gauge\n"
    "import_progress_eta_seconds 60\n"
    "# HELP import_progress_started_timestamp_seconds Unix time of the start of import\n"
    "# TYPE import_progress_started_timestamp_seconds gauge\n"
    "import_progress_started_timestamp_seconds 1767225600\n"
    "# HELP import_progress_target How much there is to be done by import\n"
    "# TYPE import_progress_target gauge\n"
    "import_progress_target 1000\n"
    "# HELP import_progress_updated_timestamp_seconds Unix time of the latest update of import\n"
    "# TYPE import_progress_updated_timestamp_seconds gauge\n"
    "import_progress_updated_timestamp_seconds 1767225620\n"
    "# HELP maintenance 1 if set, else 0: the flag maintenance\n"
    "# TYPE maintenance gauge\n"
    "maintenance 1\n";

static const char latency[] =
    "# HELP api_latency Sum and count of the stats api.latency\n"
    "# TYPE api_latency summary\n"
    "api_latency_sum{env=\"prod\",route=\"/x\"} 60\n"
    "api_latency_count{env=\"prod\",route=\"/x\"} 3\n"
    "# HELP api_latency_max Greatest value of the stats api.latency\n"
    "# TYPE api_latency_max gauge\n"
    "api_latency_max{env=\"prod\",route=\"/x\"} 30\n"
    "# HELP api_latency_min Least value of the stats api.latency\n"
    "# TYPE api_latency_min gauge\n"
    "api_latency_min{env=\"prod\",route=\"/x\"} 10\n"
    "# HELP api_latency_stddev Standard deviation of all values of the stats api.latency\n"
    "# TYPE api_latency_stddev gauge\n"
    "api_latency_stddev{env=\"prod\",route=\"/x\"} 8.16496580927726\n";

static const char the_rest[] =
    "# HELP open_progress_done Done so far by open\n"
    "# TYPE open_progress_done gauge\n"
    "open_progress_done 5\n"
    "# HELP open_progress_started_timestamp_seconds Unix time of the start of open\n"
    "# TYPE open_progress_started_timestamp_seconds gauge\n"
    "open_progress_started_timestamp_seconds 1767225600\n"
    "# HELP open_progress_updated_timestamp_seconds Unix time of the latest update of open\n"
    "# TYPE open_progress_updated_timestamp_seconds gauge\n"
    "open_progress_updated_timestamp_seconds 1767225600\n"
    "# HELP temperature Latest value of the gauge temperature\n"
    "# TYPE temperature gauge\n"
    "temperature -3.5\n"
    "# HELP users Different values in the set users\n"
    "# TYPE users gauge\n"
    "users 17\n";

static void test_every_kind(void **state)
{
    (void)state;
    static const struct {
        PrometheusFormat format;
        const char *total;
    } table[] = {{PROMETHEUS_TEXT, "_total"}, {PROMETHEUS_OPENMETRICS, ""}};
    FixtureSeries fixture;
    fixture_series_init(&fixture, 100);
    fill_each_kind(&fixture);
    for (size_t i = 0; i < 2; i++) {
        char expected[8192];
        const char *total = table[i].total;
        int length = snprintf(expected, sizeof expected,
                              "%s"
                              "# HELP half%s Total of the counter half\n"
                              "# TYPE half%s counter\n"
                              "half_total{canary=\"true\"} 0.5\n"
                              "%s"
                              "# HELP max%s Total of the counter max\n"
                              "# TYPE max%s counter\n"
                              "max_total 9223372036854775807\n"
                              "%s",
                              latency, total, total, gauges_and_progress, total, total, the_rest);
        assert_in_range(length, 1, sizeof expected - 1);
        expect(&fixture, table[i].format, expected);
    }
    fixture_series_fini(&fixture);
}

static void test_nothing_yet(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 10);
    expect(&fixture, PROMETHEUS_TEXT, "");
    expect(&fixture, PROMETHEUS_OPENMETRICS, "");
    char *text = read_with(&fixture, PROMETHEUS_TEXT, 4096, 0);
    assert_null(strstr(text, "# EOF"));
    assert_non_null(strstr(text, "\natomicstatsd_datagrams_total 1001\n"));
    assert_non_null(strstr(text, "\natomicstatsd_rejected_lines_total{reason=\"bad_value\"} 2\n"));
    assert_non_null(strstr(text, "\natomicstatsd_build_info{version=\"1.2.3\"} 1\n"));
    assert_null(strstr(text, "checkpoint")); /* without a state directory */
    free(text);
    text = read_with(&fixture, PROMETHEUS_OPENMETRICS, 4096, 0);
    assert_non_null(strstr(text, "\n# TYPE atomicstatsd_datagrams counter\n"));
    assert_string_equal("# EOF\n", text + strlen(text) - 6);
    free(text);
    fixture_series_fini(&fixture);
}

/* ---- names that meet ---- */

static void test_endings_that_only_counters_and_summaries_may_have(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 10);
    fixture_series_gauge(&fixture, "queue.count", 1);
    fixture_series_gauge(&fixture, "requests.total", 2);
    counter_cell_add_integer(fixture_series_counter(&fixture, "errors.count", ""), 3);
    counter_cell_add_integer(fixture_series_counter(&fixture, "hits.total", ""), 4);
    char *text = read_with(&fixture, PROMETHEUS_OPENMETRICS, 4096, 0);
    char *series = series_part(text);
    assert_non_null(strstr(series, "# TYPE queue_count_value gauge\nqueue_count_value 1\n"));
    assert_non_null(strstr(series, "# TYPE requests_total_value gauge\nrequests_total_value 2\n"));
    assert_non_null(strstr(series, "# TYPE errors_count_total unknown\nerrors_count_total 3\n"));
    assert_non_null(strstr(series, "# TYPE hits counter\nhits_total 4\n"));
    free(text);
    fixture_series_fini(&fixture);
}

/* Two series that would be one: both stay, and can be told apart. */
static void test_collisions_are_told_apart_and_counted(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 10);
    counter_cell_add_integer(fixture_series_counter(&fixture, "a.b", "x:1"), 1);
    counter_cell_add_integer(fixture_series_counter(&fixture, "a_b", "x:1"), 2);
    counter_cell_add_integer(fixture_series_counter(&fixture, "a_b", "x:2"), 3);
    counter_cell_add_integer(fixture_series_counter(&fixture, "a_b.total", ""), 4);
    fixture_series_gauge(&fixture, "m", 5);
    fixture_series_flag(&fixture, "m", true);
    char *text = read_with(&fixture, PROMETHEUS_TEXT, 4096, 0);
    char *series = series_part(text);
    assert_non_null(strstr(series, "\na_b_total{x=\"1\",statsd_series=\"a.b|c|#x:1\"} 1\n"));
    assert_non_null(strstr(series, "\na_b_total{x=\"1\",statsd_series=\"a_b|c|#x:1\"} 2\n"));
    assert_non_null(strstr(series, "\na_b_total{x=\"2\"} 3\n"));
    assert_non_null(strstr(series, "\na_b_total 4\n"));
    assert_non_null(strstr(series, "\nm{statsd_series=\"m|g\"} 5\n"));
    assert_non_null(strstr(series, "\nm{statsd_series=\"m|f\"} 1\n"));
    free(text);
    assert_true(end_figure(&fixture, PROMETHEUS_TEXT, "colliding") == 4);
    assert_true(end_figure(&fixture, PROMETHEUS_OPENMETRICS, "colliding") == 4);
    assert_true(end_figure(&fixture, PROMETHEUS_TEXT, "mixed") == 0);
    fixture_series_fini(&fixture);
}

static void test_one_name_of_several_types(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 10);
    fixture_series_record(&fixture, "x", "", 2);
    counter_cell_add_integer(fixture_series_counter(&fixture, "x", ""), 1);
    fixture_series_gauge(&fixture, "x", 7);
    char *text = read_with(&fixture, PROMETHEUS_OPENMETRICS, 4096, 0);
    char *series = series_part(text);
    assert_non_null(strstr(series, "# TYPE x_sum unknown\nx_sum 2\n"));
    assert_non_null(strstr(series, "# TYPE x_count unknown\nx_count 1\n"));
    assert_non_null(strstr(series, "# TYPE x_total unknown\nx_total 1\n"));
    assert_non_null(strstr(series, "# TYPE x gauge\nx 7\n"));
    free(text);
    text = read_with(&fixture, PROMETHEUS_TEXT, 4096, 0);
    series = series_part(text);
    assert_non_null(strstr(series, "# TYPE x_sum untyped\nx_sum 2\n"));
    assert_non_null(strstr(series, "# TYPE x_total counter\nx_total 1\n"));
    free(text);
    assert_true(end_figure(&fixture, PROMETHEUS_TEXT, "mixed") == 1);
    assert_true(end_figure(&fixture, PROMETHEUS_OPENMETRICS, "mixed") == 1);
    assert_true(end_figure(&fixture, PROMETHEUS_OPENMETRICS, "colliding") == 0);
    fixture_series_fini(&fixture);
}

static void test_values_that_openmetrics_forbids(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 10);
    fixture_series_record(&fixture, "cold", "", -2);
    counter_cell_add_integer(fixture_series_counter(&fixture, "back", ""), -1);
    astats_cell_record(
        &((StatsSlot *)fixture_series_find(&fixture, SERIES_STATS, "rated", ""))->cell, 1, 2.5);
    char *text = read_with(&fixture, PROMETHEUS_OPENMETRICS, 4096, 0);
    char *series = series_part(text);
    assert_non_null(strstr(series, "# TYPE cold_sum unknown\ncold_sum -2\n"));
    assert_non_null(strstr(series, "# TYPE back_total unknown\nback_total -1\n"));
    assert_non_null(strstr(series, "# TYPE rated_count unknown\nrated_count 2.5\n"));
    free(text);
    text = read_with(&fixture, PROMETHEUS_TEXT, 4096, 0);
    series = series_part(text);
    assert_non_null(strstr(series, "# TYPE cold summary\ncold_sum -2\ncold_count 1\n"));
    assert_non_null(strstr(series, "# TYPE back_total counter\nback_total -1\n"));
    free(text);
    fixture_series_fini(&fixture);
}

static void test_numbers_that_are_none(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 10);
    for (int i = 0; i < 2; i++)
        fixture_series_record(&fixture, "huge", "", 1.5e308);
    char *text = read_with(&fixture, PROMETHEUS_TEXT, 4096, 0);
    assert_non_null(strstr(text, "\nhuge_sum +Inf\n"));
    assert_null(strstr(text, "null"));
    free(text);
    fixture_series_fini(&fixture);
}

/* ---- the longest ---- */

static void test_the_longest_series_is_one_piece(void **state)
{
    (void)state;
    FixtureSeries fixture;
    char name[SERIES_NAME_MAX + 1] = "";
    char other[SERIES_NAME_MAX + 1] = "";
    char tags[SERIES_TAGS_MAX + 1] = "k:";
    fixture_series_init(&fixture, 10);
    memset(name, '.', SERIES_NAME_MAX);
    memset(other, '\\', SERIES_NAME_MAX);
    memset(tags + 2, '"', SERIES_TAGS_MAX - 2);
    tags[SERIES_TAGS_MAX] = '\0';
    fixture_series_record(&fixture, name, tags, 1);
    fixture_series_record(&fixture, other, tags, 1); /* collides, so all names are told */
    char *text = read_with(&fixture, PROMETHEUS_OPENMETRICS, 333, 0);
    assert_non_null(strstr(text, "# EOF\n"));
    assert_non_null(strstr(text, "\natomicstatsd_metrics_colliding 8\n"));
    free(text);
    fixture_series_fini(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_nothing_yet),
        cmocka_unit_test(test_endings_that_only_counters_and_summaries_may_have),
        cmocka_unit_test(test_collisions_are_told_apart_and_counted),
        cmocka_unit_test(test_one_name_of_several_types),
        cmocka_unit_test(test_values_that_openmetrics_forbids),
        cmocka_unit_test(test_numbers_that_are_none),
        cmocka_unit_test(test_the_longest_series_is_one_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
