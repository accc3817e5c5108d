/* A UDP socket to one daemon. One thread at a time. */
#ifndef CLI_UDP_H
#define CLI_UDP_H

#include <stddef.h>

#include "cli/endpoint.h"

enum {
    UDP_ERROR_SIZE = 400
};

typedef struct {
    int fd; /* -1: closed */
    Endpoint to;
    char error[UDP_ERROR_SIZE]; /* why the latest call failed, for people */
} Udp;

/* Finds the host (of a name's addresses an IPv4 one first, as the daemon's default is) and connects.
 * => 0 or negative errno, with `error` set; udp_close() is allowed in any case. */
int udp_open(Udp *udp, const Endpoint *to);

/* Sends one datagram. => 0 or negative errno, with `error` set: -ECONNREFUSED when the host has said that
 * nobody receives there, of this datagram or of one before. */
int udp_send(Udp *udp, const char *bytes, size_t length);

void udp_close(Udp *udp);

#endif
