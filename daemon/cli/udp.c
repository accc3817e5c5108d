#include "cli/udp.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

__attribute__((format(printf, 3, 4))) static int fail(Udp *udp, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(udp->error, sizeof udp->error, format, args);
    va_end(args);
    return error;
}

static const struct addrinfo *choose(const struct addrinfo *found)
{
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        if (at->ai_family == AF_INET)
            return at;
    }
    return found;
}

int udp_open(Udp *udp, const Endpoint *to)
{
    char service[16];
    char shown[ENDPOINT_TEXT_SIZE];
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    *udp = (Udp){.fd = -1, .to = *to};
    (void)snprintf(service, sizeof service, "%u", to->port);
    int wrong = getaddrinfo(to->host, service, &hints, &found);
    if (wrong != 0)
        return fail(udp, -EHOSTUNREACH,
                    "there is no host %s: %s; --udp HOST:PORT says where atomicstatsd is", to->host,
                    gai_strerror(wrong));
    const struct addrinfo *one = choose(found);
    int status = 0;
    udp->fd = socket(one->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (udp->fd < 0 || connect(udp->fd, one->ai_addr, one->ai_addrlen) != 0)
        status = -errno;
    freeaddrinfo(found);
    if (status != 0)
        return fail(udp, status, "cannot send to %s: %s", endpoint_format(to, shown),
                    strerrordesc_np(-status));
    return 0;
}

static int tell(Udp *udp, int error)
{
    char shown[ENDPOINT_TEXT_SIZE];
    endpoint_format(&udp->to, shown);
    if (error == -ECONNREFUSED && udp->to.port == ENDPOINT_HTTP_PORT)
        return fail(udp, error, "nobody receives at %s; %d is the port for HTTP, values go to %d",
                    shown, ENDPOINT_HTTP_PORT, ENDPOINT_UDP_PORT);
    if (error == -ECONNREFUSED)
        return fail(udp, error,
                    "nobody receives at %s; is atomicstatsd running there? `systemctl start "
                    "atomicstatsd` or `atomicstatsd` starts it, --udp HOST:PORT says where it is",
                    shown);
    if (error == -EMSGSIZE)
        return fail(udp, error,
                    "the datagram is too large for the way to %s: a smaller --max-bytes", shown);
    return fail(udp, error, "cannot send to %s: %s", shown, strerrordesc_np(-error));
}

int udp_send(Udp *udp, const char *bytes, size_t length)
{
    for (;;) {
        if (send(udp->fd, bytes, length, 0) >= 0)
            break;
        struct pollfd room = {.fd = udp->fd, .events = POLLOUT};
        if (errno == EAGAIN || errno == ENOBUFS)
            (void)poll(&room, 1, 10);
        else if (errno != EINTR)
            return tell(udp, -errno);
    }
    /* On this machine the answer "nobody is there" has come before send() returns. */
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(udp->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0)
        return tell(udp, -error);
    return 0;
}

void udp_close(Udp *udp)
{
    if (udp->fd >= 0)
        (void)close(udp->fd);
    udp->fd = -1;
}
