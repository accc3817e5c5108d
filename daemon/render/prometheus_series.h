/* A series taken apart into its units: prometheus_part.h says which. Pure; any thread. */
#ifndef RENDER_PROMETHEUS_SERIES_H
#define RENDER_PROMETHEUS_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/series.h"
#include "render/prometheus_name.h"
#include "render/prometheus_unit.h"

enum {
    PROMETHEUS_UNITS_MAX = 5, /* of one series */
    PROMETHEUS_FAMILY_MAX = PROMETHEUS_NAME_MAX + 48,
};

/* The id must live on while it is used. */
typedef struct {
    PrometheusFormat format;
    const SeriesView *view;
    unsigned count; /* of its units */
    uint8_t part[PROMETHEUS_UNITS_MAX];
    size_t base_length;
    char base[PROMETHEUS_NAME_MAX + 8]; /* the families' names begin with it */
} PrometheusSeries;

void prometheus_series_init(PrometheusSeries *series, PrometheusFormat format,
                            const SeriesView *view);

/* => the length of the name of the i-th family, in out[]; its hash in *hash. */
size_t prometheus_series_family(const PrometheusSeries *series, unsigned i,
                                char out[static PROMETHEUS_FAMILY_MAX], uint64_t *hash);

/* => the i-th family's type, as long as it has a type of its own. */
PrometheusType prometheus_series_type(const PrometheusSeries *series, unsigned i);

/* => whether OpenMetrics forbids the i-th unit's value for its type: a negative counter or sum, a count
 * that is no whole number (by sample rates), no number at all. */
bool prometheus_series_is_odd(const PrometheusSeries *series, unsigned i);

/* The hashes of the labels and of the id. */
void prometheus_series_hash(const PrometheusSeries *series, uint64_t *labels, uint64_t *id);

/* Makes the i-th unit, of prometheus_unit_size() bytes at `unit`. */
void prometheus_series_unit(const PrometheusSeries *series, unsigned i, const PrometheusKey *key,
                            const char *family, size_t family_length, PrometheusUnit *unit);

#endif
