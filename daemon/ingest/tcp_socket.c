#include "ingest/tcp_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    KEEPALIVE_IDLE_S = 60,
    KEEPALIVE_INTERVAL_S = 10,
    KEEPALIVE_TRIES = 6
};

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : -errno;
}

/* Connections take these over from the socket that accepts them. */
static int set_keepalive(int fd)
{
    int error = set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (error == 0)
        error = set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    if (error == 0)
        error = set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    if (error == 0)
        error = set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_TRIES);
    return error;
}

static int read_address(int fd, Address *out)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &length) != 0)
        return -errno;
    address_from_sockaddr(out, (struct sockaddr *)&bound, length);
    return 0;
}

/* As with UDP, the first of a group binds without SO_REUSEPORT, which fails if anybody is there, and opens the
 * group afterwards. */
static int bind_and_listen(int fd, const Address *address, bool first)
{
    /* A port whose last connections are still in TIME_WAIT can be bound again at once. */
    int error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (error == 0 && address->storage.ss_family == AF_INET6)
        error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (error == 0 && !first)
        error = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (error == 0 && bind(fd, (const struct sockaddr *)&address->storage, address->length) != 0)
        error = -errno;
    if (error == 0 && first)
        error = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (error == 0 && listen(fd, SOMAXCONN) != 0)
        error = -errno;
    return error;
}

int tcp_socket_open(const Address *address, bool first, Address *bound)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int error = bind_and_listen(fd, address, first);
    if (error == 0)
        error = set_keepalive(fd);
    if (error == 0)
        error = read_address(fd, bound);
    if (error == 0)
        return fd;
    close(fd);
    return error;
}

int tcp_socket_adopt(int fd, Address *bound)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return -errno;
    int error = set_keepalive(fd);
    return error == 0 ? read_address(fd, bound) : error;
}

int tcp_socket_accept(int fd, struct sockaddr_in6 *peer)
{
    socklen_t length = sizeof *peer;
    *peer = (struct sockaddr_in6){.sin6_family = AF_UNSPEC};
    int connection = accept4(fd, (struct sockaddr *)peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return connection >= 0 ? connection : -errno;
}
