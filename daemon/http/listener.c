#include "http/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/advice.h"
#include "base/log.h"

static int option_on(int fd, int level, int name)
{
    int on = 1;
    return setsockopt(fd, level, name, &on, sizeof on);
}

static bool bind_and_listen(int fd, const Address *address)
{
    /* A port whose last connections are still in TIME_WAIT can be bound again at once. */
    if (option_on(fd, SOL_SOCKET, SO_REUSEADDR) != 0)
        return false;
    if (address->storage.ss_family == AF_INET6 && option_on(fd, IPPROTO_IPV6, IPV6_V6ONLY) != 0)
        return false;
    return bind(fd, (const struct sockaddr *)&address->storage, address->length) == 0 &&
           listen(fd, SOMAXCONN) == 0;
}

/* Lets a connection through when its first bytes have come, so that they can be looked at before
 * libmicrohttpd reads them; or after a second, with or without them. */
static void wait_for_bytes(int fd)
{
    int seconds = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
}

static bool read_name(int fd, Address *bound)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    if (getsockname(fd, (struct sockaddr *)&name, &length) != 0)
        return false;
    address_from_sockaddr(bound, (const struct sockaddr *)&name, length);
    return true;
}

int listener_open(const Address *address, Address *bound)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind_and_listen(fd, address) && read_name(fd, bound)) {
        wait_for_bytes(fd);
        return fd;
    }
    int error = errno;
    char text[ADDRESS_TEXT_SIZE];
    char why[ADVICE_SIZE];
    log_error("http", "cannot listen on %s: %s", address_format(address, text),
              advice_address(-error, address, ADVICE_TCP, "--http or http.listen", why));
    if (fd >= 0)
        close(fd);
    return -error;
}

static int int_option(int fd, int name)
{
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
}

/* => 0 or negative errno. */
static int prepare_adopted(int fd)
{
    if (int_option(fd, SO_TYPE) != SOCK_STREAM || int_option(fd, SO_ACCEPTCONN) != 1)
        return -EINVAL;
    int family = int_option(fd, SO_DOMAIN);
    if (family != AF_INET && family != AF_INET6)
        return -EINVAL;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return -errno;
    return 0;
}

int listener_adopt(int fd, Address *bound)
{
    int error = prepare_adopted(fd);
    if (error == 0 && !read_name(fd, bound))
        error = -errno;
    if (error == 0) {
        wait_for_bytes(fd);
        return fd;
    }
    log_error("http", "cannot use the socket handed over as fd %d: %s; see the .socket unit", fd,
              error == -EINVAL ? "it is no listening TCP socket" : strerrordesc_np(-error));
    close(fd);
    return error;
}
