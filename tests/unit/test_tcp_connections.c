/* ingest/tcp_connections.h and tcp_listener.h: a loop with a listening socket, run by hand. */
#include "ingest/tcp_connections.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fixture_pipeline.h"
#include "fixture_tcp.h"
#include "ingest/stream_lines.h"
#include "ingest/tcp_listener.h"
#include "ingest/tcp_socket.h"

#define PATIENCE_NS INT64_C(60000000000)

typedef struct {
    FixturePipeline *pipeline;
    Arena memory;
    Hand *hand;
    IntakeCounters counters;
    Receiver receiver;
    uv_loop_t loop;
    TcpLimit limit;
    TcpConnections connections;
    TcpListener listener;
    int between; /* how often it was called */
} Bench;

static void count_between(void *data)
{
    ((Bench *)data)->between++;
}

static int setup(void **state)
{
    Bench *b = aligned_alloc(_Alignof(Bench), sizeof *b);
    Address any = tcp_address("127.0.0.1:0");
    assert_non_null(b);
    memset(b, 0, sizeof *b);
    b->pipeline = fixture_pipeline_create(100, false);
    assert_int_equal(0, hand_open(NULL, &b->memory, &b->hand));
    pipeline_set_ledger(&b->pipeline->pipeline, &b->hand->ledger);
    b->receiver = (Receiver){b->hand, &b->pipeline->pipeline, &b->counters};
    b->limit.most = 1000;
    assert_int_equal(0, uv_loop_init(&b->loop));
    b->connections = (TcpConnections){.loop = &b->loop,
                                      .receiver = &b->receiver,
                                      .limit = &b->limit,
                                      .silent_ms = TCP_SILENT_MS,
                                      .between = count_between,
                                      .data = b};
    b->listener.own = true;
    b->listener.fd = tcp_socket_open(&any, true, &b->listener.address);
    assert_true(b->listener.fd >= 0);
    assert_int_equal(0, tcp_listener_start(&b->listener, &b->connections));
    *state = b;
    return 0;
}

static void stop(Bench *b)
{
    if (b->listener.fd < 0)
        return;
    tcp_listener_drain(&b->listener);
    tcp_connections_drain(&b->connections);
    (void)uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(0, uv_loop_close(&b->loop)); /* no handle is left */
    tcp_listener_close(&b->listener);
}

static int teardown(void **state)
{
    Bench *b = *state;
    stop(b);
    fixture_pipeline_destroy(b->pipeline);
    arena_fini(&b->memory);
    free(b);
    return 0;
}

static uint64_t figure(const _Atomic uint64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed); /* relaxed: one thread */
}

/* Runs the loop until the figure is as expected. */
static void run_until(Bench *b, const _Atomic uint64_t *number, uint64_t expected)
{
    int64_t since = clock_monotonic_ns();
    while (figure(number) != expected) {
        (void)uv_run(&b->loop, UV_RUN_NOWAIT);
        if (clock_monotonic_ns() - since > PATIENCE_NS)
            fail_msg("expected %llu, got %llu", (unsigned long long)expected,
                     (unsigned long long)figure(number));
    }
}

static int connect_and_run(Bench *b)
{
    uint64_t before = figure(&b->listener.figures.accepted);
    int client = tcp_connect(&b->listener.address);
    assert_true(client >= 0);
    run_until(b, &b->listener.figures.accepted, before + 1);
    return client;
}

static void send_and_run(Bench *b, int client, const char *text)
{
    uint64_t before = figure(&b->listener.figures.bytes);
    tcp_send(client, text, strlen(text));
    run_until(b, &b->listener.figures.bytes, before + strlen(text));
}

/* => whether the other side has closed, or cut, the connection. */
static bool is_closed(int client)
{
    char byte;
    return recv(client, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
}

static void test_a_byte_at_a_time(void **state)
{
    Bench *b = *state;
    static const char text[] = "a:1|c\r\n\na:2|c\na:x|c\na:4|c";
    int client = connect_and_run(b);
    for (const char *at = text; *at != '\0'; at++) {
        char one[2] = {*at, '\0'};
        send_and_run(b, client, one);
    }
    assert_int_equal(3, fixture_pipeline_counter(b->pipeline, "a"));
    close(client);
    run_until(b, &b->listener.figures.connections, 0);
    assert_int_equal(7, fixture_pipeline_counter(b->pipeline, "a"));
    assert_int_equal(0,
                     atomic_load_explicit(&b->limit.open, memory_order_relaxed)); /* one thread */
    IntakeCounts counts;
    intake_counters_read(&b->counters, &counts);
    assert_int_equal(sizeof text - 1, counts.bytes);
    assert_int_equal(0, counts.datagrams);
    assert_int_equal(1, counts.rejected[REJECT_BAD_VALUE]);
}

/* What was whole counts, what was not is nothing. */
static void test_a_reset(void **state)
{
    Bench *b = *state;
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    int client = connect_and_run(b);
    assert_int_equal(0, setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
    tcp_send(client, "a:1|c\na:2|c", 11);
    close(client);
    run_until(b, &b->listener.figures.connections, 0);
    uint64_t bytes = figure(&b->listener.figures.bytes);
    assert_true(bytes == 0 || bytes == 11); /* a reset takes away what has not been read */
    if (bytes == 11)
        assert_int_equal(1, fixture_pipeline_counter(b->pipeline, "a"));
    client = connect_and_run(b);
    assert_int_equal(0, setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
    send_and_run(b, client, "b:1|c\nb:2|c");
    close(client);
    run_until(b, &b->listener.figures.connections, 0);
    assert_int_equal(1, fixture_pipeline_counter(b->pipeline, "b"));
}

static void test_one_without_end_among_others(void **state)
{
    Bench *b = *state;
    char text[6001];
    memset(text, 'x', 6000);
    text[6000] = '\0';
    int endless = connect_and_run(b);
    int other = connect_and_run(b);
    for (int i = 0; i < 1000; i++) {
        send_and_run(b, endless, text);
        if (i % 100 == 0)
            send_and_run(b, other, "a:1|c\n");
    }
    IntakeCounts counts;
    intake_counters_read(&b->counters, &counts);
    assert_int_equal(10, fixture_pipeline_counter(b->pipeline, "a"));
    assert_int_equal(1, counts.rejected[REJECT_TOO_LONG]);
    assert_int_equal(11, counts.lines);
    assert_int_equal(5, b->between); /* after each MiB */
    close(endless);
    close(other);
}

static void test_no_place_for_one_more(void **state)
{
    Bench *b = *state;
    int clients[3];
    b->limit.most = 3;
    for (int i = 0; i < 3; i++)
        clients[i] = connect_and_run(b);
    int more = tcp_connect(&b->listener.address);
    run_until(b, &b->listener.figures.refused, 1);
    assert_true(is_closed(more));
    close(more);
    for (int i = 0; i < 3; i++)
        send_and_run(b, clients[i], "a:1|c\n");
    assert_int_equal(3, figure(&b->listener.figures.accepted));
    close(clients[0]);
    run_until(b, &b->listener.figures.connections, 2);
    more = connect_and_run(b);
    send_and_run(b, more, "a:1|c\n");
    assert_int_equal(4, fixture_pipeline_counter(b->pipeline, "a"));
    close(clients[1]);
    close(clients[2]);
    close(more);
}

/* The one that has been silent longest goes, if it has been so for long enough. */
static void test_the_longest_silent_one_goes(void **state)
{
    Bench *b = *state;
    int clients[4];
    b->limit.most = 3;
    b->connections.silent_ms = 0;
    for (int i = 0; i < 3; i++)
        clients[i] = connect_and_run(b);
    send_and_run(b, clients[0], "a:1|c\nhalf a li");
    send_and_run(b, clients[2], "a:1|c\n");
    clients[3] = connect_and_run(b);
    assert_int_equal(1, figure(&b->listener.figures.crowded_out));
    assert_true(is_closed(clients[1]));
    assert_false(is_closed(clients[0]));
    close(clients[1]);
    clients[1] = connect_and_run(b); /* and now the first, with what it has kept */
    assert_true(is_closed(clients[0]));
    assert_false(is_closed(clients[2]));
    assert_false(is_closed(clients[3]));
    assert_int_equal(2, figure(&b->listener.figures.crowded_out));
    assert_int_equal(0, figure(&b->listener.figures.refused));
    assert_int_equal(3, figure(&b->listener.figures.connections));
    for (int i = 0; i < 4; i++)
        close(clients[i]);
}

/* What has come before the end is in, from those that nobody has accepted yet, too. */
static void test_drained(void **state)
{
    Bench *b = *state;
    int open = connect_and_run(b);
    send_and_run(b, open, "a:1|");
    tcp_send(open, "c\na:2|c\na:4", 11); /* it may have more to say */
    int ended = tcp_connect(&b->listener.address);
    tcp_send(ended, "b:1|c\nb:2|c", 11);
    assert_int_equal(0, shutdown(ended, SHUT_WR));
    uv_update_time(&b->loop);
    stop(b);
    assert_int_equal(3, fixture_pipeline_counter(b->pipeline, "a"));
    assert_int_equal(3, fixture_pipeline_counter(b->pipeline, "b"));
    assert_int_equal(2, figure(&b->listener.figures.accepted));
    assert_int_equal(0, figure(&b->listener.figures.connections));
    close(open);
    close(ended);
}

/* Those who wait at a service manager's socket go on waiting. */
static void test_one_that_was_handed_over(void **state)
{
    Bench *b = *state;
    b->listener.own = false;
    int keeps = dup(b->listener.fd);
    int client = tcp_connect(&b->listener.address);
    tcp_send(client, "a:1|c\n", 6);
    stop(b);
    assert_int_equal(0, figure(&b->listener.figures.accepted));
    struct sockaddr_in6 peer;
    int connection = tcp_socket_accept(keeps, &peer);
    assert_true(connection >= 0);
    char text[8];
    assert_int_equal(6, recv(connection, text, sizeof text, 0));
    close(connection);
    close(client);
    close(keeps);
}

/* Without a descriptor it pauses, and does not spin; with one it goes on. */
static void test_no_descriptor(void **state)
{
    Bench *b = *state;
    struct rlimit usual;
    int first = connect_and_run(b);
    int client = tcp_connect(&b->listener.address);
    int next = dup(client);
    close(next);
    assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &usual));
    struct rlimit few = {(rlim_t)next, usual.rlim_max};
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &few));
    int64_t since = clock_monotonic_ns();
    while (!uv_is_active((uv_handle_t *)&b->listener.pause)) {
        (void)uv_run(&b->loop, UV_RUN_NOWAIT);
        assert_true(clock_monotonic_ns() - since < PATIENCE_NS);
    }
    assert_false(uv_is_active((uv_handle_t *)&b->listener.poll));
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &usual));
    send_and_run(b, first, "a:1|c\n"); /* the others go on meanwhile */
    run_until(b, &b->listener.figures.accepted, 2);
    send_and_run(b, client, "a:1|c\n");
    assert_int_equal(2, fixture_pipeline_counter(b->pipeline, "a"));
    close(client);
    close(first);
}

/* A socket that can never accept: it is left alone. */
static void test_a_broken_listener(void **state)
{
    Bench *b = *state;
    int pair[2];
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
    assert_int_equal(1, send(pair[0], "x", 1, 0));
    TcpListener broken = {.fd = pair[1], .own = true};
    assert_int_equal(0, tcp_listener_start(&broken, &b->connections));
    for (int i = 0; i < 200; i++)
        (void)uv_run(&b->loop, UV_RUN_NOWAIT);
    assert_int_equal(100, broken.errors);
    assert_false(uv_is_active((uv_handle_t *)&broken.poll));
    tcp_listener_drain(&broken);
    (void)uv_run(&b->loop, UV_RUN_NOWAIT);
    tcp_listener_close(&broken);
    close(pair[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_byte_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_without_end_among_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_place_for_one_more, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_longest_silent_one_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drained, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_that_was_handed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_descriptor, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_broken_listener, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
