/* The HTTP server's life: one libmicrohttpd daemon with one thread of its own, which sleeps while
 * nobody asks. What it answers stands in routes.h.
 *
 * A connection that is idle for 30 s, or does not get a request done in time, is closed; past
 * `max_connections` a new one takes the place of another (connections.h). A request with a body, or
 * one that others may take apart otherwise (framing.h), is refused, and its connection closed. What
 * is not HTTP at all, or does not fit the memory of a connection (32 KiB for the request line and
 * the headers), libmicrohttpd itself refuses, with an HTML body.
 *
 * Thread rule: open, stop and close are for the thread that owns the server; the rest may be called
 * by any thread in between. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdint.h>

#include "base/address.h"
#include "http/site.h"
#include "ingest/pool.h"
#include "ingest/state.h"
#include "metrics/registry.h"

typedef struct HttpServer HttpServer;

typedef struct {
    const Address
        *listen;      /* to bind; port 0 lets the kernel choose one; not used with inherited_fd */
    int inherited_fd; /* a listening socket of a service manager; -1: none. The server closes it */
    unsigned max_connections; /* from 4 */
    Registry *registry;       /* this and the pool outlive the server */
    const Pool *pool;
    State *storage;      /* outlives the server, too; NULL: values are not kept */
    const char *version; /* outlives the server */
    int64_t started_realtime_ns;
    int64_t started_monotonic_ns;
    int64_t
        max_age_ns;   /* of a connection, before it gets its last answer; 0: as in connections.h */
    int64_t stuck_ns; /* /healthz: an ingest thread silent for longer is stuck; 0: HTTP_STUCK_NS */
} HttpOptions;

#define HTTP_STUCK_NS INT64_C(5000000000)

/* Binds, and answers from now on, with /readyz at "starting".
 * => 0; negative errno: logged, nothing is open, and *server is untouched. An inherited fd is closed
 * in any case. */
int http_server_open(HttpServer **server, const HttpOptions *options);

/* Cuts connections that are late, or too many (connections.h). Call it about once a second, always
 * from the same thread. */
void http_server_tick(HttpServer *server);

/* The address with the real port. */
const Address *http_server_address(const HttpServer *server);

void http_server_set_state(HttpServer *server, HttpState state);

/* Takes no more connections, lets the requests in flight finish for at most `grace_ns`, and stops.
 * The listening socket is closed: where a service manager holds it too, clients wait in its queue
 * for the next daemon. Idempotent. */
void http_server_stop(HttpServer *server, int64_t grace_ns);

/* Stops without grace if need be, and frees all. NULL is allowed. */
void http_server_close(HttpServer *server);

#endif
