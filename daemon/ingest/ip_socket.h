/* What UDP and TCP sockets have in common. Descriptors stay the caller's. Any thread. */
#ifndef INGEST_IP_SOCKET_H
#define INGEST_IP_SOCKET_H

#include <stdbool.h>

#include "base/address.h"

/* Sets an option that is an int. => 0 or negative errno. */
int ip_socket_set(int fd, int level, int name, int value);

/* Binds to the address alone (IPv6 does not take IPv4 with it), in a group that shares the port
 * (SO_REUSEPORT). `first`: the group is new, and an address that anybody else has bound is refused with
 * -EADDRINUSE, even where both would be willing to share. => 0 or negative errno. */
int ip_socket_bind(int fd, const Address *address, bool first);

/* => 0, and in *out the address that it is really bound to; negative errno. */
int ip_socket_address(int fd, Address *out);

#endif
