/* Tags in one order, so that the order in which a client sends them does not matter. Pure. */
#ifndef METRICS_TAGS_H
#define METRICS_TAGS_H

#include <stdbool.h>
#include <stddef.h>

/* => whether `tags` is already what tags_canonical() would make of it. One pass, no memory. */
bool tags_are_canonical(const char *tags, size_t length);

/* Drops empty items, sorts the rest by their bytes, drops repeats, joins them with commas. The text
 * is without the "#"; `length` at most SERIES_TAGS_MAX; the result is never longer than the input.
 * => its length, in out[]. `out` may not overlap `tags`. */
size_t tags_canonical(const char *tags, size_t length, char *out);

#endif
