/* The answer to GET /metrics: render/prometheus.h as a reply. */
#ifndef HTTP_METRICS_H
#define HTTP_METRICS_H

#include "http/accept.h"
#include "http/reply.h"
#include "http/site.h"

enum {
    /* So many at once may each take up to PROMETHEUS_BATCH_BYTES. A further one, which there is when somebody
     * reads slowly, has to do with little memory, and takes longer if there are many series. */
    METRICS_LARGE = 4,
    METRICS_SMALL_BYTES = 1024 * 1024
};

/* The document in the format that the client accepts, written while it is sent. Any thread. */
Reply metrics_answer(const HttpSite *site, const Accept *accept);

#endif
