/* The configuration as a whole: its defaults, its file, its print-out, and what differs between two.
 * The keys stand in config_schema.h; config/atomicstatsd.json shows them all.
 *
 * No state: any thread, as long as no other one uses the same Config. */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include <stddef.h>

#include "app/config_parse.h"
#include "app/config_schema.h"

enum {
    CONFIG_MAX_FILE_SIZE = 1 << 20
};

void config_defaults(Config *config);

/* Reads the file. => as config_parse(); besides -EFBIG: larger than CONFIG_MAX_FILE_SIZE; -ENOENT and
 * whatever else open and read give. Waits for the writer if `path` is a pipe. */
int config_load(const char *path, Config *inout, ConfigError *error);

/* All keys as JSON, indented, with a line break at the end: config_parse() makes the same Config of
 * it. => to be given to free(); NULL: out of memory. */
char *config_print(const Config *config);

/* The keys with different values, the first `max` of them in changed[]. => how many there are. */
size_t config_diff(const Config *old, const Config *new, const ConfigKey **changed, size_t max);

#endif
