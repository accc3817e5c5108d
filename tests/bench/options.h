/* The options that the benches in C have in common: --seconds-per-run SECONDS, --json FILE. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sets what is given; *json is NULL before, and is the caller's to close. => whether the options were
 * understood. */
static inline bool parse_options(int argc, char **argv, double *seconds_per_run, FILE **json)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seconds-per-run") == 0) {
            *seconds_per_run = strtod(argv[i + 1], NULL);
        } else if (strcmp(argv[i], "--json") == 0 && *json == NULL) {
            *json = fopen(argv[i + 1], "we");
            if (*json == NULL) {
                perror(argv[i + 1]);
                return false;
            }
        } else {
            return false;
        }
    }
    return argc % 2 == 1 && *seconds_per_run > 0;
}

#endif
