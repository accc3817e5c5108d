#include "ingest/tcp_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ingest/ip_socket.h"

enum {
    KEEPALIVE_IDLE_S = 60,
    KEEPALIVE_INTERVAL_S = 10,
    KEEPALIVE_TRIES = 6
};

/* Connections take these over from the socket that accepts them. */
static int set_keepalive(int fd)
{
    int error = ip_socket_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (error == 0)
        error = ip_socket_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    if (error == 0)
        error = ip_socket_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    if (error == 0)
        error = ip_socket_set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_TRIES);
    return error;
}

static int bind_and_listen(int fd, const Address *address, bool first)
{
    /* A port whose last connections are still in TIME_WAIT can be bound again at once. */
    int error = ip_socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (error == 0)
        error = ip_socket_bind(fd, address, first);
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
        error = ip_socket_address(fd, bound);
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
    return error == 0 ? ip_socket_address(fd, bound) : error;
}

int tcp_socket_accept(int fd, struct sockaddr_in6 *peer)
{
    socklen_t length = sizeof *peer;
    *peer = (struct sockaddr_in6){.sin6_family = AF_UNSPEC};
    int connection = accept4(fd, (struct sockaddr *)peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return connection >= 0 ? connection : -errno;
}
