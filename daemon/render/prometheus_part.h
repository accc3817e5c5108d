/* What a series becomes in the exposition: parts, each in a metric family.
 *
 *   series x          family                     type       its samples
 *   stats             x                          summary    x_sum, x_count
 *                     x_min, x_max, x_stddev     gauge      the same
 *   counter           x (0.0.4: x_total)         counter    x_total
 *   gauge, set, flag  x                          gauge      x: a set's estimate, 0 or 1 of a flag
 *   progress          x_progress_done            gauge      the same
 *                     x_progress_target          gauge      … once it is known
 *                     x_progress_eta_seconds     gauge      … once it is known
 *                     x_progress_started_timestamp_seconds, x_progress_updated_timestamp_seconds
 *
 * x is the mapped name (prometheus_name.h). Of a counter's, `_total` is taken off the end first. All
 * others, if they end as only counters' and summaries' samples may (prometheus_name_is_taken()), get
 * `_value`: the gauge `queue.count` is queue_count_value. A counter that still ends so, as
 * errors_count, has errors_count_total as every other, but in OpenMetrics its type is unknown.
 *
 * So a sample's name depends on nothing but its own series, in both formats, and two families can have
 * a name in common only if it is the whole name; prometheus_family.h sees to those.
 *
 * Pure; any thread. */
#ifndef RENDER_PROMETHEUS_PART_H
#define RENDER_PROMETHEUS_PART_H

#include "render/prometheus_text.h"

typedef enum {
    PROMETHEUS_PART_SUMMARY,
    PROMETHEUS_PART_MIN,
    PROMETHEUS_PART_MAX,
    PROMETHEUS_PART_STDDEV,
    PROMETHEUS_PART_TOTAL,       /* OpenMetrics: of a family without the ending */
    PROMETHEUS_PART_TOTAL_TEXT,  /* 0.0.4: of a family with it */
    PROMETHEUS_PART_TOTAL_PLAIN, /* OpenMetrics: of no type, where the family's name is taken */
    PROMETHEUS_PART_GAUGE,
    PROMETHEUS_PART_SET,
    PROMETHEUS_PART_FLAG,
    PROMETHEUS_PART_DONE,
    PROMETHEUS_PART_TARGET,
    PROMETHEUS_PART_ETA,
    PROMETHEUS_PART_STARTED,
    PROMETHEUS_PART_UPDATED
} PrometheusPart;

typedef struct {
    const char *suffix; /* of the family's name, behind x */
    PrometheusType type;
    const char *help; /* goes before the series' name */
} PrometheusPartInfo;

const PrometheusPartInfo *prometheus_part_info(PrometheusPart part);

#endif
