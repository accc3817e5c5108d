/* What the bytes of a request say about where it ends, and whether all who read them would agree.
 * Somebody between the client and us may take a request apart otherwise, and then what the client
 * calls a body is a request to us. Any thread; no state. */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

struct MHD_Connection;

typedef struct {
    const char *malformed; /* what is wrong, for the client; NULL: nothing */
    bool body;             /* one is announced, of more than 0 bytes or of unknown length */
} Framing;

/* => how many of the bytes, from the first one on, may stand in a token (RFC 9110, 5.6.2): a method or a
 * header's name. */
size_t framing_token_length(const char *text, size_t length);

/* Reads the headers of the request that the connection is at. Malformed are: a name that is no token
 * (RFC 9110, 5.6.2; a space before the colon is the usual trick), more than one Content-Length, and
 * Content-Length with Transfer-Encoding (RFC 9112, 6.1). libmicrohttpd
 * itself refuses a NUL in a name; it ends a value at one, and adds a folded line to the name before
 * it: of that nothing can be seen here. */
Framing framing_read(struct MHD_Connection *connection);

/* The request line, by where libmicrohttpd has its parts: it makes zero-terminated texts of them in
 * the buffer in which they came, so one space was between two parts if they stand one byte apart.
 * `target` and its length are those that MHD_OPTION_URI_LOG_CALLBACK gave; it is not looked at.
 * => false: something else was there, a NUL or more spaces, and the texts are not what was sent. Parts
 * that do not stand in one buffer are taken for right. */
bool framing_line_is_whole(const char *method, const char *target, size_t target_length,
                           const char *version);

#endif
