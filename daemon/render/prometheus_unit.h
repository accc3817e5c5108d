/* A unit: a series' share of one metric family, in memory of its own, and as text. Pure; any thread. */
#ifndef RENDER_PROMETHEUS_UNIT_H
#define RENDER_PROMETHEUS_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/series.h"
#include "render/prometheus_text.h"

/* In which order units stand: families by the first, in a family by the others. XXH3 of the texts, so
 * that one order serves however long those are; equal hashes of unequal texts are told apart where it
 * matters. */
typedef struct {
    uint64_t family;
    uint64_t labels;
    uint64_t series;
} PrometheusKey;

/* => below 0, 0, above 0 */
int prometheus_key_compare(const PrometheusKey *a, const PrometheusKey *b);

typedef struct {
    PrometheusKey key;
    uint16_t family_length;
    uint16_t id_length;
    uint8_t name_length; /* of the id */
    uint8_t kind;        /* SeriesKind */
    uint8_t part;        /* PrometheusPart */
    bool is_integer;
    bool odd; /* prometheus_series_is_odd() */
    union {
        double number;
        int64_t integer; /* a counter's, exactly */
        struct {
            double sum;
            double count;
        } summary;
    } value;
    char text[]; /* family, id */
} PrometheusUnit;

/* => bytes of a unit with texts of these lengths; a multiple of its alignment. */
size_t prometheus_unit_size(size_t family_length, size_t id_length);

PrometheusType prometheus_unit_type(const PrometheusUnit *unit);

/* => what is behind `# HELP NAME `, before the series' name. */
const char *prometheus_unit_help(const PrometheusUnit *unit);

/* Writes one sample: the family's name, `ending` and the labels, with the series' id as one more if it
 * `collides`, and the value; of a summary the count if `count`, else the sum. */
void prometheus_unit_sample(Buffer *out, const PrometheusUnit *unit, const char *ending, bool count,
                            bool collides);

#endif
