/* The two text formats that Prometheus reads, line by line: the text format 0.0.4 and OpenMetrics 1.0.
 * What they have in common is a line `# HELP` and a line `# TYPE` before each family of metrics, and a
 * line for each sample. Pure; a buffer belongs to one thread.
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats and
 * https://github.com/OpenObservability/OpenMetrics, specification/OpenMetrics.md (1.0) */
#ifndef RENDER_PROMETHEUS_TEXT_H
#define RENDER_PROMETHEUS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

typedef enum {
    PROMETHEUS_TEXT,       /* 0.0.4 */
    PROMETHEUS_OPENMETRICS /* 1.0.0 */
} PrometheusFormat;

typedef enum {
    PROMETHEUS_SUMMARY, /* samples NAME_sum and NAME_count */
    PROMETHEUS_COUNTER, /* sample NAME_total; 0.0.4 has the ending in the family's name, too */
    PROMETHEUS_GAUGE,
    PROMETHEUS_UNKNOWN, /* "untyped" in 0.0.4 */
    PROMETHEUS_TYPES
} PrometheusType;

/* The lines before a family. `subject` (UTF-8 without control characters; may be empty) is put behind
 * `help`. */
void prometheus_text_family(Buffer *out, PrometheusFormat format, PrometheusType type,
                            const char *name, size_t name_length, const char *help,
                            const char *subject, size_t subject_length);

/* A value: as JSON has it (number.h), or +Inf, -Inf or NaN. */
void prometheus_text_number(Buffer *out, double value);

#endif
