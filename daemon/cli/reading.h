/* What the daemon answers to /stats, taken apart. Numbers stay the text that the daemon has printed:
 * cJSON would make doubles of them, and a counter is exact over the whole int64 range. */
#ifndef CLI_READING_H
#define CLI_READING_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    READING_STATS, /* count, sum, mean, min, max, stddev */
    READING_COUNTERS,
    READING_GAUGES,
    READING_SETS,
    READING_FLAGS,
    READING_PROGRESS, /* done, total, fraction, rate_per_s, eta_s */
    READING_KINDS
} ReadingKind;

enum {
    READING_FIELDS = 6
};

typedef struct {
    ReadingKind kind;
    const char *id;
    const char *field[READING_FIELDS]; /* as text; NULL: null, or no such field */
} ReadingSeries;

typedef struct {
    void *tree;
    double uptime_s;
    int64_t datagrams; /* the daemon's ingest figures */
    int64_t values;
    int64_t rejected;
    int64_t dropped;
    ReadingSeries *series; /* each kind in turn, in the daemon's order */
    size_t count;
} Reading;

/* The daemon's word for the kind: "stats", "counters", … */
const char *reading_kind_name(ReadingKind kind);

/* Takes a body apart, which may go afterwards.
 * => 0; -EPROTO: it is not what atomicstatsd answers; -ENOMEM. On an error *out is empty. */
int reading_parse(Reading *out, const char *body, size_t length);

void reading_free(Reading *reading);

/* => the number; NAN for NULL or what is none. */
double reading_number(const char *text);

#endif
