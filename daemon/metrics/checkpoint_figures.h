/* The figures at the beginning of a checkpoint's payload: what came in, and what the kernel had dropped on
 * sockets that a service manager holds.
 *
 * Such a socket and its counter of drops outlive the process. So that none is counted twice, the figures
 * tell which socket's counter stood where (SO_COOKIE names it until the next boot), and the next process
 * takes that out of the total again when it gets the same socket. Pure. */
#ifndef METRICS_CHECKPOINT_FIGURES_H
#define METRICS_CHECKPOINT_FIGURES_H

#include <stddef.h>

#include "base/wire.h"
#include "metrics/intake.h"

enum {
    CHECKPOINT_SOCKETS = 256 /* more are not told apart from the daemon's own */
};

typedef struct {
    uint64_t cookie;  /* not 0 */
    uint64_t dropped; /* over the socket's life */
} SocketDrops;

typedef struct {
    IntakeCounts intake; /* drops of the sockets below included */
    int64_t booted_ns;   /* how long ago the machine started: CLOCK_BOOTTIME */
    size_t socket_count;
    SocketDrops sockets[CHECKPOINT_SOCKETS];
} CheckpointFigures;

void checkpoint_figures_write(const CheckpointFigures *figures, WireWriter *writer);

/* => NULL: *figures is sound; else what is wrong, in English. */
const char *checkpoint_figures_read(WireReader *reader, CheckpointFigures *figures);

#endif
