/* The values of a line, by kind: the part of the protocol between the first ":" and the first "|".
 * Pure; any thread. */
#ifndef INGEST_STATSD_VALUE_H
#define INGEST_STATSD_VALUE_H

#include <stddef.h>

#include "ingest/statsd_line.h"

/* The values' text, and where the colons in it stand. */
typedef struct {
    const char *bytes;      /* of the datagram: positions count from here */
    size_t from, to;        /* the values' text is bytes[from..to) */
    const uint16_t *colons; /* the positions of the colons in it, in order */
    size_t colon_count;
} StatsdValueText;

/* Reads the values of a series of this kind. => how many were written to `values` (colon_count + 1
 * at most); 0: bad. */
size_t statsd_values_parse(SeriesKind kind, const StatsdValueText *text, StatsdValue *values);

/* Applies a sample rate below 1: checks that no value overflows with it, and for counters divides by
 * it. => 0 or -ERANGE. */
int statsd_values_scale(SeriesKind kind, double rate, StatsdValue *values, size_t count);

#endif
