/* The kinds of series, what identifies one, and its value as plain numbers once it has been read. */
#ifndef METRICS_SERIES_H
#define METRICS_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <atomicstats/stats.h>

/* In the order in which /stats shows them. The same name with another kind is another series. */
typedef enum {
    SERIES_STATS,    /* ms, h, d or no type: AtomicStats; one cell per ingest thread */
    SERIES_COUNTER,  /* c: cumulative; one cell per ingest thread */
    SERIES_GAUGE,    /* g: last value wins; one shared cell */
    SERIES_SET,      /* s: how many different values; one shared cell */
    SERIES_FLAG,     /* f: AtomicFlag; shared */
    SERIES_PROGRESS, /* p: AtomicProgress; shared */
    SERIES_KINDS
} SeriesKind;

/* The kind's section in /stats: "stats", "counters", "gauges", "sets", "flags", "progress". */
const char *series_kind_section(SeriesKind kind);

enum {
    SERIES_NAME_MAX = 255,  /* bytes */
    SERIES_TAGS_MAX = 1024, /* bytes, as received and so also sorted */
    SERIES_ID_MAX = SERIES_NAME_MAX + 2 + SERIES_TAGS_MAX,
};

/* What identifies a series. Not zero-terminated. `tags` are without the "|#", in any order, with
 * repeats and empty items, or of length 0. */
typedef struct {
    SeriesKind kind;
    const char *name;
    size_t name_length; /* 1 to SERIES_NAME_MAX */
    const char *tags;
    size_t tags_length; /* 0 to SERIES_TAGS_MAX */
} SeriesKey;

/* A counter's value. Exact when it is a whole number within the int64 range. */
typedef struct {
    int64_t integer;
    bool is_integer; /* the value is `integer`, exactly */
    double value;    /* the value as a double: always set */
} CounterValue;

/* A progress bar's state. Times are CLOCK_REALTIME in nanoseconds. */
typedef struct {
    int64_t done;
    int64_t total;     /* 0: unknown */
    double fraction;   /* done / total; NAN while the total is unknown */
    double rate_per_s; /* since it started; NAN while unknown */
    double eta_s;      /* seconds left at that rate; NAN while unknown, 0 when done */
    int64_t started_ns;
    int64_t updated_ns;
} ProgressValue;

/* One series, read: what a renderer gets. `id` is the canonical id: the name, then, where there are
 * tags, "|#" and the tags sorted and joined with commas. It is not zero-terminated, is valid UTF-8
 * without control characters, and lives as long as whoever gave the view says. */
typedef struct {
    SeriesKind kind;
    const char *id;
    size_t id_length;   /* bytes */
    size_t name_length; /* bytes of `id` that are the name */
    union {
        AtomicStatsSummary stats;
        CounterValue counter;
        double gauge;
        double set; /* estimate, not rounded */
        bool flag;
        ProgressValue progress;
    } value;
} SeriesView;

#endif
