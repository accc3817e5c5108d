/* Clients of a listening TCP socket. */
#ifndef TESTS_UNIT_FIXTURE_TCP_H
#define TESTS_UNIT_FIXTURE_TCP_H

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"

static inline Address tcp_address(const char *text)
{
    Address address;
    assert_int_equal(0, address_parse(text, &address));
    return address;
}

/* => a connection; negative errno. */
static inline int tcp_connect(const Address *to)
{
    int fd = socket(to->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_in_range(fd, 0, 1 << 20);
    if (connect(fd, (const struct sockaddr *)&to->storage, to->length) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

static inline void tcp_send(int fd, const void *bytes, size_t length)
{
    assert_int_equal(length, send(fd, bytes, length, MSG_NOSIGNAL));
}

#endif
