/* The query of /stats and /progress.
 *
 *     name=GLOB          only series whose name or id matches; the last one counts
 *     type=SECTION,…     only these sections; several together count as one list
 *     pretty             indented; "pretty=0" and "pretty=false" are off
 *
 * An empty name or type is as good as none: that is what an empty field of a form sends. Other
 * parameters are left alone, so that newer clients keep working, but for those that are one of these
 * mistyped: without the filter that it was meant to be, the answer would be a wrong one.
 * Any thread; no state. */
#ifndef HTTP_STATS_QUERY_H
#define HTTP_STATS_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "http/uri.h"
#include "metrics/registry.h"

/* As long as the longest id. It bounds what matching a glob may cost. */
enum {
    STATS_QUERY_GLOB_MAX = SERIES_ID_MAX
};

typedef struct {
    unsigned kinds; /* bits as JSON_STATS_ALL_KINDS has them */
    bool pretty;
    size_t glob_length; /* 0: every series */
    char glob[STATS_QUERY_GLOB_MAX];
} StatsQuery;

/* Reads the encoded query. => NULL; or, where it is wrong, what is, for the client. */
const char *stats_query_parse(UriPart query, StatsQuery *out);

#endif
