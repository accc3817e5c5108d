/* The words of a command line, by a table. Not getopt: there `send balance -3.5` is an option "-3".
 * Any thread; no state. */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

enum {
    ARGUMENTS_ERROR_SIZE = 320
};

typedef struct {
    const char *name;   /* "--type"; the table ends with NULL */
    const char **value; /* where its value goes; NULL: it takes none */
    bool *flag;         /* set when it is given; NULL: not wanted */
} ArgumentOption;

typedef struct {
    char **words; /* those that are no options, in order; they lie in the caller's argv */
    size_t count;
    char **command; /* what stands behind "--"; NULL: there is no "--" */
} Arguments;

typedef struct {
    char message[ARGUMENTS_ERROR_SIZE]; /* for people */
} ArgumentsError;

/* Takes argv[0..argc) apart, with argv[argc] NULL; the words move to its front. Options stand anywhere
 * before "--", as `--name value` or `--name=value`; of one that is given twice the last counts. "-", and
 * what begins like a negative number, are words.
 * => 0; -EINVAL: *error says why. */
int arguments_parse(int argc, char **argv, const ArgumentOption *options, Arguments *out,
                    ArgumentsError *error);

#endif
