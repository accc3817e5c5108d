/* The daemon as a whole: started floor by floor, run until a signal, stopped in reverse.
 *
 * Nothing here is global; a process may hold several, one thread each, but only one of them gets a
 * signal that is sent to the process.
 *
 * Signals are read from a signalfd, so no handler ever interrupts anything, nothing is lost between
 * two calls, and a second SIGTERM while stopping finds nothing that it could end. */
#ifndef APP_APP_H
#define APP_APP_H

#include <stdint.h>

#include "app/config.h"
#include "app/listen_fds.h"
#include "app/options.h"
#include "app/systemd.h"

/* What the environment says, read once. */
typedef struct {
    SystemdNotify notify; /* with the socket for it that is among `sockets`, if any */
    int64_t watchdog_ns;  /* 0: no watchdog */
    ListenFds sockets;    /* the app's from now on */
    char runtime_directory[CONFIG_TEXT_SIZE]; /* the unit's; "": there is none */
} AppEnvironment;

/* What the process ends with. */
enum {
    APP_EXIT_STOPPED = 0,
    APP_EXIT_FAILED = 1,
    APP_EXIT_USAGE = 2,
    APP_EXIT_CONFIG = 78 /* EX_CONFIG of sysexits.h */
};

/* Blocks the signals that app_run() reads, in the calling thread and those that it starts from now on.
 * To be called before there is any other thread. */
void app_block_signals(void);

/* Serves until SIGTERM or SIGINT. `options` are the command line's, which a reload applies again on
 * top of the file. app_block_signals() has been called.
 * => APP_EXIT_STOPPED or APP_EXIT_FAILED; APP_EXIT_CONFIG: what is in the state directory is not for this
 * daemon; what failed has been logged. */
int app_run(const Config *config, const Options *options, const AppEnvironment *environment);

#endif
