/* Which series are wanted, and the daemon's answer. One thread at a time. */
#ifndef CLI_QUERY_H
#define CLI_QUERY_H

#include "cli/arguments.h"
#include "cli/fetch.h"
#include "cli/reading.h"

#define QUERY_KINDS "stats,counters,gauges,sets,flags,progress"

enum {
    QUERY_PATH_SIZE = 4096
};

/* Writes the path for a GLOB (NULL: all) and kinds such as "stats,counters" (NULL: all).
 * => 0; -EINVAL: one of them is no kind; -ENAMETOOLONG; -ENOMEM */
int query_path(const char *glob, const char *kinds, char out[static QUERY_PATH_SIZE]);

/* The same from a command line with one GLOB at most. => COMMAND_DONE; COMMAND_USAGE, and what is wrong has been
 * said on behalf of `command`. */
int query_arguments(const char *command, const Arguments *words, const char *kinds,
                    char out[static QUERY_PATH_SIZE]);

/* Asks. => 0 or negative errno, with fetch->error set; *out is to be freed */
int query_read(Fetch *fetch, const char *path, Reading *out);

#endif
