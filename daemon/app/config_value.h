/* One value of the configuration: from text, to JSON, compared, as its ConfigKey says. The file and
 * the command line both come through here, so both are checked alike.
 *
 * No state: any thread, as long as no other one uses the same Config. */
#ifndef APP_CONFIG_VALUE_H
#define APP_CONFIG_VALUE_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "app/config_schema.h"

enum {
    CONFIG_REASON_SIZE = 256
};

/* Why a value was refused, to stand behind the value: "is out of range (0 to 256)". */
typedef struct {
    char text[CONFIG_REASON_SIZE];
} ConfigReason;

/* Checks `text` and puts it into its place: a number in digits, a word, an address, a path. To a list
 * it is added. => 0; -EINVAL: *reason says why not, and *config is untouched. */
int config_value_set(const ConfigKey *key, const char *text, Config *config, ConfigReason *reason);

/* Empties a list; anything else stays as it is. */
void config_value_clear(const ConfigKey *key, Config *config);

/* The value as JSON that config_parse() takes; NULL: out of memory. */
cJSON *config_value_json(const ConfigKey *key, const Config *config);

/* Whether two configurations have the same value there; the order of a list counts. */
bool config_value_equal(const ConfigKey *key, const Config *a, const Config *b);

/* Puts "a whole number (0 to 256)" or the like into `out`: what may stand there. => out. */
const char *config_value_describe(const ConfigKey *key, char out[static CONFIG_REASON_SIZE]);

#endif
