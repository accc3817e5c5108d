#include "ingest/ip_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

int ip_socket_set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : -errno;
}

int ip_socket_bind(int fd, const Address *address, bool first)
{
    int error = 0;
    if (address->storage.ss_family == AF_INET6)
        error = ip_socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    /* The first of a group binds without SO_REUSEPORT, which fails if anybody is there, and opens the
     * group afterwards. */
    if (error == 0 && !first)
        error = ip_socket_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (error == 0 && bind(fd, (const struct sockaddr *)&address->storage, address->length) != 0)
        error = -errno;
    if (error == 0 && first)
        error = ip_socket_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    return error;
}

int ip_socket_address(int fd, Address *out)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &length) != 0)
        return -errno;
    address_from_sockaddr(out, (struct sockaddr *)&bound, length);
    return 0;
}
