/* `COMMAND | atomicstats send NAME`: values from the lines of standard input. */
#ifndef CLI_SEND_PIPE_H
#define CLI_SEND_PIPE_H

#include <stdbool.h>

#include "cli/command.h"
#include "cli/pack.h"

/* Sends a value for each line, packed, at the daemon's pace; blank lines are nothing. Says at the end what
 * was sent and what the daemon has counted; `quiet`: only what went wrong. => the exit status */
int send_pipe(Pack *pack, const CommandEndpoints *where, bool quiet);

#endif
