#include "render/prometheus_figures.h"

#include <string.h>

#include "render/prometheus_name.h"

/* A family, whose samples follow. */
typedef struct {
    Buffer *out;
    PrometheusFormat format;
    PrometheusType type;
    const char *name; /* without `_total` */
} Family;

static Family begin(Buffer *out, PrometheusFormat format, PrometheusType type, const char *name,
                    const char *help)
{
    char full[96];
    Buffer text;
    buffer_init(&text, full, sizeof full);
    buffer_text(&text, name);
    if (type == PROMETHEUS_COUNTER && format == PROMETHEUS_TEXT)
        buffer_text(&text, "_total");
    prometheus_text_family(out, format, type, full, text.length, help, "", 0);
    return (Family){out, format, type, name};
}

/* `label` NULL: none. Its value needs no escaping. */
static void begin_sample(const Family *family, const char *label, const char *value)
{
    buffer_text(family->out, family->name);
    if (family->type == PROMETHEUS_COUNTER)
        buffer_text(family->out, "_total");
    if (label != NULL) {
        buffer_char(family->out, '{');
        buffer_text(family->out, label);
        buffer_text(family->out, "=\"");
        prometheus_escape(family->out, value, strlen(value));
        buffer_text(family->out, "\"}");
    }
    buffer_char(family->out, ' ');
}

static void sample(const Family *family, const char *label, const char *value, uint64_t number)
{
    begin_sample(family, label, value);
    buffer_uint64(family->out, number);
    buffer_char(family->out, '\n');
}

static void counter(Buffer *out, PrometheusFormat format, const char *name, const char *help,
                    uint64_t value)
{
    Family family = begin(out, format, PROMETHEUS_COUNTER, name, help);
    sample(&family, NULL, NULL, value);
}

static void gauge(Buffer *out, PrometheusFormat format, const char *name, const char *help,
                  double value)
{
    Family family = begin(out, format, PROMETHEUS_GAUGE, name, help);
    begin_sample(&family, NULL, NULL);
    prometheus_text_number(out, value);
    buffer_char(out, '\n');
}

static void write_service(Buffer *out, PrometheusFormat format, const PrometheusFigures *figures)
{
    const ServiceInfo *service = &figures->service;
    Family info = begin(out, format, PROMETHEUS_GAUGE, "atomicstatsd_build_info",
                        "Always 1; its label is the daemon's version.");
    sample(&info, "version", service->version, 1);
    gauge(out, format, "atomicstatsd_start_time_seconds", "Unix time at which the process started.",
          (double)service->started_realtime_ns / 1e9);
    gauge(out, format, "atomicstatsd_uptime_seconds", "Since the process started.",
          service->uptime_s);
    gauge(out, format, "atomicstatsd_ingest_threads", "Ingest threads.", figures->threads);
    gauge(out, format, "atomicstatsd_ingest_stuck_seconds",
          "For how long the slowest ingest thread has given no sign of life; 0 is good.",
          figures->stuck_s);
}

static void write_intake(Buffer *out, PrometheusFormat format, const IntakeCounts *intake)
{
    counter(out, format, "atomicstatsd_datagrams", "Datagrams received.", intake->datagrams);
    counter(out, format, "atomicstatsd_received_bytes", "Bytes of values, without headers.",
            intake->bytes);
    counter(out, format, "atomicstatsd_lines", "Lines that are not blank.", intake->lines);
    counter(out, format, "atomicstatsd_values", "Values recorded.", intake->values);
    counter(out, format, "atomicstatsd_ignored_lines",
            "DogStatsD events and service checks, which are not recorded.", intake->ignored);
    Family rejected = begin(out, format, PROMETHEUS_COUNTER, "atomicstatsd_rejected_lines",
                            "Lines refused, by reason; /server shows the latest.");
    for (unsigned i = 0; i < REJECT_REASONS; i++)
        sample(&rejected, "reason", reject_reason_name((RejectReason)i), intake->rejected[i]);
    counter(out, format, "atomicstatsd_dropped_datagrams",
            "Datagrams that the kernel dropped because a socket's buffer was full.",
            intake->dropped_kernel);
}

static void write_tcp(Buffer *out, PrometheusFormat format, const PrometheusFigures *figures)
{
    gauge(out, format, "atomicstatsd_tcp_connections", "TCP connections that values come from.",
          (double)figures->tcp_connections);
    counter(out, format, "atomicstatsd_tcp_accepted_connections", "Accepted since the start.",
            figures->tcp_accepted);
    counter(out, format, "atomicstatsd_tcp_refused_connections",
            "Closed at once, as ingest.tcp_max_connections were there.", figures->tcp_refused);
    counter(out, format, "atomicstatsd_tcp_crowded_out_connections",
            "Closed for another one, as they had long been silent.", figures->tcp_crowded_out);
}

static void write_series(Buffer *out, PrometheusFormat format, const PrometheusFigures *figures)
{
    Family series =
        begin(out, format, PROMETHEUS_GAUGE, "atomicstatsd_series", "Series held, by kind.");
    for (unsigned kind = 0; kind < SERIES_KINDS; kind++)
        sample(&series, "kind", series_kind_section((SeriesKind)kind), figures->series[kind]);
    gauge(out, format, "atomicstatsd_series_limit", "limits.max_series of the configuration.",
          figures->max_series);
    counter(out, format, "atomicstatsd_expired_series", "Series forgotten because they were idle.",
            figures->expired_series);
    gauge(out, format, "atomicstatsd_resident_memory_bytes", "The process' resident memory.",
          (double)figures->resident_bytes);
    gauge(out, format, "atomicstatsd_cells_memory_bytes", "Held for the ingest threads' own cells.",
          (double)figures->cells_bytes);
    gauge(out, format, "atomicstatsd_registry_memory_bytes",
          "Held for names and what the ingest threads share.", (double)figures->registry_bytes);
}

static void write_http(Buffer *out, PrometheusFormat format, const PrometheusFigures *figures)
{
    gauge(out, format, "atomicstatsd_http_connections", "HTTP connections that are open.",
          (double)figures->http_connections);
    counter(out, format, "atomicstatsd_http_requests", "HTTP requests received.",
            figures->http_requests);
    counter(out, format, "atomicstatsd_http_cut_connections",
            "HTTP connections cut because they were late, or too many.", figures->http_cut);
}

static void write_state(Buffer *out, PrometheusFormat format, const PrometheusFigures *figures)
{
    const PrometheusCheckpoints *checkpoints = &figures->checkpoints;
    gauge(out, format, "atomicstatsd_recovered_series",
          "Series taken over at the start from a process that was killed.",
          (double)figures->recovered_series);
    gauge(out, format, "atomicstatsd_recovered_datagrams",
          "Datagrams that it had in hand, and that were recorded then.",
          (double)figures->recovered_datagrams);
    gauge(out, format, "atomicstatsd_quarantined_datagrams",
          "Datagrams that were set aside then, as they had crashed the program.",
          (double)figures->quarantined_datagrams);
    counter(out, format, "atomicstatsd_checkpoints_written", "Checkpoints written since the start.",
            checkpoints->written);
    counter(out, format, "atomicstatsd_checkpoints_failed",
            "Checkpoints that could not be written, since the start.", checkpoints->failed);
    if (checkpoints->latest_ns == 0)
        return;
    gauge(out, format, "atomicstatsd_checkpoint_timestamp_seconds",
          "Unix time of the latest good checkpoint.", (double)checkpoints->latest_ns / 1e9);
    gauge(out, format, "atomicstatsd_checkpoint_duration_seconds", "What writing it took.",
          checkpoints->took_s);
    gauge(out, format, "atomicstatsd_checkpoint_size_bytes", "Its size.",
          (double)checkpoints->bytes);
    gauge(out, format, "atomicstatsd_checkpoint_series", "Series in it.",
          (double)checkpoints->series);
}

void prometheus_figures_write(Buffer *out, PrometheusFormat format,
                              const PrometheusFigures *figures)
{
    write_service(out, format, figures);
    write_intake(out, format, &figures->intake);
    write_tcp(out, format, figures);
    write_series(out, format, figures);
    write_http(out, format, figures);
    if (figures->has_state)
        write_state(out, format, figures);
}

void prometheus_figures_write_end(Buffer *out, PrometheusFormat format, uint64_t colliding,
                                  uint64_t mixed)
{
    gauge(out, format, "atomicstatsd_metrics_colliding",
          "Samples above that got the label statsd_series, as others have their name and labels.",
          (double)colliding);
    gauge(out, format, "atomicstatsd_metrics_mixed",
          "Names above that series of different types share, so that they are of no type.",
          (double)mixed);
}
