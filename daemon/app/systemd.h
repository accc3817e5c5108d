/* What the service manager is told and what it asks for (sd_notify(3), sd_watchdog_enabled(3)), by
 * hand: it is one datagram, and not worth a library.
 *
 * No state; any thread. Each call sends without waiting for the reader unless its queue is full, from the
 * socket that it was given, or else from one that it opens and closes.
 *
 * => 0: sent, or nobody listens; -EINVAL: the path is neither absolute nor abstract ('@'), or too long;
 * or what socket and sendto gave. */
#ifndef APP_SYSTEMD_H
#define APP_SYSTEMD_H

#include <stdint.h>
#include <sys/types.h>

enum {
    SYSTEMD_MESSAGE_SIZE = 512 /* for the messages below; a longer status is cut */
};

/* Whom to tell. */
typedef struct {
    const char *path; /* NOTIFY_SOCKET; NULL or empty: nobody listens */
    int fd;           /* a Unix datagram socket to send from; -1: none */
} SystemdNotify;

/* Sends any message: lines of KEY=VALUE. */
int systemd_notify(const SystemdNotify *to, const char *message);

/* We serve now (also after a reload). `status` is one line for `systemctl status`; NULL: none. A line
 * break in it becomes a space. */
int systemd_ready(const SystemdNotify *to, const char *status);

/* Only the line for `systemctl status`, at any time. */
int systemd_status(const SystemdNotify *to, const char *status);

/* We stop, as asked. */
int systemd_stopping(const SystemdNotify *to);

/* We read the configuration again; systemd_ready() ends it. `now_ns` is CLOCK_MONOTONIC's. */
int systemd_reloading(const SystemdNotify *to, int64_t now_ns);

/* We are alive. */
int systemd_watchdog(const SystemdNotify *to);

/* How long systemd waits between two systemd_watchdog() before it calls us dead, from WATCHDOG_USEC
 * and WATCHDOG_PID (NULL: not set); send twice as often. => nanoseconds; 0: no watchdog, or it is for
 * another process than `self`; -EINVAL: not a number, or 0, or more than 64 bits of nanoseconds. */
int64_t systemd_watchdog_ns(const char *usec, const char *pid, pid_t self);

/* The unit's runtime directory, from RUNTIME_DIRECTORY (NULL: not set), of which there may be several with
 * colons between them: the first. Writes it and a zero byte to `out`. => out; "" if there is none, or it is
 * longer than `size` - 1 bytes, or not absolute. */
const char *systemd_runtime_directory(const char *directories, char *out, size_t size);

#endif
