/* Shell-like patterns for series names. Pure. */
#ifndef METRICS_GLOB_H
#define METRICS_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* => whether the whole text matches: `*` is any run of UTF-8 characters, `?` is one of them, all else is
 * itself. Takes at most pattern_length * text_length steps, whatever the pattern: only the last `*`
 * is ever tried again (Kirk Krauss, "Matching Wildcards", Dr. Dobb's 2008). */
bool glob_matches(const char *pattern, size_t pattern_length, const char *text, size_t text_length);

#endif
