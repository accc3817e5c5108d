/* Who speaks no HTTP: a StatsD client with the wrong port, TLS, somebody with `nc`. libmicrohttpd closes such
 * a connection without a word, or with a page of its own; here it is known by its first bytes, and told
 * what this port is for. Any thread; no state. */
#ifndef HTTP_STRANGER_H
#define HTTP_STRANGER_H

#include <stddef.h>

#include "base/address.h"

typedef enum {
    STRANGER_NONE, /* a request, or what may become one */
    STRANGER_TEXT,
    STRANGER_TLS
} Stranger;

enum {
    STRANGER_LOOK = 512, /* bytes that are enough to tell */
    STRANGER_ANSWER_SIZE = 1024
};

/* What the first bytes of a connection are. A request begins with a method and a space, and has HTTP's
 * version in its first line (RFC 9112, 3); what is cut off before it can be told is none. */
Stranger stranger_look(const char *bytes, size_t length);

/* Writes a whole HTTP response, for a client that does speak it after all. `values`: where they are to be
 * sent. => its length; out[] is zero-terminated */
size_t stranger_answer(Stranger stranger, const Address *values,
                       char out[static STRANGER_ANSWER_SIZE]);

#endif
