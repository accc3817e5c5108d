#include "metrics/series.h"

const char *series_kind_section(SeriesKind kind)
{
    static const char *const sections[SERIES_KINDS] = {
        [SERIES_STATS] = "stats", [SERIES_COUNTER] = "counters", [SERIES_GAUGE] = "gauges",
        [SERIES_SET] = "sets",    [SERIES_FLAG] = "flags",       [SERIES_PROGRESS] = "progress",
    };
    return sections[kind];
}
