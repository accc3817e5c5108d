/* An IPv4 or IPv6 address with a port: "127.0.0.1:8125", "[::1]:8125". Any thread. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stddef.h>
#include <sys/socket.h>

/* Room for any address as text, with zone and the closing zero. */
enum {
    ADDRESS_TEXT_SIZE = 80
};

typedef struct {
    struct sockaddr_storage storage;
    socklen_t length; /* 0: no address */
} Address;

/* Reads "ADDR:PORT": a numeric IPv4 address, or a numeric IPv6 address in brackets, with a zone if
 * need be ("[fe80::1%eth0]:8125"); the port as digits, from 0 to 65535.
 * => 0; -EINVAL: not of that form, *out is untouched. */
int address_parse(const char *text, Address *out);

/* Copies what recvmsg or getsockname gave; what is left of the storage is zero. Another family, or a
 * length too short for its family, gives "no address". */
void address_from_sockaddr(Address *out, const struct sockaddr *from, socklen_t length);

/* Writes it as address_parse() reads it ("unknown" for no address); an IPv4 address mapped into IPv6,
 * as a socket for both shows its IPv4 peers, as plain IPv4. => out. */
const char *address_format(const Address *address, char out[static ADDRESS_TEXT_SIZE]);

/* The port, in host order; 0 for no address. */
unsigned address_port(const Address *address);

#endif
