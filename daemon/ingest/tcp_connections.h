/* One ingest thread's TCP connections: each is read as it has something, a bounded piece at a time, and what
 * begins a line is kept until the rest comes. A connection that has nothing to keep has no buffer.
 *
 * When all places are taken, a newcomer gets that of the connection of this thread that has been silent
 * longest, if it has been so for `silent_ms`; else it is closed at once.
 *
 * Thread rule: all for the thread of the loop, but TcpLimit and TcpFigures, which any thread may read. */
#ifndef INGEST_TCP_CONNECTIONS_H
#define INGEST_TCP_CONNECTIONS_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdint.h>
#include <uv.h>

#include "ingest/receiver.h"

enum {
    TCP_SILENT_MS = 60000
};

/* Of all threads together. */
typedef struct {
    _Atomic uint32_t open;
    uint32_t most; /* 1 or more */
    _Atomic int64_t
        warned_ns; /* CLOCK_MONOTONIC of the latest warning that there are too many; 0: none */
} TcpLimit;

/* Of one listening socket; written by its thread. */
typedef struct {
    _Atomic uint64_t connections; /* open now */
    _Atomic uint64_t accepted;    /* those that were refused are not among them */
    _Atomic uint64_t refused;     /* closed at once: there was no place, or no memory */
    _Atomic uint64_t crowded_out; /* closed for a newcomer, after a long silence */
    _Atomic uint64_t bytes;       /* received */
} TcpFigures;

typedef struct TcpConnection TcpConnection;

typedef struct {
    uv_loop_t *loop;
    Receiver *receiver;
    TcpLimit *limit;
    unsigned thread;    /* its number, for the log */
    uint64_t silent_ms; /* TCP_SILENT_MS; tests have less patience */
    void (*between)(
        void *data); /* called after each TCP_BETWEEN_BYTES, for what cannot wait; may be NULL */
    void *data;
    uint64_t bytes;         /* since it was called */
    TcpConnection *longest; /* the one that has been silent longest, first of a list; NULL: none */
    TcpConnection *latest;  /* and the last */
} TcpConnections;

enum {
    TCP_BETWEEN_BYTES = 1 << 20
};

/* Takes a connection over: to be read, refused, or closed for want of memory. */
void tcp_connections_add(TcpConnections *t, int fd, const struct sockaddr_in6 *peer,
                         TcpFigures *figures);

/* Takes what the kernel holds of each at this moment, and closes it. A line that has not ended is none then, unless
 * the other side has closed, too: it may be half of one. */
void tcp_connections_drain(TcpConnections *t);

#endif
