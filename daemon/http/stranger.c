#include "http/stranger.h"

#include <stdio.h>
#include <string.h>

#include "http/framing.h"

enum {
    TLS_HANDSHAKE =
        0x16, /* the type of its first record (RFC 8446, 5.1), and the high byte of its version */
    TLS_VERSION = 3
};

Stranger stranger_look(const char *bytes, size_t length)
{
    static const char version[] = " HTTP/";
    while (length > 0 &&
           (*bytes == '\r' || *bytes == '\n')) { /* libmicrohttpd passes over them, too */
        bytes++;
        length--;
    }
    if (length > 1 && bytes[0] == TLS_HANDSHAKE && bytes[1] == TLS_VERSION)
        return STRANGER_TLS;
    size_t method = framing_token_length(bytes, length);
    if (method == length)
        return STRANGER_NONE;
    if (method == 0 || bytes[method] != ' ')
        return STRANGER_TEXT;
    const char *end = memchr(bytes, '\n', length);
    if (end == NULL || memmem(bytes, (size_t)(end - bytes), version, sizeof version - 1) != NULL)
        return STRANGER_NONE;
    return STRANGER_TEXT;
}

size_t stranger_answer(Stranger stranger, const Address *values,
                       char out[static STRANGER_ANSWER_SIZE])
{
    char address[ADDRESS_TEXT_SIZE];
    char body[512];
    int length =
        stranger == STRANGER_TLS
            ? snprintf(body, sizeof body,
                       "{\"error\":{\"status\":400,\"message\":\"this is TLS, and the port speaks "
                       "plain HTTP: ask http://, or a proxy that speaks TLS before it\"}}\n")
            : snprintf(
                  body, sizeof body,
                  "{\"error\":{\"status\":400,\"message\":\"this is no HTTP request, and values "
                  "are only read here: send them to udp %s\"}}\n",
                  address_format(values, address));
    return (size_t)snprintf(out, STRANGER_ANSWER_SIZE,
                            "HTTP/1.1 400 Bad Request\r\n"
                            "Connection: close\r\n"
                            "Content-Type: application/json\r\n"
                            "Content-Length: %d\r\n"
                            "Cache-Control: no-store\r\n"
                            "X-Content-Type-Options: nosniff\r\n"
                            "\r\n%s",
                            length, body);
}
