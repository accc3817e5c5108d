/* ingest/pool.h: sockets of its own, and those of a service manager. */
#include "ingest/pool.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture_pool.h"

static void test_open(void **state)
{
    (void)state;
    FixturePool f;
    Address address = udp_address("127.0.0.1:0");
    PoolOptions options = {
        .threads = 4, .udp = &address, .udp_count = 1, .receive_buffer_bytes = 65536};
    fixture_pool_open(&f, &options);
    IntakeCounts nothing = {0};
    IntakeCounts counts = fixture_pool_counts(&f);
    RejectRecord record;
    assert_int_equal(4, pool_thread_count(f.pool));
    assert_memory_equal(&nothing, &counts, sizeof counts);
    assert_int_equal(0, pool_stuck_ns(f.pool));
    assert_int_equal(0, pool_recent_rejected(f.pool, &record, 1));
    for (unsigned i = 0; i < 4; i++) {
        PoolSocketInfo info;
        pool_socket_info(f.pool, i, 0, &info);
        assert_int_equal(1, pool_socket_count(f.pool, i));
        assert_int_equal(address_port(&f.address), address_port(&info.address));
        assert_int_equal(65536, info.receive_buffer_asked);
        assert_int_equal(131072, info.receive_buffer_granted);
        assert_int_equal(0, info.datagrams + info.dropped + info.queued_bytes);
    }
    pool_report_buffers(f.pool);
    pool_stop(f.pool); /* never started */
    fixture_pool_close(&f);
    pool_close(NULL);
}

static void test_an_address_that_is_taken(void **state)
{
    (void)state;
    FixturePool f;
    fixture_pool_threads(&f, 2);
    Address two[2] = {udp_address("127.0.0.1:0"), f.address};
    PoolOptions options = {.threads = 2, .udp = two, .udp_count = 2};
    Pool *other = NULL;
    assert_int_equal(-EADDRINUSE, pool_open(&other, &options, f.registry));
    assert_null(other);
    options.udp_count = 1; /* what it had opened already is closed again */
    two[0] = f.address;
    fixture_pool_close(&f);
    assert_int_equal(0, registry_create(&f.registry, 10));
    assert_int_equal(0, pool_open(&f.pool, &options, f.registry));
    fixture_pool_close(&f);
}

static void test_several_addresses(void **state)
{
    (void)state;
    if (!udp_has_ipv6())
        skip();
    FixturePool f;
    Address addresses[3] = {udp_address("127.0.0.1:0"), udp_address("[::1]:0"),
                            udp_address("127.0.0.1:0")};
    PoolOptions options = {.threads = 2, .udp = addresses, .udp_count = 3};
    fixture_pool_open(&f, &options);
    assert_int_equal(0, pool_start(f.pool));
    for (size_t i = 0; i < 3; i++) {
        PoolSocketInfo info;
        pool_socket_info(f.pool, 1, i, &info);
        assert_int_equal(addresses[i].storage.ss_family, info.address.storage.ss_family);
        int sender = udp_sender(&info.address);
        udp_send(sender, "a:1|c", 5);
        fixture_pool_wait(&f, i + 1);
        close(sender);
    }
    assert_int_equal(3, fixture_pool_counter(&f));
    fixture_pool_close(&f);
}

/* ---- inherited ---- */

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void expect_received(const Pool *pool, const Address *to, uint64_t lines)
{
    IntakeCounts counts;
    int64_t since = clock_monotonic_ns();
    int sender = udp_sender(to);
    udp_send(sender, "a:1|c", 5);
    do {
        pool_counts(pool, &counts);
    } while (counts.lines < lines && udp_keep_waiting(since));
    assert_int_equal(lines, counts.lines);
    close(sender);
}

static void test_they_are_dealt_out(void **state)
{
    (void)state;
    Registry *registry;
    Pool *pool;
    Address addresses[3];
    int fds[3];
    for (int i = 0; i < 3; i++) {
        addresses[i] = udp_address("127.0.0.1:0");
        fds[i] = udp_foreign(&addresses[i]);
    }
    PoolOptions options = {.threads = 2, .inherited = fds, .inherited_count = 3};
    assert_int_equal(0, registry_create(&registry, 10));
    assert_int_equal(0, pool_open(&pool, &options, registry));
    assert_int_equal(2, pool_thread_count(pool));
    assert_int_equal(2, pool_socket_count(pool, 0));
    assert_int_equal(1, pool_socket_count(pool, 1));
    PoolSocketInfo info;
    pool_socket_info(pool, 0, 1, &info);
    assert_int_equal(address_port(&addresses[2]), address_port(&info.address));
    assert_int_equal(0, pool_start(pool));
    for (int i = 0; i < 3; i++)
        expect_received(pool, &addresses[i], (uint64_t)i + 1);
    pool_close(pool);
    for (int i = 0; i < 3; i++)
        assert_false(is_open(fds[i]));
    registry_destroy(registry);
}

static void test_no_thread_without_a_socket(void **state)
{
    (void)state;
    Registry *registry;
    Pool *pool;
    Address address = udp_address("127.0.0.1:0");
    int fd = udp_foreign(&address);
    PoolOptions options = {.threads = 8, .inherited = &fd, .inherited_count = 1};
    assert_int_equal(0, registry_create(&registry, 10));
    assert_int_equal(0, pool_open(&pool, &options, registry));
    assert_int_equal(1, pool_thread_count(pool));
    assert_int_equal(0, pool_start(pool));
    expect_received(pool, &address, 1);
    pool_close(pool);
    registry_destroy(registry);
}

/* One that is no socket: nothing is opened, and all that was handed over is closed. */
static void test_one_that_is_no_socket(void **state)
{
    (void)state;
    Registry *registry;
    Pool *pool = NULL;
    Address address[2] = {udp_address("127.0.0.1:0"), udp_address("127.0.0.1:0")};
    int pipes[2];
    assert_int_equal(0, pipe2(pipes, O_CLOEXEC));
    int fds[3] = {udp_foreign(&address[0]), pipes[0], udp_foreign(&address[1])};
    PoolOptions options = {.threads = 1, .inherited = fds, .inherited_count = 3};
    assert_int_equal(0, registry_create(&registry, 10));
    assert_int_equal(-ENOTSOCK, pool_open(&pool, &options, registry));
    assert_null(pool);
    for (int i = 0; i < 3; i++)
        assert_false(is_open(fds[i]));
    close(pipes[1]);
    registry_destroy(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_an_address_that_is_taken),
        cmocka_unit_test(test_several_addresses),
        cmocka_unit_test(test_they_are_dealt_out),
        cmocka_unit_test(test_no_thread_without_a_socket),
        cmocka_unit_test(test_one_that_is_no_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
