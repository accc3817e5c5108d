/* What the routes may see: the daemon's parts, and the server's own figures. One per server; it is
 * filled before the server's thread starts and does not change, but for the state and the counts. */
#ifndef HTTP_SITE_H
#define HTTP_SITE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/address.h"
#include "http/counts.h"
#include "ingest/pool.h"
#include "ingest/state.h"
#include "metrics/registry.h"
#include "render/service_info.h"

typedef enum {
    HTTP_STARTING, /* the ingest sockets are not all bound yet */
    HTTP_READY,
    HTTP_STOPPING
} HttpState;

typedef struct {
    Registry *registry;
    const Pool *pool;
    State *storage; /* NULL: there is none */
    const char *version;
    int64_t started_realtime_ns;
    int64_t started_monotonic_ns;
    Address address; /* as bound: with the real port */
    unsigned max_connections;
    int64_t stuck_ns;  /* an ingest thread that owes an answer for longer is stuck */
    _Atomic int state; /* a HttpState */
    HttpCounts counts;
    _Atomic unsigned *scrapes; /* answers of /metrics under way */
} HttpSite;

/* Any thread. */
HttpState http_site_state(const HttpSite *site);
void http_site_set_state(HttpSite *site, HttpState state);
ServiceInfo http_site_service(const HttpSite *site);

/* Where values may be sent: the address of the first ingest socket that has one; else none. */
Address http_site_receiver(const HttpSite *site);

#endif
