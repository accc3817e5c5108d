/* One metric family on its way into the text.
 *
 * Where a family has series of different types (`x` as stats and as a gauge, in OpenMetrics also as a
 * counter), or values that OpenMetrics forbids (a negative counter or sum, a count that is not whole),
 * it is split into families of single samples without a type: x_sum, x_count, x_total. The samples'
 * names stay what they are, and a gauge stays a gauge. So a family is written in sections, one after
 * the other; mostly it has one.
 *
 * Thread rule: belongs to one thread. */
#ifndef RENDER_PROMETHEUS_FAMILY_H
#define RENDER_PROMETHEUS_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

#include "render/prometheus_batch.h"

typedef struct {
    PrometheusFormat format;
    uint32_t begin; /* its units in the batch */
    uint32_t end;
    unsigned types; /* bits 1 << PrometheusType */
    bool odd;       /* has a value that its type does not allow in OpenMetrics */
    bool mixed;     /* has more than one type */
    bool split;
    unsigned section; /* the one in hand */
    bool told;        /* its first lines are written */
    uint32_t unit;    /* the next one to be looked at */
} PrometheusFamily;

/* A family of which nothing is known yet. */
void prometheus_family_init(PrometheusFamily *family, PrometheusFormat format);

/* Looks at the share of a series in the family of this hash, if it has one. */
void prometheus_family_look(PrometheusFamily *family, uint64_t hash,
                            const PrometheusSeries *series);

/* All of it has been looked at: begins the first section. => false: it has no unit. */
bool prometheus_family_start(PrometheusFamily *family);

/* Begins the next section. => false: there is none. */
bool prometheus_family_next(PrometheusFamily *family);

/* The type of the section's units. */
PrometheusType prometheus_family_type(const PrometheusFamily *family);

/* Takes the family that begins with the batch's unit `begin`, and starts it.
 * => false: there is no such unit. */
bool prometheus_family_take(PrometheusFamily *family, const PrometheusBatch *batch, uint32_t begin);

/* Goes to the section's next unit in the batch. => false: there is none. */
bool prometheus_family_find(PrometheusFamily *family, const PrometheusBatch *batch);

/* Writes that unit, and before a section's first the section's own lines. */
void prometheus_family_write(const PrometheusFamily *family, const PrometheusBatch *batch,
                             Buffer *out);

/* That unit has been written. => how many units, 0 or 1, have collided with another by it. */
unsigned prometheus_family_written(PrometheusFamily *family, const PrometheusBatch *batch);

#endif
