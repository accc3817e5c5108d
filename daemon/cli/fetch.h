/* GET over HTTP, on a connection that is kept. The only place that sees libcurl. One thread at a time. */
#ifndef CLI_FETCH_H
#define CLI_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/endpoint.h"

enum {
    FETCH_ERROR_SIZE = 512
};

typedef struct {
    void *curl;
    Endpoint from;
    char *body; /* of the latest answer, with a zero behind it */
    size_t length;
    size_t capacity;
    long status;
    bool (*stop)(
        void *context); /* asked now and then during a request; true ends it. NULL: never */
    void *context;
    char error[FETCH_ERROR_SIZE]; /* why the latest call failed, for people; safe to print */
} Fetch;

/* => 0; -ENOMEM. fetch_close() is allowed in any case. */
int fetch_open(Fetch *fetch, const Endpoint *from);

/* Asks for a path such as "/stats". An answer that is not 200 is a failure, with the daemon's own message.
 * => 0; -ECONNREFUSED or another negative errno, with `error` set; -ECANCELED: stop() said so. */
int fetch_get(Fetch *fetch, const char *path);

/* => text[] percent-encoded, to be freed; NULL: no memory. */
char *fetch_encode(const char *text);

void fetch_close(Fetch *fetch);

#endif
