/* Many values in few datagrams: `NAME:1:2:3|ms`, or a line for each value where a line holds only one.
 * One thread at a time. */
#ifndef CLI_PACK_H
#define CLI_PACK_H

#include <stddef.h>

#include "cli/metric.h"

enum {
    PACK_MAX_BYTES = 65507,   /* of an IPv4 datagram */
    PACK_DEFAULT_BYTES = 1432 /* fits an Ethernet frame behind IPv6's and a tunnel's heads */
};

typedef struct {
    const Metric *metric;
    size_t max_bytes; /* of a datagram, 1 to PACK_MAX_BYTES */
    size_t length;    /* without the last line's tail */
    size_t values;    /* that it holds */
    char data[PACK_MAX_BYTES];
} Pack;

/* `metric` must outlive it. */
void pack_init(Pack *pack, const Metric *metric, size_t max_bytes);

/* Adds a value that has been checked. => 0; -ENOBUFS: take what there is, then add it; -EMSGSIZE: no
 * datagram can hold it. */
int pack_add(Pack *pack, const char *value, size_t length);

/* Ends the datagram. => its bytes, valid until the next value is added; *length 0: there are none. */
const char *pack_take(Pack *pack, size_t *length, size_t *values);

#endif
