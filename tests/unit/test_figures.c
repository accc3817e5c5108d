#include "ingest/figures.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture_udp.h"

enum {
    BOOTED_NS = 1000
};

/* A socket as a service manager holds it: small, so that it drops soon. */
static int held_socket(Address *address)
{
    int bytes = 4096;
    *address = udp_address("127.0.0.1:0");
    int fd = udp_foreign(address);
    assert_int_equal(0, setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes));
    return fd;
}

/* A process' pool on the socket; its threads do not run, so nothing is ever taken out. */
static Pool *open_pool(Registry *registry, int held)
{
    Pool *pool = NULL;
    int inherited = dup(held);
    const PoolOptions options = {.threads = 1, .inherited = &inherited, .inherited_count = 1};
    assert_true(inherited >= 0);
    assert_int_equal(0, pool_open(&pool, &options, registry));
    return pool;
}

static uint64_t dropped(const Pool *pool)
{
    IntakeCounts counts;
    pool_counts(pool, &counts);
    return counts.dropped_kernel;
}

/* Sends until so many more have been dropped. */
static void drop(const Pool *pool, const Address *address, uint64_t more)
{
    int fd = udp_sender(address);
    uint64_t enough = dropped(pool) + more;
    while (dropped(pool) < enough)
        udp_send(fd, "a:1|c", 5);
    assert_true(dropped(pool) == enough);
    close(fd);
}

static void test_drops_are_counted_once_over_processes(void **state)
{
    (void)state;
    Registry *registry;
    Address address;
    CheckpointFigures figures;
    int held = held_socket(&address);
    assert_int_equal(0, registry_create(&registry, 10));
    Pool *pool = open_pool(registry, held);
    const IntakeCounts before = {.datagrams = 100, .values = 200, .dropped_kernel = 1000};
    pool_add_counts(pool, &before);
    drop(pool, &address, 5);
    for (int64_t process = 1; process <= 3; process++) {
        figures_collect(pool, BOOTED_NS * process, &figures);
        assert_int_equal(1, figures.socket_count);
        assert_true(figures.sockets[0].cookie != 0);
        assert_int_equal(5 * process, figures.sockets[0].dropped);
        assert_int_equal(1000 + 5 * process, figures.intake.dropped_kernel);
        drop(pool, &address, 3); /* after the checkpoint, and before the process has ended */
        pool_close(pool);
        pool = open_pool(registry, held);
        figures_resume(pool, BOOTED_NS * process + 1, &figures);
        assert_int_equal(1000 + 5 * process + 3, dropped(pool));
        drop(pool, &address, 2);
        IntakeCounts counts;
        pool_counts(pool, &counts);
        assert_int_equal(100, counts.datagrams);
        assert_int_equal(200, counts.values);
    }
    pool_close(pool);
    registry_destroy(registry);
    close(held);
}

/* Another boot, or another socket: what was dropped then is not what this socket tells. */
static void test_another_sockets_drops_are_added(void **state)
{
    (void)state;
    Registry *registry;
    Address address;
    CheckpointFigures figures;
    int held = held_socket(&address);
    assert_int_equal(0, registry_create(&registry, 10));
    Pool *pool = open_pool(registry, held);
    drop(pool, &address, 5);
    figures_collect(pool, BOOTED_NS, &figures);
    pool_close(pool);

    pool = open_pool(registry, held); /* the same name after a boot */
    figures_resume(pool, BOOTED_NS - 1, &figures);
    assert_int_equal(5 + 5, dropped(pool));
    pool_close(pool);

    figures.sockets[0].cookie++;
    pool = open_pool(registry, held);
    figures_resume(pool, BOOTED_NS, &figures);
    assert_int_equal(5 + 5, dropped(pool));
    pool_close(pool);

    figures.sockets[0].cookie--;
    figures.sockets[0].dropped = figures.intake.dropped_kernel = 6; /* more than it tells now */
    pool = open_pool(registry, held);
    figures_resume(pool, BOOTED_NS, &figures);
    assert_int_equal(6 + 5, dropped(pool));
    pool_close(pool);
    registry_destroy(registry);
    close(held);
}

/* Its own sockets end with the process. */
static void test_own_sockets_begin_anew(void **state)
{
    (void)state;
    Registry *registry;
    CheckpointFigures figures;
    Address address = udp_address("127.0.0.1:0");
    const PoolOptions options = {
        .threads = 2, .udp = &address, .udp_count = 1, .receive_buffer_bytes = 4096};
    Pool *pool = NULL;
    assert_int_equal(0, registry_create(&registry, 10));
    for (uint64_t process = 1; process <= 2; process++) {
        PoolSocketInfo info;
        assert_int_equal(0, pool_open(&pool, &options, registry));
        if (process > 1)
            figures_resume(pool, BOOTED_NS, &figures);
        pool_socket_info(pool, 0, 0, &info);
        drop(pool, &info.address, 4);
        figures_collect(pool, BOOTED_NS, &figures);
        assert_int_equal(0, figures.socket_count);
        assert_int_equal(4 * process, figures.intake.dropped_kernel);
        pool_close(pool);
    }
    registry_destroy(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drops_are_counted_once_over_processes),
        cmocka_unit_test(test_another_sockets_drops_are_added),
        cmocka_unit_test(test_own_sockets_begin_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
