#include "ingest/tcp_socket.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture_tcp.h"

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t length = sizeof value;
    assert_int_equal(0, getsockopt(fd, level, name, &value, &length));
    return value;
}

static bool has_ipv6(void)
{
    Address address = tcp_address("[::1]:0");
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&address.storage, address.length) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

static int accept_one(int fd, struct sockaddr_in6 *peer)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    assert_int_equal(1, poll(&ready, 1, 60000));
    return tcp_socket_accept(fd, peer);
}

static void test_accept(const char *at)
{
    Address wanted = tcp_address(at);
    Address bound;
    struct sockaddr_in6 peer;
    int fd = tcp_socket_open(&wanted, true, &bound);
    assert_true(fd >= 0);
    assert_int_not_equal(0, address_port(&bound));
    assert_int_equal(FD_CLOEXEC, fcntl(fd, F_GETFD));
    assert_int_equal(-EAGAIN, tcp_socket_accept(fd, &peer));
    int client = tcp_connect(&bound);
    int connection = accept_one(fd, &peer);
    assert_true(connection >= 0);
    Address from;
    Address local;
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    char expected[ADDRESS_TEXT_SIZE];
    char text[ADDRESS_TEXT_SIZE];
    assert_int_equal(0, getsockname(client, (struct sockaddr *)&name, &length));
    address_from_sockaddr(&local, (struct sockaddr *)&name, length);
    address_from_sockaddr(&from, (struct sockaddr *)&peer, sizeof peer);
    assert_string_equal(address_format(&local, expected), address_format(&from, text));
    assert_true(fcntl(connection, F_GETFL) & O_NONBLOCK);
    assert_int_equal(FD_CLOEXEC, fcntl(connection, F_GETFD));
    assert_int_equal(1, option(connection, SOL_SOCKET, SO_KEEPALIVE)); /* from its parent */
    assert_int_equal(60, option(connection, IPPROTO_TCP, TCP_KEEPIDLE));
    assert_int_equal(10, option(connection, IPPROTO_TCP, TCP_KEEPINTVL));
    assert_int_equal(6, option(connection, IPPROTO_TCP, TCP_KEEPCNT));
    close(client);
    close(connection);
    close(fd);
}

static void test_ipv4(void **state)
{
    (void)state;
    test_accept("127.0.0.1:0");
}

static void test_ipv6(void **state)
{
    (void)state;
    if (!has_ipv6())
        skip();
    test_accept("[::1]:0");
}

static void test_a_group(void **state)
{
    (void)state;
    Address address = tcp_address("127.0.0.1:0");
    Address unused;
    int first = tcp_socket_open(&address, true, &address);
    assert_true(first >= 0);
    int second = tcp_socket_open(&address, false, &unused);
    assert_true(second >= 0);
    assert_int_equal(address_port(&address), address_port(&unused));
    assert_int_equal(-EADDRINUSE, tcp_socket_open(&address, true, &unused)); /* another daemon */
    int connections = 0;
    for (int i = 0; i < 64; i++) { /* each comes to one of them */
        struct sockaddr_in6 peer;
        struct pollfd ready[2] = {{.fd = first, .events = POLLIN},
                                  {.fd = second, .events = POLLIN}};
        int client = tcp_connect(&address);
        assert_int_equal(1, poll(ready, 2, 60000));
        int connection = tcp_socket_accept(ready[0].revents != 0 ? first : second, &peer);
        assert_true(connection >= 0);
        connections |= ready[0].revents != 0 ? 1 : 2;
        close(connection);
        close(client);
    }
    assert_int_equal(3, connections);
    close(first);
    close(second);
    first = tcp_socket_open(&address, true, &unused); /* TIME_WAIT is in nobody's way */
    assert_true(first >= 0);
    close(first);
}

static void test_errors(void **state)
{
    (void)state;
    Address bound;
    Address elsewhere = tcp_address("192.0.2.1:0");
    assert_int_equal(-EADDRNOTAVAIL, tcp_socket_open(&elsewhere, true, &bound));
    assert_int_equal(-EBADF, tcp_socket_adopt(-1, &bound));
    struct sockaddr_in6 peer;
    assert_int_equal(-EBADF, tcp_socket_accept(-1, &peer));
}

static void test_adopt(void **state)
{
    (void)state;
    Address bound;
    struct sockaddr_in6 peer;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, listen(fd, 5));
    assert_int_equal(0, tcp_socket_adopt(fd, &bound));
    assert_int_not_equal(0, address_port(&bound));
    assert_int_equal(-EAGAIN, tcp_socket_accept(fd, &peer));
    assert_int_equal(1, option(fd, SOL_SOCKET, SO_KEEPALIVE));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipv4),   cmocka_unit_test(test_ipv6),  cmocka_unit_test(test_a_group),
        cmocka_unit_test(test_errors), cmocka_unit_test(test_adopt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
