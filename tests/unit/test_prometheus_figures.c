#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "render/prometheus_figures.h"

static char text[PROMETHEUS_FIGURES_SIZE + 1];

static Buffer buffer_for_text(void)
{
    Buffer out;
    buffer_init(&out, text, sizeof text - 1);
    return out;
}

static const char *terminated(const Buffer *out)
{
    assert_false(out->overflow);
    text[out->length] = '\0';
    return text;
}

/* Each figure is another one, so that none can stand in another's place. */
static PrometheusFigures some_figures(void)
{
    return (PrometheusFigures){
        .service = {.version = "1.2.3", .started_realtime_ns = 1500000000, .uptime_s = 12.5},
        .threads = 2,
        .stuck_s = 0.25,
        .intake = {.datagrams = 1001,
                   .bytes = 20480,
                   .lines = 1003,
                   .values = 1000,
                   .ignored = 1,
                   .rejected = {11, 12, 13, 14, 15, 16, 17},
                   .dropped_kernel = 9},
        .tcp_connections = 21,
        .tcp_accepted = 22,
        .tcp_refused = 23,
        .tcp_crowded_out = 24,
        .series = {31, 32, 33, 34, 35, 36},
        .max_series = 4000000000,
        .expired_series = 41,
        .resident_bytes = 51,
        .cells_bytes = 52,
        .registry_bytes = 53,
        .http_connections = 61,
        .http_requests = 62,
        .http_cut = 63,
        .has_state = true,
        .recovered_series = 71,
        .recovered_datagrams = 72,
        .quarantined_datagrams = 73,
        .checkpoints = {.written = 81,
                        .failed = 82,
                        .latest_ns = 2500000000,
                        .series = 83,
                        .bytes = 84,
                        .took_s = 0.125},
    };
}

static void test_every_figure(void **state)
{
    (void)state;
    static const char *const samples[] = {
        "build_info{version=\"1.2.3\"} 1",
        "start_time_seconds 1.5",
        "uptime_seconds 12.5",
        "ingest_threads 2",
        "ingest_stuck_seconds 0.25",
        "datagrams_total 1001",
        "received_bytes_total 20480",
        "lines_total 1003",
        "values_total 1000",
        "ignored_lines_total 1",
        "rejected_lines_total{reason=\"bad_name\"} 11",
        "rejected_lines_total{reason=\"bad_value\"} 12",
        "rejected_lines_total{reason=\"bad_type\"} 13",
        "rejected_lines_total{reason=\"bad_rate\"} 14",
        "rejected_lines_total{reason=\"bad_tags\"} 15",
        "rejected_lines_total{reason=\"too_long\"} 16",
        "rejected_lines_total{reason=\"over_limit\"} 17",
        "dropped_datagrams_total 9",
        "tcp_connections 21",
        "tcp_accepted_connections_total 22",
        "tcp_refused_connections_total 23",
        "tcp_crowded_out_connections_total 24",
        "series{kind=\"stats\"} 31",
        "series{kind=\"counters\"} 32",
        "series{kind=\"gauges\"} 33",
        "series{kind=\"sets\"} 34",
        "series{kind=\"flags\"} 35",
        "series{kind=\"progress\"} 36",
        "series_limit 4000000000",
        "expired_series_total 41",
        "resident_memory_bytes 51",
        "cells_memory_bytes 52",
        "registry_memory_bytes 53",
        "http_connections 61",
        "http_requests_total 62",
        "http_cut_connections_total 63",
        "recovered_series 71",
        "recovered_datagrams 72",
        "quarantined_datagrams 73",
        "checkpoints_written_total 81",
        "checkpoints_failed_total 82",
        "checkpoint_timestamp_seconds 2.5",
        "checkpoint_duration_seconds 0.125",
        "checkpoint_size_bytes 84",
        "checkpoint_series 83",
    };
    static const PrometheusFormat formats[] = {PROMETHEUS_TEXT, PROMETHEUS_OPENMETRICS};
    PrometheusFigures figures = some_figures();
    for (size_t f = 0; f < 2; f++) {
        Buffer out = buffer_for_text();
        prometheus_figures_write(&out, formats[f], &figures);
        const char *rest = terminated(&out);
        for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
            while (strncmp(rest, "# ", 2) == 0) /* HELP and TYPE */
                rest = strchr(rest, '\n') + 1;
            assert_memory_equal("atomicstatsd_", rest, 13);
            assert_memory_equal(samples[i], rest + 13, strlen(samples[i]));
            rest += 13 + strlen(samples[i]);
            assert_int_equal('\n', *rest++);
        }
        assert_string_equal("", rest);
    }
}

static void test_a_counter_in_both_formats(void **state)
{
    (void)state;
    PrometheusFigures figures = some_figures();
    Buffer out = buffer_for_text();
    prometheus_figures_write(&out, PROMETHEUS_TEXT, &figures);
    assert_non_null(strstr(terminated(&out),
                           "\n# HELP atomicstatsd_datagrams_total Datagrams received.\n"
                           "# TYPE atomicstatsd_datagrams_total counter\n"
                           "atomicstatsd_datagrams_total 1001\n"));
    out = buffer_for_text();
    prometheus_figures_write(&out, PROMETHEUS_OPENMETRICS, &figures);
    assert_non_null(strstr(terminated(&out), "\n# HELP atomicstatsd_datagrams Datagrams received.\n"
                                             "# TYPE atomicstatsd_datagrams counter\n"
                                             "atomicstatsd_datagrams_total 1001\n"));
}

static void test_what_there_is_not_is_not_told(void **state)
{
    (void)state;
    PrometheusFigures figures = some_figures();
    figures.checkpoints.latest_ns = 0;
    Buffer out = buffer_for_text();
    prometheus_figures_write(&out, PROMETHEUS_TEXT, &figures);
    assert_null(strstr(terminated(&out), "checkpoint_"));
    assert_non_null(strstr(text, "checkpoints_failed_total 82"));
    figures.has_state = false;
    out = buffer_for_text();
    prometheus_figures_write(&out, PROMETHEUS_TEXT, &figures);
    assert_null(strstr(terminated(&out), "checkpoint"));
    assert_null(strstr(text, "recovered"));
}

static void test_the_end(void **state)
{
    (void)state;
    Buffer out = buffer_for_text();
    prometheus_figures_write_end(&out, PROMETHEUS_TEXT, 3, 4);
    assert_non_null(strstr(terminated(&out), "\natomicstatsd_metrics_colliding 3\n"));
    assert_non_null(strstr(text, "\natomicstatsd_metrics_mixed 4\n"));
}

/* The largest numbers fit. */
static void test_the_size_is_enough(void **state)
{
    (void)state;
    PrometheusFigures figures = some_figures();
    uint64_t most = UINT64_MAX;
    IntakeCounts intake = {.datagrams = most, .bytes = most, .lines = most, .values = most};
    for (unsigned i = 0; i < REJECT_REASONS; i++)
        intake.rejected[i] = most;
    figures.intake = intake;
    figures.service.uptime_s = 1.2345678901234567e-300;
    figures.checkpoints.took_s = (double)INFINITY;
    Buffer out = buffer_for_text();
    prometheus_figures_write(&out, PROMETHEUS_TEXT, &figures);
    assert_non_null(strstr(terminated(&out), "checkpoint_duration_seconds +Inf\n"));
    assert_true(out.length < PROMETHEUS_FIGURES_SIZE - 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_figure),
        cmocka_unit_test(test_a_counter_in_both_formats),
        cmocka_unit_test(test_what_there_is_not_is_not_told),
        cmocka_unit_test(test_the_end),
        cmocka_unit_test(test_the_size_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
