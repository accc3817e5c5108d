/* One line of the StatsD protocol, taken apart. Pure: it reads the line and writes the result.
 *
 *     NAME:VALUE[:VALUE...][|TYPE][|@RATE][|#TAGS][|anything else, ignored]
 *     VALUE                                   a bare number goes to the stats named "value"
 *
 * A line is checked whole before any of it counts. When several things are wrong with it, the reason
 * is the first of: name, type, values, rate, tags. Nothing outside the line is read, and the line is
 * not changed; the result points into it. Any thread. */
#ifndef INGEST_STATSD_LINE_H
#define INGEST_STATSD_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/intake.h"
#include "metrics/registry.h"

/* What is known of a value beside its number. */
enum {
    VALUE_IS_INTEGER = 1, /* counter: `integer` is the value, exactly */
    VALUE_SIGNED = 2,     /* gauge: the text began with + or - */
    VALUE_DONE = 4,       /* progress: `integer` is what is done … */
    VALUE_RELATIVE = 8,   /* … more, not in all */
    VALUE_TOTAL = 16,     /* progress: `total` is set */
};

/* One value, by the kind of its line: stats and gauges use `number`; counters `number`, already
 * divided by the rate, or `integer`; flags `integer` 0 or 1; sets `text`, `integer` bytes of it;
 * progress `integer` and `total`. */
typedef struct {
    union {
        double number;
        int64_t total;
        const char *text;
    } as;
    int64_t integer;
    uint32_t flags;
} StatsdValue;

typedef struct {
    SeriesKey key;       /* points into the line, or to "value" */
    double weight;       /* stats: how many values each one stands for, 1 / RATE */
    StatsdValue *values; /* into the caller's array */
    size_t value_count;  /* at least 1 */
} StatsdLine;

typedef enum {
    STATSD_BLANK,    /* nothing, and no error */
    STATSD_SAMPLE,   /* *out is filled */
    STATSD_IGNORED,  /* a DogStatsD event or service check */
    STATSD_REJECTED, /* *why is set */
} StatsdVerdict;

/* => how many values a line of this many bytes can hold at most. */
static inline size_t statsd_line_max_values(size_t length)
{
    return length / 2 + 1;
}

/* Takes line[0..length) apart, without its "\n"; a "\r" at its end is not part of it. `values` has
 * room for statsd_line_max_values(length). *out is set for STATSD_SAMPLE only, *why for
 * STATSD_REJECTED only. */
StatsdVerdict statsd_line_parse(const char *line, size_t length, StatsdValue *values,
                                StatsdLine *out, RejectReason *why);

#endif
