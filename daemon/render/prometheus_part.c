#include "render/prometheus_part.h"

static const PrometheusPartInfo parts[] = {
    [PROMETHEUS_PART_SUMMARY] = {"", PROMETHEUS_SUMMARY, "Sum and count of the stats "},
    [PROMETHEUS_PART_MIN] = {"_min", PROMETHEUS_GAUGE, "Least value of the stats "},
    [PROMETHEUS_PART_MAX] = {"_max", PROMETHEUS_GAUGE, "Greatest value of the stats "},
    [PROMETHEUS_PART_STDDEV] = {"_stddev", PROMETHEUS_GAUGE,
                                "Standard deviation of all values of the stats "},
    [PROMETHEUS_PART_TOTAL] = {"", PROMETHEUS_COUNTER, "Total of the counter "},
    [PROMETHEUS_PART_TOTAL_TEXT] = {"_total", PROMETHEUS_COUNTER, "Total of the counter "},
    [PROMETHEUS_PART_TOTAL_PLAIN] = {"_total", PROMETHEUS_UNKNOWN, "Total of the counter "},
    [PROMETHEUS_PART_GAUGE] = {"", PROMETHEUS_GAUGE, "Latest value of the gauge "},
    [PROMETHEUS_PART_SET] = {"", PROMETHEUS_GAUGE, "Different values in the set "},
    [PROMETHEUS_PART_FLAG] = {"", PROMETHEUS_GAUGE, "1 if set, else 0: the flag "},
    [PROMETHEUS_PART_DONE] = {"_progress_done", PROMETHEUS_GAUGE, "Done so far by "},
    [PROMETHEUS_PART_TARGET] = {"_progress_target", PROMETHEUS_GAUGE,
                                "How much there is to be done by "},
    [PROMETHEUS_PART_ETA] = {"_progress_eta_seconds", PROMETHEUS_GAUGE,
                             "Seconds left at the rate so far of "},
    [PROMETHEUS_PART_STARTED] = {"_progress_started_timestamp_seconds", PROMETHEUS_GAUGE,
                                 "Unix time of the start of "},
    [PROMETHEUS_PART_UPDATED] = {"_progress_updated_timestamp_seconds", PROMETHEUS_GAUGE,
                                 "Unix time of the latest update of "},
};

const PrometheusPartInfo *prometheus_part_info(PrometheusPart part)
{
    return &parts[part];
}
