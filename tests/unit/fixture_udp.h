/* Senders of datagrams, and waiting for what they come to. */
#ifndef TESTS_UNIT_FIXTURE_UDP_H
#define TESTS_UNIT_FIXTURE_UDP_H

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/clock.h"

/* For what happens at once on an idle machine. */
#define UDP_DEADLINE_NS INT64_C(60000000000)

static inline Address udp_address(const char *text)
{
    Address address;
    assert_int_equal(0, address_parse(text, &address));
    return address;
}

/* Whether this machine has ::1. */
static inline bool udp_has_ipv6(void)
{
    Address address = udp_address("[::1]:0");
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&address.storage, address.length) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

/* => a socket that sends to `to`, from a port of its own. */
static inline int udp_sender(const Address *to)
{
    int fd = socket(to->storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_in_range(fd, 0, 1 << 20);
    assert_int_equal(0, connect(fd, (const struct sockaddr *)&to->storage, to->length));
    return fd;
}

static inline void udp_send(int fd, const void *bytes, size_t length)
{
    assert_int_equal(length, send(fd, bytes, length, 0));
}

static inline Address udp_local(int fd)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    Address address;
    assert_int_equal(0, getsockname(fd, (struct sockaddr *)&bound, &length));
    address_from_sockaddr(&address, (struct sockaddr *)&bound, length);
    return address;
}

/* => a socket that anybody may share, bound by somebody else; *address learns the port. */
static inline int udp_foreign(Address *address)
{
    int on = 1;
    int fd = socket(address->storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_in_range(fd, 0, 1 << 20);
    assert_int_equal(0, setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on));
    assert_int_equal(0, bind(fd, (struct sockaddr *)&address->storage, address->length));
    *address = udp_local(fd);
    return fd;
}

/* Gives the others a turn. => false once `since` (clock_monotonic_ns()) is too long ago. */
static inline bool udp_keep_waiting(int64_t since)
{
    sched_yield();
    return clock_monotonic_ns() - since < UDP_DEADLINE_NS;
}

#endif
