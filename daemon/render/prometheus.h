/* The /metrics document as a stream, for Prometheus and whatever reads its formats: the daemon's own
 * figures, then every series, family by family (prometheus_part.h tells what becomes of a series),
 * then how many collided.
 *
 * However many series there are, it holds at most PROMETHEUS_BATCH_BYTES and a few KiB, and goes over
 * the series as often as it takes (prometheus_batch.h). A series that did not fit with others may be of
 * different instants in different families; its sum and count never are.
 *
 * Families stand in the order of their names as long as all fit, and always together.
 *
 * Thread rule: a Prometheus belongs to one thread; any number may be under way at once. */
#ifndef RENDER_PROMETHEUS_H
#define RENDER_PROMETHEUS_H

#include <stddef.h>
#include <sys/types.h>

#include "metrics/snapshot.h"
#include "render/prometheus_batch.h"
#include "render/prometheus_family.h"
#include "render/prometheus_figures.h"

typedef struct {
    PrometheusFormat format;
    PrometheusFigures figures; /* what they count as recorded, the series have */
    Registry *registry;        /* outlives the stream */
    size_t batch_bytes;        /* 0: PROMETHEUS_BATCH_BYTES; else from PROMETHEUS_BATCH_MIN */
} PrometheusRequest;

/* Private, but for being allocated by its owner. */
enum {
    /* A family's two lines and two samples of it, with the longest name, labels and id; or the
     * daemon's own figures. */
    PROMETHEUS_PIECE_SIZE =
        4 * PROMETHEUS_FAMILY_MAX + 2 * (PROMETHEUS_LABELS_MAX + 2 * SERIES_ID_MAX) + 2048
};

typedef enum {
    PROMETHEUS_HEAD,
    PROMETHEUS_WALK,
    PROMETHEUS_EMIT,
    PROMETHEUS_TAIL,
    PROMETHEUS_END
} PrometheusStep;

typedef struct {
    PrometheusRequest request;
    PrometheusStep step;
    PrometheusBatch batch;
    bool survey; /* the walk only looks at a giant */
    bool giant;  /* the walk takes one section of it */
    bool more;   /* families follow that are not in the batch */
    PrometheusFamily family;
    uint64_t colliding;
    uint64_t mixed;
    SeriesKind kind; /* the walk's */
    SnapshotCursor cursor;
    size_t piece_length;
    size_t piece_given;
    char piece[PROMETHEUS_PIECE_SIZE];
} Prometheus;

/* Holds little memory before the first read. It must not move. */
void prometheus_init(Prometheus *prometheus, const PrometheusRequest *request);

/* Ends the stream, wherever it is. */
void prometheus_fini(Prometheus *prometheus);

/* Writes the next part of the document. => bytes written, at most `capacity` (1 or more); 0: the
 * document has ended; -EAGAIN: nothing to write yet after a few thousand series: others may have a
 * turn, then call again; -ENOMEM; -EMSGSIZE: the service's version is longer than a piece. */
ssize_t prometheus_read(Prometheus *prometheus, char *out, size_t capacity);

#endif
