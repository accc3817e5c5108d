/* What every subcommand shares: how it ends, and where it finds the daemon. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>

#include "cli/arguments.h"
#include "cli/endpoint.h"

enum {
    COMMAND_DONE = 0,
    COMMAND_FAILED = 1,
    COMMAND_USAGE = 2
};

typedef struct {
    const char *udp;  /* as given, or NULL */
    const char *http; /* as given, or NULL */
    bool help;
} CommandPlaces;

typedef struct {
    Endpoint udp;
    Endpoint http;
    bool http_given; /* by an option or by the environment; else it is on the host of `udp` */
} CommandEndpoints;

/* Prints "atomicstats: …" to standard error. */
__attribute__((format(printf, 1, 2))) void command_say(const char *format, ...);

/* Says what is wrong and where help is. => COMMAND_USAGE */
__attribute__((format(printf, 2, 3))) int command_misused(const char *command, const char *format,
                                                          ...);

/* Option, else environment (ATOMICSTATS_UDP, ATOMICSTATS_HTTP), else the daemon's defaults.
 * => COMMAND_DONE; COMMAND_USAGE: said. */
int command_endpoints(const char *command, const CommandPlaces *places, CommandEndpoints *out);

/* Flushes standard output. => `status`; COMMAND_FAILED: it could not be written, which is said. */
int command_end(int status);

#endif
