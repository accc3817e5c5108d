/* The command line. Values are checked by the same table as the configuration's (config_schema.h), and
 * come before those of the file.
 *
 * Nothing is printed but by options_print_help(), and nothing exits. options_parse() uses getopt_long,
 * which has global state: one thread at a time; the rest has no state. */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "app/config_schema.h"

enum {
    OPTIONS_ERROR_SIZE = 480
};

typedef struct {
    const char *config_path; /* in argv; NULL: not given */
    bool check_config;
    bool print_config;
    bool help;
    bool version;
    Config values; /* of the options that were given; ask options_apply() */
    struct {
        bool udp;
        bool local; /* --unix */
        bool tcp;
        bool http;
        bool threads;
        bool state;
    } given;
} Options;

typedef struct {
    char message[OPTIONS_ERROR_SIZE]; /* for people; names the option as it was given */
} OptionsError;

/* Reads argv[1..argc); argv[0] is the program, argv[argc] is NULL, and the order stays as it is. Of an
 * option given twice the last counts, but --udp and --tcp add up. A relative --state or --unix is one from the
 * current directory on, as it is now. => 0; -EINVAL: *error says why, and *out is untouched. */
int options_parse(int argc, char **argv, Options *out, OptionsError *error);

/* Puts what was given in the place of what *config has; --udp and --tcp replace the whole list. */
void options_apply(const Options *options, Config *config);

/* What --help prints, with the table's defaults. */
void options_print_help(FILE *file);

#endif
