/* Sockets handed over by the service manager (sd_listen_fds_with_names(3)), by hand.
 *
 * A socket's name says what it is for, whatever the order: "udp" (one or more), "unix" (one or more),
 * "tcp" (one or more), "http" (one), and "notify" (one): a Unix datagram socket to send from what the service manager is told, for a
 * sandbox in which no socket can be opened.
 * A socket without a name of its own is taken by its type: datagram for udp, Unix datagram for unix, listening
 * stream for http.
 * That goes for an empty name, "unknown", and for NAME.socket, which systemd puts where the .socket
 * unit has no FileDescriptorName=. Any other name is an error: what arrives there would be lost.
 *
 * The environment's strings come in as arguments; to unset the variables is the caller's job. No
 * state; any thread, but only once, before anything else uses the descriptors. */
#ifndef APP_LISTEN_FDS_H
#define APP_LISTEN_FDS_H

#include <stddef.h>
#include <sys/types.h>

enum {
    LISTEN_FDS_FIRST = 3, /* where service managers begin */
    LISTEN_FDS_MAX = 64,  /* of one kind */
    LISTEN_FDS_ERROR_SIZE = 200,
};

typedef struct {
    int udp[LISTEN_FDS_MAX]; /* IPv4 or IPv6 */
    size_t udp_count;
    int local[LISTEN_FDS_MAX]; /* "unix": bound Unix datagram sockets */
    size_t local_count;
    int tcp[LISTEN_FDS_MAX]; /* listening */
    size_t tcp_count;
    int http;   /* listening; -1: none */
    int notify; /* -1: none */
} ListenFds;

/* The environment: LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES; NULL: not set. */
typedef struct {
    const char *pid;
    const char *count;
    const char *names;
} ListenFdsEnvironment;

typedef struct {
    char message[LISTEN_FDS_ERROR_SIZE]; /* for people */
} ListenFdsError;

/* Sorts the descriptors from `first` on by what they are for, and sets FD_CLOEXEC and O_NONBLOCK on
 * them (a notify socket blocks). => 0: *out is set, to none at all where LISTEN_PID or LISTEN_FDS is not set or LISTEN_PID is not
 * `self`; -EINVAL: a number or name is wrong, or a socket is not of the kind its name says; -E2BIG: too
 * many of a kind; -EBADF: a descriptor is not open. On an error *out is untouched, and *error says why. */
int listen_fds_take(const ListenFdsEnvironment *environment, pid_t self, int first, ListenFds *out,
                    ListenFdsError *error);

#endif
