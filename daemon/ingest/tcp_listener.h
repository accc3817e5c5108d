/* A listening TCP socket in the loop of the thread that serves its connections.
 *
 * Thread rule: init and close for the thread that owns the pool; the rest for the loop's, but for the
 * figures and the address, which any thread may read. */
#ifndef INGEST_TCP_LISTENER_H
#define INGEST_TCP_LISTENER_H

#include <stdbool.h>
#include <uv.h>

#include "base/address.h"
#include "base/log.h"
#include "ingest/tcp_connections.h"

typedef struct {
    int fd;   /* -1: none */
    bool own; /* opened here, not handed over */
    Address address;
    TcpFigures figures;
    TcpConnections *connections;
    uv_poll_t poll;
    uv_timer_t pause; /* until it is tried again, when there was no descriptor */
    LogLimiter pause_limiter;
    unsigned errors; /* in a row */
} TcpListener;

/* Has the loop of `connections` accept from it; it is open. => 0 or negative errno. */
int tcp_listener_start(TcpListener *l, TcpConnections *connections);

/* Accepts what is waiting at this moment, and closes the loop's handles. At one that was handed over they go on
 * waiting, for the next process. */
void tcp_listener_drain(TcpListener *l);

/* Closes it, if it is open; its figures stay readable. */
void tcp_listener_close(TcpListener *l);

#endif
