/* The ways on which values come in. Pure; any thread. */
#ifndef INGEST_TRANSPORT_H
#define INGEST_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

/* The numbers stand in arenas (Hand.transport), where a flipped bit must not make one of the other; 0 is
 * none. */
typedef enum {
    TRANSPORT_UDP = 0x2e504455,  /* "UDP." */
    TRANSPORT_UNIX = 0x58494e55, /* "UNIX": a datagram socket, too */
    TRANSPORT_TCP = 0x3a504354   /* "TCP:" */
} Transport;

/* => "udp", "unix", "tcp"; NULL: it is none of them. */
const char *transport_name(Transport transport);

#endif
