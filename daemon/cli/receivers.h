/* The daemon's sockets, from what it answers to /server. Any thread; no state. */
#ifndef CLI_RECEIVERS_H
#define CLI_RECEIVERS_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    int64_t smallest_buffer; /* bytes; of the sockets on that port, or of all if none is */
} Receivers;

/* => 0; -ENOENT: none of its sockets has that port (*out is set even so); -EPROTO: it is no such answer. */
int receivers_parse(Receivers *out, const char *body, size_t length, unsigned port);

/* => the bytes of a buffer that one sender should fill at most: a quarter, 16 KiB to 1 MiB. All its
 * datagrams go to one socket, and others may send there, too. */
int64_t receivers_window(const Receivers *receivers);

#endif
