/* The daemon's own figures, `atomicstatsd_…`, as metric families. Pure; any thread. */
#ifndef RENDER_PROMETHEUS_FIGURES_H
#define RENDER_PROMETHEUS_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "metrics/intake.h"
#include "metrics/series.h"
#include "render/prometheus_text.h"
#include "render/service_info.h"

typedef struct {
    uint64_t written; /* since the start, as `failed` */
    uint64_t failed;
    int64_t latest_ns; /* CLOCK_REALTIME; 0: there is none, and the rest is 0 */
    uint64_t series;
    uint64_t bytes;
    double took_s;
} PrometheusCheckpoints;

typedef struct {
    ServiceInfo service;
    unsigned threads;    /* ingest threads */
    double stuck_s;      /* for which the slowest owes a sign of life; 0: none does */
    IntakeCounts intake; /* of all threads together */
    uint64_t tcp_connections;
    uint64_t tcp_accepted;
    uint64_t tcp_refused;
    uint64_t tcp_crowded_out;
    uint32_t series[SERIES_KINDS];
    uint32_t max_series;
    uint64_t expired_series;
    uint64_t resident_bytes;
    uint64_t cells_bytes;
    uint64_t registry_bytes;
    uint64_t http_connections;
    uint64_t http_requests;
    uint64_t http_cut;
    bool has_state;            /* there is a state directory; without it what follows is 0 */
    uint64_t recovered_series; /* at the start, from a process that was killed, as the next two */
    uint64_t recovered_datagrams;
    uint64_t quarantined_datagrams;
    PrometheusCheckpoints checkpoints;
} PrometheusFigures;

enum {
    PROMETHEUS_FIGURES_SIZE = 12 * 1024 /* bytes, all families together, at most */
};

void prometheus_figures_write(Buffer *out, PrometheusFormat format,
                              const PrometheusFigures *figures);

/* What only the end of an exposition knows of itself. */
void prometheus_figures_write_end(Buffer *out, PrometheusFormat format, uint64_t colliding,
                                  uint64_t mixed);

#endif
