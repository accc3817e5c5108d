/* The text of a configuration: JSON with comments (jsonc.h), checked against config_schema.h.
 *
 * A key that is missing keeps what *inout had, so start from config_defaults(). An unknown section or
 * key, a key given twice, a wrong type and a value out of range are errors, never ignored.
 *
 * No state: any thread, as long as no other one uses the same Config. */
#ifndef APP_CONFIG_PARSE_H
#define APP_CONFIG_PARSE_H

#include <stddef.h>

#include "app/config_schema.h"

enum {
    CONFIG_ERROR_SIZE = 768
};

/* One line for people, without a line break. Where the text is at fault, "FILE:LINE:COLUMN: " goes
 * before, with the last 255 bytes of a long file name. */
typedef struct {
    char message[CONFIG_ERROR_SIZE];
} ConfigError;

/* Reads `text`, whose file is called `name` in messages; touches no file itself. => 0; -EINVAL: not a
 * valid configuration; -ENOMEM. On an error *inout is untouched and *error says what was wrong:
 * `atomicstatsd.json:7:16: ingest.threads: 1000 is out of range (0 to 256)`. */
int config_parse(const char *text, size_t length, const char *name, Config *inout,
                 ConfigError *error);

#endif
