/* Datagrams at the pace at which the daemon takes them: never more under way than its socket's buffer
 * holds, by its own count (ingest.datagrams + dropped.kernel of /stats). One thread at a time.
 *
 * Others may send to it meanwhile; then their datagrams pass for ours, more of ours can be under way
 * than we think, and what is dropped is told, whoever sent it. */
#ifndef CLI_FLOW_H
#define CLI_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/fetch.h"
#include "cli/reading.h"
#include "cli/udp.h"

typedef struct {
    Udp udp;
    Fetch fetch;
    bool paced;          /* the daemon tells its count */
    int64_t window;      /* bytes of its buffer that we may fill */
    int64_t cost;        /* of the largest datagram so far, in that buffer */
    int64_t sent;        /* datagrams */
    int64_t missing;     /* of them: the daemon has neither counted nor dropped them */
    int64_t base;        /* the daemon's count when none of ours was in it */
    Reading first, now;  /* its figures; no series */
    bool restarted;      /* its figures began anew meanwhile */
    const char *unpaced; /* why it is not */
    const char *error;   /* why the latest call failed */
} Flow;

/* Opens both ways. Where the daemon at `http` is not the one that receives at `udp`, or does not answer,
 * `paced` is false and `unpaced` says why; that is no failure. `trusted`: the user has named `http`, so
 * its sockets need not have the port of `udp`.
 * => 0 or negative errno, with `error` set; flow_close() is allowed in any case. */
int flow_open(Flow *flow, const Endpoint *udp, const Endpoint *http, bool trusted);

/* Sends one, after waiting for room. => 0 or negative errno, with `error` set. */
int flow_send(Flow *flow, const char *bytes, size_t length);

/* Waits until the daemon has counted all of them, or for 5 s nothing more. => as flow_send(). */
int flow_finish(Flow *flow);

void flow_close(Flow *flow);

#endif
