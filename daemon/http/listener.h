/* The listening TCP socket: bound to exactly the address that was asked for, or handed over. A connection
 * comes off it when its first bytes have come, or after a second. */
#ifndef HTTP_LISTENER_H
#define HTTP_LISTENER_H

#include "base/address.h"

/* Binds and listens; never blocks, closed on exec. An IPv6 address takes IPv6 alone. *bound is the
 * address with the real port.
 * => the socket; negative errno: it has been logged what could not be bound and why, and *bound is
 * untouched. */
int listener_open(const Address *address, Address *bound);

/* Takes a listening TCP socket of a service manager, and makes it non-blocking and closed on exec.
 * => the socket; negative errno: logged (-EINVAL: it is no listening TCP socket), it has been closed,
 * and *bound is untouched. */
int listener_adopt(int fd, Address *bound);

#endif
