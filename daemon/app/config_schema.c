#include "app/config_schema.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"

#define PLACE(member) offsetof(Config, member)

static const ConfigKey schema[] = {
    {
        .section = "ingest",
        .name = "udp",
        .type = CONFIG_ADDRESSES,
        .offset = PLACE(ingest.udp),
        .count_offset = PLACE(ingest.udp_count),
        .minimum = 1,
        .maximum = CONFIG_MAX_ADDRESSES,
        .default_text = "127.0.0.1:8125",
        .help = "UDP addresses to receive on; port 0 takes any free port",
    },
    {
        .section = "ingest",
        .name = "threads",
        .type = CONFIG_UNSIGNED,
        .offset = PLACE(ingest.threads),
        .minimum = 0,
        .maximum = 256,
        .default_text = "0",
        .help = "ingest threads; 0 for one per CPU",
    },
    {
        .section = "ingest",
        .name = "receive_buffer_bytes",
        .type = CONFIG_INT,
        .offset = PLACE(ingest.receive_buffer_bytes),
        .minimum = 0,
        .maximum = 1 << 30,
        .unit = "bytes",
        .default_text = "8388608",
        .help = "buffer to ask of the kernel for each UDP socket; 0 for the system's default",
    },
    {
        .section = "ingest",
        .name = "gauge_sign",
        .type = CONFIG_SWITCH,
        .offset = PLACE(ingest.gauge_sign_absolute),
        .words = {"relative", "absolute"},
        .default_text = "relative",
        .help = "what + or - before a gauge's value means: change by, or set to",
    },
    {
        .section = "ingest",
        .name = "scanner",
        .type = CONFIG_SWITCH,
        .offset = PLACE(ingest.portable_scanner),
        .words = {"fastest", "portable"},
        .default_text = "fastest",
        .help = "how datagrams are searched for delimiters: with AVX2 where there is, or not",
    },
    {
        .section = "ingest",
        .name = "unix",
        .type = CONFIG_UNIX_NAME,
        .offset = PLACE(ingest.unix_name),
        .default_text = "",
        .help = "Unix datagram socket to receive on: a path, or @NAME for an abstract one",
    },
    {
        .section = "ingest",
        .name = "unix_mode",
        .type = CONFIG_MODE,
        .offset = PLACE(ingest.unix_mode),
        .default_text = "0666",
        .help = "who may send to it: the mode of its file",
    },
    {
        .section = "ingest",
        .name = "tcp",
        .type = CONFIG_ADDRESSES,
        .offset = PLACE(ingest.tcp),
        .count_offset = PLACE(ingest.tcp_count),
        .minimum = 0,
        .maximum = CONFIG_MAX_ADDRESSES,
        .default_text = "",
        .help = "TCP addresses to take lines from; port 0 takes any free port",
    },
    {
        .section = "ingest",
        .name = "tcp_max_connections",
        .type = CONFIG_UNSIGNED,
        .offset = PLACE(ingest.tcp_max_connections),
        .minimum = 1,
        .maximum = 1048576,
        .default_text = "4096",
        .help = "TCP connections taken at a time",
    },
    {
        .section = "http",
        .name = "listen",
        .type = CONFIG_ADDRESS,
        .offset = PLACE(http.listen),
        .default_text = "127.0.0.1:8127",
        .help = "TCP address to serve HTTP on; port 0 takes any free port",
    },
    {
        .section = "http",
        .name = "max_connections",
        .type = CONFIG_UNSIGNED,
        .offset = PLACE(http.max_connections),
        .minimum = 8,
        .maximum = 4096,
        .default_text = "256",
        .help = "HTTP connections served at a time",
    },
    {
        .section = "limits",
        .name = "max_series",
        .type = CONFIG_UNSIGNED,
        .reloadable = true,
        .offset = PLACE(limits.max_series),
        .minimum = 1,
        .maximum = 50000000,
        .default_text = "1000000",
        .help = "series to keep; values for further names are refused as over_limit",
    },
    {
        .section = "limits",
        .name = "expire_after_s",
        .type = CONFIG_UNSIGNED,
        .reloadable = true,
        .offset = PLACE(limits.expire_after_s),
        .minimum = 0,
        .maximum = 31536000,
        .unit = "seconds",
        .default_text = "0",
        .help = "a series without a value for this long is forgotten; 0: never",
    },
    {
        .section = "state",
        .name = "directory",
        .type = CONFIG_DIRECTORY,
        .offset = PLACE(state.directory),
        .default_text = "",
        .help = "where values live on when the daemon ends",
    },
    {
        .section = "state",
        .name = "arenas",
        .type = CONFIG_DIRECTORY,
        .offset = PLACE(state.arenas),
        .default_text = "",
        .help = "where the memory is that outlives a kill",
    },
    {
        .section = "state",
        .name = "checkpoint_s",
        .type = CONFIG_UNSIGNED,
        .reloadable = true,
        .offset = PLACE(state.checkpoint_s),
        .minimum = 1,
        .maximum = 3600,
        .unit = "seconds",
        .default_text = "10",
        .help = "how often the values are written to the state directory",
    },
    {
        .section = "log",
        .name = "level",
        .type = CONFIG_LEVEL,
        .reloadable = true,
        .offset = PLACE(log.level),
        .default_text = "info",
        .help = "the least urgent kind of message to log",
    },
};

_Static_assert(sizeof(uint32_t) == sizeof(unsigned), "CONFIG_UNSIGNED serves both");

const ConfigKey *config_schema(size_t *count)
{
    *count = sizeof schema / sizeof *schema;
    return schema;
}

const ConfigKey *config_schema_find(const char *section, const char *name)
{
    for (size_t i = 0; i < sizeof schema / sizeof *schema; i++)
        if (strcmp(schema[i].section, section) == 0 && strcmp(schema[i].name, name) == 0)
            return &schema[i];
    return NULL;
}

bool config_schema_suggest(const char *section, const char *name, char out[static CONFIG_PATH_SIZE])
{
    size_t best = nearest_limit(strlen(name));
    if (strlen(name) >= CONFIG_PATH_SIZE)
        return false;
    bool found = false;
    for (size_t i = 0; i < sizeof schema / sizeof *schema; i++) {
        const ConfigKey *key = &schema[i];
        /* The right key in the wrong section is an error of one. */
        bool same = section != NULL && strcmp(section, key->section) == 0;
        size_t distance = nearest_distance(name, key->name) + (same ? 0 : 1);
        if (distance < best) {
            best = distance;
            found = true;
            snprintf(out, CONFIG_PATH_SIZE, "%s.%s", key->section, key->name);
        }
        distance = section == NULL ? nearest_distance(name, key->section) : best;
        if (distance < best) {
            best = distance;
            found = true;
            snprintf(out, CONFIG_PATH_SIZE, "%s", key->section);
        }
    }
    return found;
}

const char *config_schema_list(const char *section, char out[static CONFIG_LIST_SIZE])
{
    const char *before = "";
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof schema / sizeof *schema && used < CONFIG_LIST_SIZE; i++) {
        const char *name = section == NULL ? schema[i].section : schema[i].name;
        bool wanted =
            section == NULL ? strcmp(before, name) != 0 : strcmp(section, schema[i].section) == 0;
        before = schema[i].section;
        if (wanted)
            used += (size_t)snprintf(out + used, CONFIG_LIST_SIZE - used, "%s%s",
                                     used > 0 ? ", " : "", name);
    }
    return out;
}
