/* The values of a line, by kind: the part of the protocol between the first ":" and the first "|".
 * Pure; any thread. */
#ifndef INGEST_STATSD_VALUE_H
#define INGEST_STATSD_VALUE_H

#include <stddef.h>

#include "ingest/statsd_line.h"

/* Reads text[0..length) as the values of a series of this kind. => how many were written to
 * `values` (room as statsd_line_max_values() says); 0: bad. */
size_t statsd_values_parse(SeriesKind kind, const char *text, size_t length, StatsdValue *values);

/* Applies a sample rate's weight (1 / RATE, above 1): checks that no value overflows with it, and
 * for counters divides by `rate`. => 0 or -ERANGE. */
int statsd_values_scale(SeriesKind kind, double rate, StatsdValue *values, size_t count);

#endif
