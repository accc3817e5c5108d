#include "render/prometheus_text.h"

#include <math.h>

static const char *const words[PROMETHEUS_TYPES] = {[PROMETHEUS_SUMMARY] = "summary",
                                                    [PROMETHEUS_COUNTER] = "counter",
                                                    [PROMETHEUS_GAUGE] = "gauge"};

/* 0.0.4 knows no `\"` here, OpenMetrics demands it. */
static void write_help(Buffer *out, PrometheusFormat format, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\\' || (text[i] == '"' && format == PROMETHEUS_OPENMETRICS))
            buffer_char(out, '\\');
        buffer_char(out, text[i]);
    }
}

void prometheus_text_family(Buffer *out, PrometheusFormat format, PrometheusType type,
                            const char *name, size_t name_length, const char *help,
                            const char *subject, size_t subject_length)
{
    const char *word = words[type];
    if (word == NULL)
        word = format == PROMETHEUS_OPENMETRICS ? "unknown" : "untyped";
    buffer_text(out, "# HELP ");
    buffer_bytes(out, name, name_length);
    buffer_char(out, ' ');
    buffer_text(out, help);
    write_help(out, format, subject, subject_length);
    buffer_text(out, "\n# TYPE ");
    buffer_bytes(out, name, name_length);
    buffer_char(out, ' ');
    buffer_text(out, word);
    buffer_char(out, '\n');
}

void prometheus_text_number(Buffer *out, double value)
{
    if (isfinite(value))
        buffer_double(out, value);
    else
        buffer_text(out, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
}
