/* What can be configured: the Config struct and ONE table that describes every key of it. The table
 * gives the checks, the defaults, --print-config, the defaults in --help, what SIGHUP may change, and
 * the test that holds config/atomicstatsd.json to the defaults.
 *
 * No state: any thread, as long as no other one uses the same Config. */
#ifndef APP_CONFIG_SCHEMA_H
#define APP_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/config_unix.h"
#include "base/address.h"
#include "base/log.h"

enum {
    CONFIG_MAX_ADDRESSES = 64,
    CONFIG_PATH_SIZE = 64,   /* "section.key" and the closing zero */
    CONFIG_TEXT_SIZE = 1024, /* of a text in Config, with the closing zero */
    CONFIG_LIST_SIZE = 256,  /* the names of all sections, or of all keys of one */
};

typedef struct {
    struct {
        Address udp[CONFIG_MAX_ADDRESSES]; /* all different, but for port 0 */
        size_t udp_count;                  /* from 1 */
        unsigned threads;                  /* 0: one per CPU; to 256 */
        int receive_buffer_bytes;          /* 0: the system's default; to 1 GiB */
        bool gauge_sign_absolute;          /* else a sign makes the value relative */
        bool portable_scanner;             /* else the fastest that the CPU can run */
        char
            unix_name[CONFIG_UNIX_NAME_SIZE]; /* an absolute path, or "@name"; "": no Unix socket */
        Address tcp[CONFIG_MAX_ADDRESSES];    /* as `udp` */
        size_t tcp_count;                     /* from 0 */
        unsigned tcp_max_connections;         /* 1 to 1048576 */
        unsigned unix_mode;                   /* who may send to it, as for chmod */
    } ingest;
    struct {
        Address listen;
        unsigned max_connections; /* 8 to 4096 */
    } http;
    struct {
        uint32_t max_series;     /* 1 to 50000000 */
        uint32_t expire_after_s; /* 0: never; to a year */
    } limits;
    struct {
        char directory[CONFIG_TEXT_SIZE]; /* absolute, clean UTF-8; "": values are forgotten */
        char arenas[CONFIG_TEXT_SIZE];    /* the same; "": see config/atomicstatsd.json */
        unsigned checkpoint_s;            /* 1 to 3600 */
    } state;
    struct {
        LogLevel level;
    } log;
} Config;

typedef enum {
    CONFIG_UNSIGNED,  /* a whole number in an unsigned int */
    CONFIG_INT,       /* a whole number in an int */
    CONFIG_SWITCH,    /* one of two words in a bool: the first is false */
    CONFIG_LEVEL,     /* a word in a LogLevel */
    CONFIG_ADDRESS,   /* "ADDR:PORT" in an Address */
    CONFIG_ADDRESSES, /* a list of them in an Address[CONFIG_MAX_ADDRESSES], with its count */
    CONFIG_DIRECTORY, /* an absolute path in a char[CONFIG_TEXT_SIZE]; "": none */
    CONFIG_UNIX_NAME, /* a Unix socket's name in a char[CONFIG_UNIX_NAME_SIZE]; "": none */
    CONFIG_MODE,      /* a file's mode, in octal digits, in an unsigned int */
} ConfigType;

typedef struct {
    const char *section;
    const char *name;
    ConfigType type;
    bool reloadable;          /* SIGHUP can change it in a running daemon */
    size_t offset;            /* in Config */
    size_t count_offset;      /* CONFIG_ADDRESSES: of its size_t count */
    int64_t minimum;          /* of a number, or of the length of a list */
    int64_t maximum;          /* the same */
    const char *unit;         /* of a number; NULL: none */
    const char *words[2];     /* CONFIG_SWITCH */
    const char *default_text; /* as config_value_set() takes it; "": nothing, an empty list */
    const char *help;         /* for people, without a full stop */
} ConfigKey;

/* All keys; those of one section stand together. */
const ConfigKey *config_schema(size_t *count);

/* The key of that section and name, case and all; NULL: there is none. */
const ConfigKey *config_schema_find(const char *section, const char *name);

/* For a key that does not exist, the most similar path that does: of a key, also in other sections,
 * or for section NULL (`name` stands where sections do) of a section. => there is one. */
bool config_schema_suggest(const char *section, const char *name,
                           char out[static CONFIG_PATH_SIZE]);

/* The names of a section's keys, or for NULL of the sections: "a, b, c". => out */
const char *config_schema_list(const char *section, char out[static CONFIG_LIST_SIZE]);

#endif
