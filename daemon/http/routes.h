/* What answers to which path. GET and HEAD only.
 *
 *     /stats            everything; ?name= ?type= ?pretty as in stats_query.h
 *     /stats/ID         the series of this name, with any tags, or of exactly this id; 404: none
 *     /progress         progress only
 *     /progress/NAME    likewise; 404: none
 *     /metrics          for Prometheus, in the format that the client accepts
 *     /server           the daemon itself; ?pretty
 *     /healthz          503 while an ingest thread is stuck
 *     /readyz           503 until the sockets are bound, and while stopping
 *     /                 the page for people
 *     /web/FILE         what the page is made of; 404: none
 *
 * An ID is all that follows the slash, further slashes too, percent-encoded ('+' is itself). A path
 * is complete as it stands: "/stats/" names no series and is 404, so that a script with an empty
 * variable does not get everything. Errors are {"error":{"status":…,"message":"…"}}.
 *
 * Thread rule: any thread; nothing here blocks an ingest thread. */
#ifndef HTTP_ROUTES_H
#define HTTP_ROUTES_H

#include <stddef.h>

#include "http/accept.h"
#include "http/reply.h"
#include "http/site.h"

/* Longer targets are 414. RFC 9110 asks for 8,000 at least; the longest id takes 3,843 encoded. */
enum {
    ROUTES_TARGET_MAX = 8000
};

/* Answers a request without a body. `target` is as the client sent it; it need not be
 * zero-terminated. The reply's response is the caller's. */
Reply routes_answer(const HttpSite *site, const char *method, const char *target, size_t length,
                    const Accept *accept);

#endif
