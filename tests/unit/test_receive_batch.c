#include "ingest/receive_batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixture_udp.h"
#include "ingest/udp_socket.h"

typedef struct {
    ReceiveBatch *batch;
    UdpSocket socket;
    int sender;
} Fixture;

static void open_at(Fixture *f, const char *text)
{
    Address address = udp_address(text);
    f->socket = (UdpSocket){.fd = -1};
    f->batch = calloc(1, sizeof *f->batch);
    assert_non_null(f->batch);
    receive_batch_init(f->batch);
    assert_int_equal(0, udp_socket_open(&f->socket, &address, true, 1 << 20));
    f->sender = udp_sender(&f->socket.address);
}

static void close_all(Fixture *f)
{
    close(f->sender);
    udp_socket_close(&f->socket);
    free(f->batch);
}

/* Waits for something to be there. => as receive_batch_fill() */
static int fill(Fixture *f)
{
    int64_t since = clock_monotonic_ns();
    int count;
    do {
        count = receive_batch_fill(f->batch, f->socket.fd);
    } while (count == -EAGAIN && udp_keep_waiting(since));
    return count;
}

static const char *bytes_of(const Fixture *f, int i)
{
    return f->batch->headers[i].msg_hdr.msg_iov->iov_base;
}

static void expect_source(const Fixture *f, int i, const Address *expected)
{
    char text[ADDRESS_TEXT_SIZE];
    char expected_text[ADDRESS_TEXT_SIZE];
    Address source;
    const struct msghdr *header = &f->batch->headers[i].msg_hdr;
    address_from_sockaddr(&source, header->msg_name, header->msg_namelen);
    assert_string_equal(address_format(expected, expected_text), address_format(&source, text));
}

static void test_nothing_there(void **state)
{
    (void)state;
    Fixture f;
    open_at(&f, "127.0.0.1:0");
    assert_int_equal(-EAGAIN, receive_batch_fill(f.batch, f.socket.fd));
    assert_int_equal(-EBADF, receive_batch_fill(f.batch, -1));
    for (int i = 0; i < RECEIVE_BATCH_SIZE; i++)
        assert_int_equal(RECEIVE_NONE, f.batch->headers[i].msg_len);
    close_all(&f);
}

static void send_filled(Fixture *f, char byte, size_t size)
{
    static char bytes[65507];
    memset(bytes, byte, size);
    udp_send(f->sender, bytes, size);
}

static void expect_filled(const Fixture *f, int i, char byte, size_t size)
{
    assert_int_equal(size, f->batch->headers[i].msg_len);
    for (size_t k = 0; k < size; k++)
        if (bytes_of(f, i)[k] != byte)
            fail_msg("byte %zu of %zu: expected %d, got %d", k, size, byte, bytes_of(f, i)[k]);
}

static void test_sizes(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,    1,     2,     127,   832,   833,   1432, 1473,
                                   4096, 16384, 65000, 65505, 65506, 65507, 0,    3};
    enum {
        COUNT = sizeof sizes / sizeof *sizes,
        SMALL = 9 /* together they fit any queue */
    };
    Fixture f;
    open_at(&f, "127.0.0.1:0");
    Address from = udp_local(f.sender);
    for (int i = 0; i < COUNT; i++) {
        send_filled(&f, (char)('a' + i), sizes[i]);
        assert_int_equal(1, fill(&f));
        expect_filled(&f, 0, (char)('a' + i), sizes[i]);
        expect_source(&f, 0, &from);
    }
    for (int i = 0; i < SMALL; i++)
        send_filled(&f, (char)('A' + i), sizes[i]);
    for (int i = 0; i < SMALL;) {
        int count = fill(&f);
        assert_in_range(count, 1, SMALL - i);
        for (int k = 0; k < count; k++, i++)
            expect_filled(&f, k, (char)('A' + i), sizes[i]);
    }
    close_all(&f);
}

/* Waits until this much is in the kernel's queue. */
static void wait_for_queue(Fixture *f, uint64_t least)
{
    int64_t since = clock_monotonic_ns();
    while (udp_socket_queued_bytes(&f->socket) < least)
        assert_true(udp_keep_waiting(since));
}

/* More than a batch: the rest stays, in order, and each call has the room for a whole address. */
static void test_more_than_a_batch(void **state)
{
    (void)state;
    enum {
        SENT = 3 * RECEIVE_BATCH_SIZE + 7
    };
    Fixture f;
    open_at(&f, "127.0.0.1:0");
    Address from = udp_local(f.sender);
    uint32_t number = 0;
    udp_send(f.sender, &number, sizeof number);
    wait_for_queue(&f, 1);
    uint64_t each = udp_socket_queued_bytes(&f.socket);
    for (number = 1; number < SENT; number++)
        udp_send(f.sender, &number, sizeof number);
    wait_for_queue(&f, each * SENT);
    uint32_t next = 0;
    int first = 0;
    while (next < SENT) {
        int count = fill(&f);
        assert_in_range(count, 1, RECEIVE_BATCH_SIZE);
        first = next == 0 ? count : first;
        for (int i = 0; i < count; i++, next++) {
            assert_int_equal(sizeof next, f.batch->headers[i].msg_len);
            assert_memory_equal(&next, bytes_of(&f, i), sizeof next);
            expect_source(&f, i, &from);
        }
        /* The lengths alone tell the number, once what was taken is cleared away. */
        for (int i = count; i < RECEIVE_BATCH_SIZE; i++)
            assert_int_equal(RECEIVE_NONE, f.batch->headers[i].msg_len);
        receive_batch_clear(f.batch, count);
    }
    assert_int_equal(RECEIVE_BATCH_SIZE, first);
    assert_int_equal(-EAGAIN, receive_batch_fill(f.batch, f.socket.fd));
    close_all(&f);
}

static void test_ipv6_sources(void **state)
{
    (void)state;
    if (!udp_has_ipv6())
        skip();
    Fixture f;
    open_at(&f, "[::1]:0");
    Address from = udp_local(f.sender);
    for (int round = 0; round < 3; round++) {
        udp_send(f.sender, "six", 3);
        assert_int_equal(1, fill(&f));
        expect_source(&f, 0, &from);
        assert_memory_equal("six", bytes_of(&f, 0), 3);
    }
    close_all(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_there),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_more_than_a_batch),
        cmocka_unit_test(test_ipv6_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
