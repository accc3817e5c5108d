/* ingest/pool_sockets.h, and what ingest/pool_report.h says of them: Unix sockets and TCP. */
#include "ingest/pool_sockets.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "fixture_pool.h"
#include "fixture_tcp.h"

typedef struct {
    FixturePool pool;
    char folder[32];
    char path[64];
    Address udp;
    Address tcp;
} Bench;

static int setup(void **state)
{
    Bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    (void)snprintf(b->folder, sizeof b->folder, "/tmp/pool-sockets-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    (void)snprintf(b->path, sizeof b->path, "%s/values.sock", b->folder);
    b->udp = udp_address("127.0.0.1:0");
    b->tcp = udp_address("127.0.0.1:0");
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    Bench *b = *state;
    assert_int_equal(0, rmdir(b->folder));
    free(b);
    return 0;
}

static struct sockaddr_un address_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    return address;
}

static int unix_sender(const char *path)
{
    struct sockaddr_un address = address_at(path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, connect(fd, (struct sockaddr *)&address, sizeof address));
    return fd;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static PoolOptions one_of_each(const Bench *b, unsigned threads, unsigned most_connections)
{
    return (PoolOptions){.threads = threads,
                         .udp = &b->udp,
                         .udp_count = 1,
                         .unix_name = b->path,
                         .unix_mode = 0600,
                         .tcp = &b->tcp,
                         .tcp_count = 1,
                         .tcp_max_connections = most_connections};
}

static void test_all_of_our_own(void **state)
{
    Bench *b = *state;
    PoolOptions options = one_of_each(b, 3, 7);
    assert_int_equal(3, pool_sockets_threads(&options));
    fixture_pool_open(&b->pool, &options);
    Pool *pool = b->pool.pool;
    PoolTcpFigures figures;
    PoolSocketInfo info;
    assert_int_equal(2, pool_socket_count(pool, 0));
    assert_int_equal(1, pool_socket_count(pool, 1));
    pool_socket_info(pool, 0, 0, &info);
    assert_int_equal(TRANSPORT_UDP, info.transport);
    assert_memory_equal("127.0.0.1:", info.name, 10);
    pool_socket_info(pool, 0, 1, &info);
    assert_int_equal(TRANSPORT_UNIX, info.transport);
    assert_string_equal(b->path, info.name);
    Address at = *pool_listener_info(pool, 0, 0, &figures);
    for (unsigned t = 0; t < 3; t++) {
        assert_int_equal(1, pool_listener_count(pool, t));
        assert_int_equal(address_port(&at), address_port(pool_listener_info(pool, t, 0, &figures)));
    }
    assert_int_equal(0, pool_start(pool));
    int sender = unix_sender(b->path);
    assert_int_equal(5, send(sender, "a:1|c", 5, 0));
    fixture_pool_wait(&b->pool, 1);
    int clients[6];
    for (int i = 0; i < 6; i++) {
        clients[i] = tcp_connect(&at);
        tcp_send(clients[i], "a:1|c\n", 6);
        fixture_pool_wait(&b->pool, 2 + (uint64_t)i);
    }
    assert_int_equal(7, pool_tcp_figures(pool, &figures));
    assert_int_equal(6, figures.connections);
    assert_int_equal(6, figures.accepted);
    assert_int_equal(0, figures.refused + figures.crowded_out);
    assert_int_equal(36, figures.bytes);
    pool_socket_info(pool, 0, 1, &info);
    assert_int_equal(1, info.datagrams);
    assert_int_equal(0, info.dropped + info.queued_bytes);
    assert_int_equal(1, fixture_pool_counts(&b->pool).datagrams);
    assert_int_equal(7, fixture_pool_counter(&b->pool));
    pool_report_buffers(pool);
    tcp_send(clients[0], "a:1|c\n", 6);
    assert_int_equal(5, send(sender, "a:1|c", 5, 0));
    pool_stop(pool); /* what was sent before is in */
    assert_int_equal(9, fixture_pool_counter(&b->pool));
    fixture_pool_close(&b->pool);
    close(sender);
    for (int i = 0; i < 6; i++)
        close(clients[i]);
}

/* More connections than there may be in all, whatever thread they come to. */
static void test_the_limit_is_for_all_threads(void **state)
{
    Bench *b = *state;
    PoolOptions options = {.threads = 4,
                           .udp = &b->udp,
                           .udp_count = 1,
                           .tcp = &b->tcp,
                           .tcp_count = 1,
                           .tcp_max_connections = 5};
    fixture_pool_open(&b->pool, &options);
    PoolTcpFigures figures;
    Address at = *pool_listener_info(b->pool.pool, 0, 0, &figures);
    assert_int_equal(0, pool_start(b->pool.pool));
    enum {
        CLIENTS = 40
    };
    int clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = tcp_connect(&at);
    int64_t since = clock_monotonic_ns();
    do {
        (void)pool_tcp_figures(b->pool.pool, &figures);
    } while (figures.accepted + figures.refused < CLIENTS && udp_keep_waiting(since));
    assert_int_equal(5, figures.accepted);
    assert_int_equal(5, figures.connections);
    assert_int_equal(CLIENTS - 5, figures.refused);
    fixture_pool_close(&b->pool);
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
}

static void test_handed_over(void **state)
{
    Bench *b = *state;
    struct sockaddr_un path = address_at(b->path);
    int local = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, bind(local, (struct sockaddr *)&path, sizeof path));
    int tcp[3];
    Address at[3];
    for (int i = 0; i < 3; i++) {
        tcp[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(0, listen(tcp[i], 10));
        char text[ADDRESS_TEXT_SIZE];
        Address any = udp_local(tcp[i]);
        (void)snprintf(text, sizeof text, "127.0.0.1:%u", address_port(&any));
        at[i] = udp_address(text);
    }
    PoolOptions options = {.threads = 2,
                           .udp = &b->udp,
                           .udp_count = 1,
                           .unix_name = "/nowhere/at/all", /* neither is used */
                           .inherited_unix = &local,
                           .inherited_unix_count = 1,
                           .tcp = at,
                           .tcp_count = 1,
                           .inherited_tcp = tcp,
                           .inherited_tcp_count = 3,
                           .tcp_max_connections = 10};
    fixture_pool_open(&b->pool, &options);
    Pool *pool = b->pool.pool;
    assert_int_equal(2, pool_thread_count(pool));
    assert_int_equal(2, pool_listener_count(pool, 0));
    assert_int_equal(1, pool_listener_count(pool, 1));
    assert_int_equal(2, pool_socket_count(pool, 0));
    pool_report_buffers(pool); /* UDP is not a thread's first socket here */
    assert_int_equal(0, pool_start(pool));
    int sender = unix_sender(b->path);
    assert_int_equal(5, send(sender, "a:1|c", 5, 0));
    for (int i = 0; i < 3; i++) {
        int client = tcp_connect(&at[i]);
        tcp_send(client, "a:1|c", 5);
        close(client);
    }
    fixture_pool_wait(&b->pool, 4);
    fixture_pool_close(&b->pool);
    assert_false(is_open(local));
    for (int i = 0; i < 3; i++)
        assert_false(is_open(tcp[i]));
    close(sender);
    assert_int_equal(0, unlink(b->path)); /* the manager's stays */
}

/* Whichever kind is not usable: nothing is opened, and all that was handed over is closed. */
static void test_one_that_is_of_no_use(void **state)
{
    Bench *b = *state;
    for (int wrong = 0; wrong < 3; wrong++) {
        int fds[3];
        Address udp = b->udp;
        int pair[2];
        assert_int_equal(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair));
        fds[0] = udp_foreign(&udp);
        fds[1] = pair[0];
        fds[2] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(0, listen(fds[2], 1));
        close(fds[wrong]);
        assert_int_equal(fds[wrong], open("/dev/null", O_RDONLY | O_CLOEXEC));
        PoolOptions options = {.threads = 1,
                               .inherited = &fds[0],
                               .inherited_count = 1,
                               .inherited_unix = &fds[1],
                               .inherited_unix_count = 1,
                               .inherited_tcp = &fds[2],
                               .inherited_tcp_count = 1,
                               .tcp_max_connections = 1};
        Registry *registry;
        Pool *pool = NULL;
        assert_int_equal(0, registry_create(&registry, 10));
        assert_int_equal(-ENOTSOCK, pool_open(&pool, &options, registry));
        assert_null(pool);
        for (int i = 0; i < 3; i++)
            assert_false(is_open(fds[i]));
        close(pair[1]);
        registry_destroy(registry);
    }
}

static void test_what_is_taken(void **state)
{
    Bench *b = *state;
    PoolOptions options = one_of_each(b, 2, 1);
    fixture_pool_open(&b->pool, &options);
    PoolTcpFigures unused;
    Pool *other = NULL;
    Registry *registry;
    Address at = *pool_listener_info(b->pool.pool, 0, 0, &unused);
    options.tcp = &at;
    options.unix_name = "";
    assert_int_equal(0, registry_create(&registry, 10));
    assert_int_equal(-EADDRINUSE, pool_open(&other, &options, registry));
    options.tcp_count = 0;
    options.unix_name = b->path;
    assert_int_equal(-EADDRINUSE, pool_open(&other, &options, registry));
    assert_null(other);
    registry_destroy(registry);
    fixture_pool_close(&b->pool);
}

static void test_threads(void **state)
{
    (void)state;
    const PoolOptions own = {.threads = 8, .udp_count = 1};
    const PoolOptions udp = {.threads = 8, .inherited_count = 2};
    const PoolOptions more = {
        .threads = 8, .inherited_count = 2, .inherited_unix_count = 1, .inherited_tcp_count = 4};
    const PoolOptions tcp = {.threads = 8, .inherited_count = 2, .tcp_count = 1};
    const PoolOptions enough = {.threads = 8, .inherited_count = 2, .inherited_unix_count = 9};
    const PoolOptions no_udp = {.threads = 8, .udp_count = 1, .inherited_tcp_count = 1};
    assert_int_equal(8, pool_sockets_threads(&own));
    assert_int_equal(2, pool_sockets_threads(&udp));
    assert_int_equal(4, pool_sockets_threads(&more));
    assert_int_equal(8, pool_sockets_threads(&tcp)); /* each listens */
    assert_int_equal(8, pool_sockets_threads(&enough));
    assert_int_equal(8, pool_sockets_threads(&no_udp));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_of_our_own, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_limit_is_for_all_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_that_is_of_no_use, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_taken, setup, teardown),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
