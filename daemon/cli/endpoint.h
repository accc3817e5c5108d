/* Where the daemon is: "127.0.0.1:8125", "[::1]:8125", "localhost", "metrics.example:8125".
 * Any thread; no state. */
#ifndef CLI_ENDPOINT_H
#define CLI_ENDPOINT_H

#include <stdbool.h>

enum {
    ENDPOINT_HOST_SIZE = 256,
    ENDPOINT_TEXT_SIZE = ENDPOINT_HOST_SIZE + 16,
    ENDPOINT_UDP_PORT = 8125,
    ENDPOINT_HTTP_PORT = 8127
};

typedef struct {
    char host
        [ENDPOINT_HOST_SIZE]; /* an address without brackets, or a name; letters, digits, ".-_:%" */
    unsigned port;            /* 1 to 65535 */
} Endpoint;

/* Reads HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT. Without a port it is `port`.
 * => 0; -EINVAL: not of that form, *out is untouched. */
int endpoint_parse(const char *text, unsigned port, Endpoint *out);

/* Of a text that endpoint_parse() refuses: what is wrong with it. => without a full stop */
const char *endpoint_advice(const char *text);

/* Writes HOST:PORT, an IPv6 address in brackets. => out */
const char *endpoint_format(const Endpoint *endpoint, char out[static ENDPOINT_TEXT_SIZE]);

#endif
