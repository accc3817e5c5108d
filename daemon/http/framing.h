/* What a request's headers say about a body. Any thread; no state. */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include <stdbool.h>

struct MHD_Connection;

typedef struct {
    unsigned content_lengths; /* headers of this name; libmicrohttpd lets more than one pass */
    bool body;                /* it announces one, of more than 0 bytes or of unknown length */
} Framing;

/* Reads the headers of the request that the connection is at. */
Framing framing_read(struct MHD_Connection *connection);

#endif
