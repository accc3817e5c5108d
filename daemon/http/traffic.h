/* Connections and requests as libmicrohttpd reports them: who may stay, what is a request, and its
 * answer. The four callbacks get the Traffic as their context.
 *
 * Thread rule: the callbacks run in libmicrohttpd's one thread; init, fini and enforce are for the
 * thread that owns the server. */
#ifndef HTTP_TRAFFIC_H
#define HTTP_TRAFFIC_H

#include <microhttpd.h>

#include "base/log.h"
#include "http/connections.h"
#include "http/flight.h"
#include "http/site.h"

typedef struct {
    HttpSite site;
    Flight flight;
    Connections connections;
    LogLimiter crowd_limiter;
    LogLimiter stranger_limiter;
} Traffic;

/* How many connections libmicrohttpd must let in on top of site.max_connections, so that one can be
 * cut for each: as many as it accepts before it looks at the others. */
enum {
    TRAFFIC_ARRIVING = 16
};

/* With a zeroed site. `max_age_ns`: as for connections_init(). => 0 or negative errno. */
int traffic_init(Traffic *traffic, unsigned max_connections, int64_t max_age_ns);

/* No connection may be left. */
void traffic_fini(Traffic *traffic);

/* Cuts connections that are late, or too many. */
void traffic_enforce(Traffic *traffic);

/* MHD_NotifyConnectionCallback */
void traffic_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                        enum MHD_ConnectionNotificationCode code);

/* The URI log callback: the request line has been read. => what the next two find as *exchange. */
void *traffic_begin(void *context, const char *target, struct MHD_Connection *connection);

/* MHD_AccessHandlerCallback */
enum MHD_Result traffic_handle(void *context, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **exchange);

/* MHD_RequestCompletedCallback */
void traffic_end(void *context, struct MHD_Connection *connection, void **exchange,
                 enum MHD_RequestTerminationCode code);

#endif
