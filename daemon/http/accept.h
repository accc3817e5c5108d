/* What a client would rather read: the Accept header (RFC 9110, section 12.5.1), for the two formats of
 * /metrics. Pure; a value belongs to one thread.
 *
 * For each format the most specific range that names it counts, with its quality from 0 to 1 (1 if it
 * says none). A `version` or `charset` other than ours names something else; other parameters are let
 * pass. What is no media range is passed over. */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

#include "render/prometheus_text.h"

/* Zeroed: the client said nothing. */
typedef struct {
    struct {
        unsigned quality; /* thousandths */
        unsigned named;   /* how specifically; 0: not at all */
    } format[2];          /* PrometheusFormat */
} Accept;

/* One header's value; a request may have several. */
void accept_add(Accept *accept, const char *value);

/* => OpenMetrics, if its quality is higher than that of the text format, or the same when OpenMetrics
 * was named and the text format only by a wildcard. Else the text format: also for a client that wants
 * neither, who gets it anyway, as people's browsers and scripts do everywhere. */
PrometheusFormat accept_format(const Accept *accept);

#endif
