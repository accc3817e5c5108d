/* The part of an exposition that is sorted at a time, in memory of a fixed size.
 *
 * Both formats want all samples of a metric family together, under one TYPE line. But a walk gives
 * series as they were first seen, and there may be a million, so neither can they be kept nor looked up
 * again one by one. So each pass over all series keeps the units with the smallest keys (families by
 * their hash) that fit: when the memory is full, the upper half of the keys goes, and no higher key is
 * let in again. At its end the families that are whole are sorted by name and written, and the next
 * pass begins above them. Nearly always there is one pass. The memory grows with what there is, up to
 * PROMETHEUS_BATCH_BYTES.
 *
 * A family that alone does not fit, a giant, has passes of its own: prometheus_batch_only().
 *
 * Collisions. Two series may have the same family, of one type, and the same labels: `a.b` and `a_b`, or
 * a gauge and a flag of one name. None is left out or added to another: each gets one label more,
 * statsd_series, with its own name, type and tags. That holds for equal hashes of the labels: what is
 * equal is always found, and in one of 2^64 cases a series gets the label without need.
 *
 * Thread rule: belongs to one thread. */
#ifndef RENDER_PROMETHEUS_BATCH_H
#define RENDER_PROMETHEUS_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "render/prometheus_series.h"

enum {
    PROMETHEUS_BATCH_BYTES = 32 * 1024 * 1024,
    /* No less: so that a full one holds several of the largest units. */
    PROMETHEUS_BATCH_MIN = 64 * 1024
};

typedef enum {
    PROMETHEUS_BATCH_LAST, /* it has all that is left */
    PROMETHEUS_BATCH_MORE, /* another pass must follow */
    PROMETHEUS_BATCH_GIANT /* it has nothing: the family batch.high.family does not fit */
} PrometheusBatchEnd;

typedef struct {
    size_t limit; /* bytes of units and index together */
    char *units;  /* one behind the other */
    size_t used;
    size_t capacity;
    uint32_t *index; /* where each begins */
    uint32_t count;
    uint32_t index_capacity;
    bool from;         /* only keys above `low` are let in */
    bool to;           /* and only those up to `high` */
    PrometheusKey low; /* private, as are the rest */
    PrometheusKey high;
    bool only; /* one family's, one type's */
    uint64_t family;
    PrometheusType type;
} PrometheusBatch;

/* Holds no memory yet. `limit`: bytes, from PROMETHEUS_BATCH_MIN. */
void prometheus_batch_init(PrometheusBatch *batch, size_t limit);
void prometheus_batch_fini(PrometheusBatch *batch);

/* Begins a pass: empties it; what the passes before have given will not come again. */
void prometheus_batch_begin(PrometheusBatch *batch);

/* A series of the pass. => 0 or -ENOMEM. */
int prometheus_batch_add(PrometheusBatch *batch, const PrometheusSeries *series);

/* Ends a pass: sorts what is to be written now: by family, then by type, then by labels. */
PrometheusBatchEnd prometheus_batch_end(PrometheusBatch *batch);

/* The passes that follow are over the units of this type in this giant only, from the first on; and
 * those after prometheus_batch_all() over all families above it. */
void prometheus_batch_only(PrometheusBatch *batch, uint64_t family, PrometheusType type);
void prometheus_batch_all(PrometheusBatch *batch);

/* The i-th (< count), after the end of a pass. */
const PrometheusUnit *prometheus_batch_at(const PrometheusBatch *batch, uint32_t i);

/* => how many from the i-th on are of one family. */
uint32_t prometheus_batch_family(const PrometheusBatch *batch, uint32_t i);

/* => whether the i-th has the same family, type and labels as another series' unit. */
bool prometheus_batch_collides(const PrometheusBatch *batch, uint32_t i);

#endif
