#include "ingest/udp_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fixture_udp.h"

static UdpSocket open_at(const char *text)
{
    UdpSocket s = {.fd = -1};
    Address address = udp_address(text);
    assert_int_equal(0, udp_socket_open(&s, &address, true, 0));
    return s;
}

/* Receives what is there. => datagrams */
static uint64_t receive_all(int fd)
{
    char bytes[65536];
    uint64_t count = 0;
    while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) >= 0)
        count++;
    assert_int_equal(EAGAIN, errno);
    return count;
}

static void test_open(void **state)
{
    (void)state;
    UdpSocket s = open_at("127.0.0.1:0");
    char text[ADDRESS_TEXT_SIZE];
    assert_in_range(address_port(&s.address), 1, 65535);
    assert_memory_equal("127.0.0.1:", address_format(&s.address, text), 10);
    assert_true(fcntl(s.fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(s.fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(0, s.receive_buffer_asked);
    assert_in_range(s.receive_buffer_granted, 1, INT32_MAX);
    assert_int_equal(0, udp_socket_dropped(&s));
    assert_int_equal(0, udp_socket_queued_bytes(&s));

    int sender = udp_sender(&s.address);
    int64_t since = clock_monotonic_ns();
    udp_send(sender, "x", 1);
    while (udp_socket_queued_bytes(&s) == 0)
        assert_true(udp_keep_waiting(since));
    assert_int_equal(1, receive_all(s.fd));
    close(sender);
    udp_socket_close(&s);
    assert_int_equal(-1, s.fd);
    udp_socket_close(&s);
    assert_int_equal(0, udp_socket_queued_bytes(&s));
}

static void expect_refused(const Address *address, bool first, int error)
{
    UdpSocket s;
    memset(&s, 0x5a, sizeof s);
    UdpSocket poison = s;
    assert_int_equal(error, udp_socket_open(&s, address, first, 0));
    assert_memory_equal(&poison, &s, sizeof s);
}

static void test_one_group_an_address(void **state)
{
    (void)state;
    UdpSocket first = open_at("127.0.0.1:0");
    expect_refused(&first.address, true, -EADDRINUSE);
    UdpSocket second = {.fd = -1};
    assert_int_equal(0, udp_socket_open(&second, &first.address, false, 0));
    expect_refused(&first.address, true, -EADDRINUSE);
    udp_socket_close(&first);
    expect_refused(&second.address, true, -EADDRINUSE);
    udp_socket_close(&second);
    UdpSocket again = {.fd = -1};
    assert_int_equal(0, udp_socket_open(&again, &second.address, true, 0));
    udp_socket_close(&again);
}

/* Somebody else who would share the port: the stream must not be split unnoticed. */
static void test_a_foreign_socket_is_noticed(void **state)
{
    (void)state;
    static const char *const at[] = {"127.0.0.1:0", "0.0.0.0:0"};
    for (int i = 0; i < 2; i++) {
        Address foreign = udp_address(at[i]);
        Address wanted = udp_address("127.0.0.1:0");
        int fd = udp_foreign(&foreign);
        ((struct sockaddr_in *)&wanted.storage)->sin_port = htons((uint16_t)address_port(&foreign));
        expect_refused(&wanted, true, -EADDRINUSE);
        close(fd);
    }
}

static void test_errors(void **state)
{
    (void)state;
    Address none = udp_address("203.0.113.1:0"); /* TEST-NET-3: nobody has it */
    Address family = {.storage.ss_family = AF_MAX, .length = sizeof(struct sockaddr_in)};
    expect_refused(&none, true, -EADDRNOTAVAIL);
    expect_refused(&family, true, -EAFNOSUPPORT);
}

static void test_a_group_shares_the_flows(void **state)
{
    (void)state;
    enum {
        GROUP = 4,
        FLOWS = 200
    };
    UdpSocket group[GROUP];
    Address address = udp_address("127.0.0.1:0");
    uint64_t received[GROUP] = {0};
    uint64_t total = 0;
    for (int i = 0; i < GROUP; i++) {
        assert_int_equal(0, udp_socket_open(&group[i], &address, i == 0, 0));
        address = group[i].address;
        assert_int_equal(address_port(&group[0].address), address_port(&address));
    }
    for (int i = 0; i < FLOWS; i++) {
        int sender = udp_sender(&address);
        udp_send(sender, "x", 1);
        close(sender);
    }
    int64_t since = clock_monotonic_ns();
    do {
        for (int i = 0; i < GROUP; i++) {
            uint64_t more = receive_all(group[i].fd);
            received[i] += more;
            total += more;
        }
    } while (total < FLOWS && udp_keep_waiting(since));
    assert_int_equal(FLOWS, total);
    for (int i = 0; i < GROUP; i++) {
        assert_in_range(received[i], 1,
                        FLOWS); /* each flow is one of four: (3/4)^200 to get none */
        udp_socket_close(&group[i]);
    }
}

static void test_ipv6_is_ipv6_only(void **state)
{
    (void)state;
    if (!udp_has_ipv6())
        skip();
    UdpSocket v6 = open_at("[::]:0");
    UdpSocket v4 = {.fd = -1};
    char text[ADDRESS_TEXT_SIZE];
    (void)snprintf(text, sizeof text, "0.0.0.0:%u", address_port(&v6.address));
    Address address = udp_address(text);
    assert_int_equal(0, udp_socket_open(&v4, &address, true, 0));

    (void)snprintf(text, sizeof text, "[::1]:%u", address_port(&v6.address));
    address = udp_address(text);
    int sender = udp_sender(&address);
    udp_send(sender, "six", 3);
    int64_t since = clock_monotonic_ns();
    while (udp_socket_queued_bytes(&v6) == 0)
        assert_true(udp_keep_waiting(since));
    assert_int_equal(1, receive_all(v6.fd));
    assert_int_equal(0, receive_all(v4.fd));
    close(sender);
    udp_socket_close(&v6);
    udp_socket_close(&v4);
}

/* ---- drops ---- */

/* Sends `count` datagrams, of which only the first few fit the queue. */
static void overfill(UdpSocket *s, uint64_t count)
{
    int sender = udp_sender(&s->address);
    static const char bytes[1000];
    for (uint64_t i = 0; i < count; i++)
        udp_send(sender, bytes, sizeof bytes);
    close(sender);
}

/* Receives until every one of the `sent` is accounted for. => how many were received */
static uint64_t settle(UdpSocket *s, uint64_t sent, uint64_t received)
{
    int64_t since = clock_monotonic_ns();
    do {
        received += receive_all(s->fd);
    } while (received + udp_socket_dropped(s) < sent && udp_keep_waiting(since));
    return received;
}

static UdpSocket open_tiny(void)
{
    UdpSocket s = {.fd = -1};
    Address address = udp_address("127.0.0.1:0");
    assert_int_equal(0, udp_socket_open(&s, &address, true, 4096));
    assert_int_equal(4096, s.receive_buffer_asked);
    assert_int_equal(8192, s.receive_buffer_granted); /* the kernel doubles it */
    return s;
}

/* A granted buffer of twice what was asked must never look like less. */
static void test_more_than_the_kernel_can_count(void **state)
{
    (void)state;
    UdpSocket s = {.fd = -1};
    Address address = udp_address("127.0.0.1:0");
    assert_int_equal(0, udp_socket_open(&s, &address, true, 1 << 30));
    assert_int_equal(INT32_MAX / 2, s.receive_buffer_asked);
    assert_in_range(s.receive_buffer_granted, 1, INT32_MAX);
    udp_socket_close(&s);
}

static void test_every_drop_is_counted(void **state)
{
    (void)state;
    UdpSocket s = open_tiny();
    overfill(&s, 500); /* the last ones are dropped, and nothing comes after them to tell of it */
    uint64_t received = settle(&s, 500, 0);
    uint64_t dropped = udp_socket_dropped(&s);
    assert_in_range(received, 1, 499);
    assert_int_equal(500, received + dropped);
    assert_int_equal(dropped, udp_socket_dropped(&s)); /* looking again counts nothing twice */

    overfill(&s, 300);
    received = settle(&s, 800, received);
    dropped = udp_socket_dropped(&s);
    assert_int_equal(800, received + dropped);
    overfill(&s, 100);
    int64_t since = clock_monotonic_ns();
    while (udp_socket_dropped(&s) == dropped)
        assert_true(udp_keep_waiting(since));
    uint64_t last = udp_socket_dropped(&s);
    udp_socket_close(&s);
    assert_true(udp_socket_dropped(&s) >= last); /* closing looks for the last time */
}

/* The kernel counts modulo 2^32. What is known is set as if the counter had wrapped before. */
static void test_the_counter_may_wrap(void **state)
{
    (void)state;
    UdpSocket s = open_tiny();
    overfill(&s, 200);
    uint64_t dropped = 200 - settle(&s, 200, 0);
    assert_int_equal(dropped, udp_socket_dropped(&s));
    assert_in_range(dropped, 1, 199);

    /* relaxed: one thread. */
    uint64_t known = (UINT64_C(5) << 32) - 3; /* three before the kernel's counter became 0 */
    atomic_store_explicit(&s.dropped, known, memory_order_relaxed);
    assert_int_equal((UINT64_C(5) << 32) + dropped, udp_socket_dropped(&s));
    assert_int_equal((UINT64_C(5) << 32) + dropped, udp_socket_dropped(&s));

    /* Somebody has looked later than we have: no wrap, and nothing is taken back. */
    known = (UINT64_C(7) << 32) + dropped + 10;
    atomic_store_explicit(&s.dropped, known, memory_order_relaxed);
    assert_int_equal(known, udp_socket_dropped(&s));
    udp_socket_close(&s);
    assert_int_equal(known, udp_socket_dropped(&s));
}

/* ---- from a service manager ---- */

static void test_adopt(void **state)
{
    (void)state;
    Address address = udp_address("127.0.0.1:0");
    int fd = udp_foreign(&address);
    assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
    UdpSocket s = {.fd = -1};
    assert_int_equal(0, udp_socket_adopt(&s, fd, 65536));
    assert_int_equal(fd, s.fd);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_int_equal(address_port(&address), address_port(&s.address));
    int before = s.receive_buffer_granted;
    assert_in_range(before, 2 * 65536, INT32_MAX);
    UdpSocket again = {.fd = -1}; /* one that asks for less than it has */
    assert_int_equal(0, udp_socket_adopt(&again, fd, 4096));
    assert_int_equal(before, again.receive_buffer_granted);
    udp_socket_close(&s);

    int pipes[2];
    assert_int_equal(0, pipe2(pipes, O_CLOEXEC));
    assert_int_equal(-ENOTSOCK, udp_socket_adopt(&again, pipes[0], 0));
    assert_int_equal(0, close(pipes[0])); /* still the caller's */
    close(pipes[1]);
    assert_int_equal(-EBADF, udp_socket_adopt(&again, pipes[0], 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_one_group_an_address),
        cmocka_unit_test(test_a_foreign_socket_is_noticed),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_a_group_shares_the_flows),
        cmocka_unit_test(test_ipv6_is_ipv6_only),
        cmocka_unit_test(test_more_than_the_kernel_can_count),
        cmocka_unit_test(test_every_drop_is_counted),
        cmocka_unit_test(test_the_counter_may_wrap),
        cmocka_unit_test(test_adopt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
