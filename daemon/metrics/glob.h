/* Shell-like patterns for series names. Pure. */
#ifndef METRICS_GLOB_H
#define METRICS_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* => whether the whole text matches: `*` is any run of UTF-8 characters, `?` is one of them, all else is
 * itself. Each piece between two `*` is looked for once, from left to right: in linear time, but for
 * pieces with a `?`, which may take piece times text. Thousands of series are matched for one
 * request, so a pattern that backtracks would hold up everybody else's. */
bool glob_matches(const char *pattern, size_t pattern_length, const char *text, size_t text_length);

#endif
