/* The values of a line, by kind: the part of the protocol between the first ":" and the first "|".
 * Pure; any thread. */
#ifndef INGEST_STATSD_VALUE_H
#define INGEST_STATSD_VALUE_H

#include <stddef.h>

#include "base/number.h"
#include "ingest/statsd_line.h"

/* What statsd_number_parse() does for all but a few digits. */
int statsd_number_parse_other(const char *bytes, size_t from, size_t to, StatsdValue *value);

/* One number of a stats, counter or gauge line: bytes[from..to). => 0, -EINVAL or -ERANGE; then
 * *value is untouched. */
static inline int statsd_number_parse(const char *bytes, size_t from, size_t to, StatsdValue *value)
{
    uint32_t whole;
    if (!number_parse_digits_in(bytes, from, to, &whole))
        return statsd_number_parse_other(bytes, from, to, value);
    value->as.number = whole;
    value->integer = whole;
    value->flags = VALUE_IS_INTEGER;
    return 0;
}

/* Reads the values of a line of this kind: `count` of them, each behind a colon and up to the next, the
 * last one up to bytes[to]. colons[0] is the position of the one behind the name, count is at least 1;
 * positions count from `bytes`, the begin of the datagram.
 * => how many were written to `values`, `count` at most; 0: bad. */
size_t statsd_values_parse(SeriesKind kind, const char *bytes, const uint16_t *colons, size_t count,
                           size_t to, StatsdValue *values);

/* Applies a sample rate below 1: checks that no value overflows with it, and for counters divides by
 * it. => 0 or -ERANGE. */
int statsd_values_scale(SeriesKind kind, double rate, StatsdValue *values, size_t count);

#endif
