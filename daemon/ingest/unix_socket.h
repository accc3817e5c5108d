/* A Unix datagram socket: one of our own at a path or an abstract name, or one that was handed over.
 *
 * The kernel drops nothing here: at a full queue (net.unix.max_dgram_qlen datagrams) the sender waits, or
 * gets EAGAIN.
 *
 * Thread rule: one thread opens and closes; `datagrams` is written by the socket's thread. */
#ifndef INGEST_UNIX_SOCKET_H
#define INGEST_UNIX_SOCKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

enum {
    UNIX_SOCKET_NAME_MAX = sizeof((struct sockaddr_un *)0)->sun_path - 1, /* bytes: 107 */
    UNIX_SOCKET_TEXT_SIZE = UNIX_SOCKET_NAME_MAX + 1
};

typedef struct {
    int fd;                           /* -1: none */
    char text[UNIX_SOCKET_TEXT_SIZE]; /* its path; "@name": abstract; "unnamed". Clean UTF-8 */
    bool own;                         /* opened here, not handed over */
    dev_t device;                     /* of one at a path of our own: which file that is */
    ino_t inode;
    _Atomic uint64_t datagrams; /* received */
} UnixSocket;

/* Whoever has sent, as a sockaddr for those who take any. 0: its pid is not known (it is in another pid
 * namespace, or sent before this process had the socket). */
typedef struct {
    sa_family_t family; /* AF_UNIX */
    pid_t pid;
    uid_t uid;
} UnixPeer;

/* Opens a non-blocking socket at `name`: an absolute path, or "@" and an abstract name. A socket that a
 * dead process has left at the path is replaced. `mode`: who may send to a path, as for chmod; there
 * is no moment at which it is wider.
 * => 0; -ENAMETOOLONG: more than UNIX_SOCKET_NAME_MAX bytes; -EADDRINUSE: somebody receives there;
 * -ENOTSOCK: what is there is no socket, and stays; other negative errno. Nothing is open then. */
int unix_socket_open(UnixSocket *s, const char *name, mode_t mode);

/* Takes over a bound socket from a service manager; it is the caller's again on an error.
 * => 0 or negative errno. */
int unix_socket_adopt(UnixSocket *s, int fd);

/* Lets nobody send any more: what was sent is still to be received, and who tries is told by EPIPE. Removes the
 * path, if what is there is still this socket. Of one that was handed over: does nothing. */
void unix_socket_retire(UnixSocket *s);

/* Retires and closes it; its figures stay readable. */
void unix_socket_close(UnixSocket *s);

#endif
