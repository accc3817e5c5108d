/* Listening TCP sockets, and the connections that they accept. Descriptors belong to the caller.
 *
 * Any thread; none but tcp_socket_accept() is quick. */
#ifndef INGEST_TCP_SOCKET_H
#define INGEST_TCP_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>

#include "base/address.h"

/* Opens a non-blocking socket and listens at the address alone (IPv6 does not take IPv4 with it), in a
 * group that shares the port by connection (SO_REUSEPORT). `first`: as for udp_socket_open(). Connections
 * whose other end is gone without a word are found out after two minutes (SO_KEEPALIVE).
 * => the descriptor, and the address as bound in *bound; negative errno. */
int tcp_socket_open(const Address *address, bool first, Address *bound);

/* Makes a listening socket of a service manager fit. => 0 and the address in *bound; negative errno. */
int tcp_socket_adopt(int fd, Address *bound);

/* => a connection, non-blocking, and who has made it (an IPv4 address has its own family) in *peer; -EAGAIN: none is
 * waiting; other negative errno. */
int tcp_socket_accept(int fd, struct sockaddr_in6 *peer);

#endif
