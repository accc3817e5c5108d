/* The StatsD protocol: datagrams into lines, lines into values. Pure: it reads the text and writes
 * the result.
 *
 *     NAME:VALUE[:VALUE...][|TYPE][|@RATE][|#TAGS][|anything else, ignored]
 *     VALUE                                   a bare number goes to the stats named "value"
 *
 * A line is checked whole before any of it counts. When several things are wrong with it, the reason
 * is the first of: name, type, values, rate, tags. Nothing outside the text is read, and the text is
 * not changed; the result points into it. Any thread. */
#ifndef INGEST_STATSD_LINE_H
#define INGEST_STATSD_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/delimiters.h"
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

/* A piece of the text; not zero-terminated. */
typedef struct {
    const char *text;
    size_t length;
} StatsdPart;

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

/* => how many values a text of this many bytes can hold at most. */
static inline size_t statsd_line_max_values(size_t length)
{
    return length / 2 + 1;
}

/* A datagram on its way through the parser: lines come off its front. */
typedef struct {
    const char *bytes;
    size_t length;
    size_t at;                 /* where the next line begins */
    const uint16_t *delimiter; /* the first that is not before it */
    const uint16_t *end;       /* after the last delimiter */
    bool plain;                /* as in Delimiters */
} StatsdText;

/* Finds the delimiters of bytes[0..length), at most DELIMITERS_TEXT_MAX. `positions` has
 * DELIMITERS_ROOM places, and both must stay until the last line is off. */
void statsd_text_begin(StatsdText *text, const char *bytes, size_t length, DelimiterScanner scan,
                       uint16_t *positions);

/* Whether a line is left. */
static inline bool statsd_text_more(const StatsdText *text)
{
    return text->at < text->length;
}

/* Takes the next line off and apart. *line is where it stands, without "\n" and "\r", in any case;
 * *out is set for STATSD_SAMPLE only, *why for STATSD_REJECTED only. `values` has room for
 * statsd_line_max_values() of what is left of the text. */
StatsdVerdict statsd_text_next(StatsdText *text, StatsdValue *values, StatsdPart *line,
                               StatsdLine *out, RejectReason *why);

#endif
