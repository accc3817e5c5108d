#include "http/metrics.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <microhttpd.h>

#include "http/resident.h"
#include "render/prometheus.h"

enum {
    STREAM_BLOCK_SIZE = 64 * 1024
};

typedef struct {
    _Atomic unsigned *under_way;
    Prometheus document;
} Stream;

/* ---- the daemon's own figures ---- */

static void read_series(PrometheusFigures *figures, const Registry *registry)
{
    for (unsigned kind = 0; kind < SERIES_KINDS; kind++)
        figures->series[kind] = registry_count(registry, (SeriesKind)kind);
    figures->max_series = registry_max_series(registry);
    figures->expired_series = registry_expired(registry);
    figures->registry_bytes = registry_memory_bytes(registry);
}

static void read_http(PrometheusFigures *figures, const HttpCounts *counts)
{
    HttpFigures http;
    http_counts_read(counts, &http);
    figures->http_connections = http.connections;
    figures->http_requests = http.requests;
    figures->http_cut = http.cut_late + http.cut_crowded_out;
}

static void read_tcp(PrometheusFigures *figures, const Pool *pool)
{
    PoolTcpFigures tcp;
    (void)pool_tcp_figures(pool, &tcp);
    figures->tcp_connections = tcp.connections;
    figures->tcp_accepted = tcp.accepted;
    figures->tcp_refused = tcp.refused;
    figures->tcp_crowded_out = tcp.crowded_out;
}

static void read_state(PrometheusFigures *figures, State *storage)
{
    figures->has_state = storage != NULL;
    if (storage == NULL)
        return;
    StateInfo info;
    state_info(storage, &info);
    const SaverInfo *saver = &info.checkpoints;
    figures->recovered_series = info.recovered_series;
    figures->recovered_datagrams = info.recovered_datagrams;
    figures->quarantined_datagrams = info.quarantined;
    figures->checkpoints =
        (PrometheusCheckpoints){.written = saver->written, .failed = saver->failed};
    if (saver->latest.bytes == 0)
        return;
    figures->checkpoints.latest_ns = saver->latest.created_ns;
    figures->checkpoints.series = saver->latest.series;
    figures->checkpoints.bytes = saver->latest.bytes;
    figures->checkpoints.took_s = (double)saver->took_ns / 1e9;
}

static PrometheusFigures read_figures(const HttpSite *site)
{
    PrometheusFigures figures = {
        .service = http_site_service(site),
        .threads = pool_thread_count(site->pool),
        .stuck_s = (double)pool_stuck_ns(site->pool) / 1e9,
        .resident_bytes = resident_bytes(),
        .cells_bytes = pool_memory_bytes(site->pool),
    };
    read_series(&figures, site->registry);
    read_tcp(&figures, site->pool);
    read_http(&figures, &site->counts);
    read_state(&figures, site->storage);
    /* Before the walk: what these figures call recorded, the walk will see. */
    pool_counts(site->pool, &figures.intake);
    return figures;
}

/* ---- the stream ---- */

static ssize_t stream_read(void *context, uint64_t position, char *out, size_t capacity)
{
    (void)position; /* libmicrohttpd reads from start to end */
    Stream *stream = context;
    ssize_t length = prometheus_read(&stream->document, out, capacity);
    if (length == -EAGAIN)
        return 0; /* libmicrohttpd asks again when it has looked at the other connections */
    if (length < 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    return length > 0 ? length : MHD_CONTENT_READER_END_OF_STREAM;
}

static void stream_destroy(void *context)
{
    Stream *stream = context;
    prometheus_fini(&stream->document);
    /* Relaxed, as below. */
    atomic_fetch_sub_explicit(stream->under_way, 1, memory_order_relaxed);
    free(stream);
}

static struct MHD_Response *make_response(const HttpSite *site, PrometheusFormat format)
{
    Stream *stream = malloc(sizeof *stream);
    if (stream == NULL)
        return NULL;
    /* Relaxed: the number alone counts. */
    bool small = atomic_fetch_add_explicit(site->scrapes, 1, memory_order_relaxed) >= METRICS_LARGE;
    PrometheusRequest request = {
        .format = format,
        .figures = read_figures(site),
        .registry = site->registry,
        .batch_bytes = small ? METRICS_SMALL_BYTES : PROMETHEUS_BATCH_BYTES,
    };
    stream->under_way = site->scrapes;
    prometheus_init(&stream->document, &request);
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, STREAM_BLOCK_SIZE, stream_read, stream, stream_destroy);
    if (response == NULL)
        stream_destroy(stream);
    return response;
}

Reply metrics_answer(const HttpSite *site, const Accept *accept)
{
    static const char *const types[] = {
        [PROMETHEUS_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
        [PROMETHEUS_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
    };
    PrometheusFormat format = accept_format(accept);
    Reply reply = {.status = MHD_HTTP_OK, .stream = true, .response = make_response(site, format)};
    reply_header(&reply, MHD_HTTP_HEADER_CONTENT_TYPE, types[format]);
    reply_header(&reply, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT);
    reply_header(&reply, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    reply_header(&reply, "X-Content-Type-Options", "nosniff");
    return reply;
}
