/* What one series of an earlier process' arenas holds. Nothing is trusted: each address must lead into an arena, each
 * cell must be as it was written, and each list must be whole.
 *
 * Thread rule: one thread. */
#ifndef METRICS_ARENA_SERIES_H
#define METRICS_ARENA_SERIES_H

#include <stdbool.h>

#include "metrics/arena_past.h"
#include "metrics/series_read.h"

/* Reads a series, to which a list of this kind led. `in_hand`: some thread had a batch in hand, so a cell may have
 * its first value yet to come.
 * => NULL, and *content, of which nothing lies outside of the arenas; or if the series has expired, *expired alone;
 * else what is wrong, in English. */
const char *arena_series_read(ArenaPast *past, const Series *series, SeriesKind kind, bool in_hand,
                              SeriesContent *content, bool *expired);

#endif
