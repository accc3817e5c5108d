/* An IPv4 or IPv6 address with a port: "127.0.0.1:8125", "[::1]:8125". Any thread. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stddef.h>
#include <sys/socket.h>

enum { ADDRESS_TEXT_SIZE = 80 }; /* with zone and the closing zero */

typedef struct {
    struct sockaddr_storage storage;
    socklen_t length; /* 0: no address */
} Address;

/* Reads "ADDR:PORT": a numeric IPv4 address, or a numeric IPv6 address in brackets; the port from 0
 * to 65535. => 0; -EINVAL: not of that form, *out is untouched. */
int address_parse(const char *text, Address *out);

/* Copies what recvmsg or getsockname gave. A length that no family has gives "no address". */
void address_from_sockaddr(Address *out, const struct sockaddr *from, socklen_t length);

/* Writes it as address_parse() reads it ("unknown" for no address). => out. */
const char *address_format(const Address *address, char out[static ADDRESS_TEXT_SIZE]);

/* The port, in host order; 0 for no address. */
unsigned address_port(const Address *address);

#endif
