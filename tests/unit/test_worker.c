#include "ingest/worker.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixture_udp.h"

typedef struct {
    Registry *registry;
    Worker *worker;
} Fixture;

static int setup(void **state)
{
    Fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(0, registry_create(&f->registry, 100));
    f->worker = aligned_alloc(_Alignof(Worker), sizeof *f->worker);
    assert_non_null(f->worker);
    assert_int_equal(0, worker_init(f->worker, 3, f->registry, false));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    worker_fini(f->worker);
    free(f->worker);
    registry_destroy(f->registry);
    free(f);
    return 0;
}

static WorkerSocket *add_socket(Worker *w, int receive_buffer)
{
    Address address = udp_address("127.0.0.1:0");
    WorkerSocket *s = worker_next_socket(w);
    assert_non_null(s);
    assert_int_equal(0, udp_socket_open(&s->udp, &address, true, receive_buffer));
    w->socket_count++;
    return s;
}

static void wait_for_answer(const Worker *w)
{
    int64_t since = clock_monotonic_ns();
    while (worker_stuck_ns(w, clock_monotonic_ns()) != 0)
        assert_true(udp_keep_waiting(since));
}

static void wait_for_lines(const Worker *w, uint64_t lines)
{
    int64_t since = clock_monotonic_ns();
    IntakeCounts counts;
    do {
        intake_counters_read(&w->counters, &counts);
    } while (counts.lines < lines && udp_keep_waiting(since));
    assert_int_equal(lines, counts.lines);
}

static void stop(Worker *w)
{
    worker_stop(w);
    worker_join(w);
}

static void test_made_and_never_started(void **state)
{
    Worker *w = ((Fixture *)*state)->worker;
    assert_int_equal(3, w->number);
    assert_int_equal(0, worker_stuck_ns(w, 1000));
    worker_stop(w);
    worker_join(w);
}

static void test_as_many_sockets_as_it_may_have(void **state)
{
    Worker *w = ((Fixture *)*state)->worker;
    for (int i = 0; i < WORKER_MAX_SOCKETS; i++) {
        WorkerSocket *s = worker_next_socket(w);
        assert_ptr_equal(s, worker_next_socket(w)); /* it does not count before it is open */
        assert_int_equal(-1, s->udp.fd);
        assert_ptr_equal(w, s->worker);
        w->socket_count++;
    }
    assert_null(worker_next_socket(w));
}

static void test_one_that_does_not_answer_is_stuck(void **state)
{
    Worker *w = ((Fixture *)*state)->worker;
    worker_ping(w, 1000);
    assert_int_equal(1, worker_stuck_ns(w, 1000)); /* an answer is owed from the first moment on */
    assert_int_equal(1, worker_stuck_ns(w, 900));
    assert_int_equal(4000, worker_stuck_ns(w, 5000));
    worker_ping(w, 5000); /* not a new one: the first is not answered yet */
    assert_int_equal(6000, worker_stuck_ns(w, 7000));
    assert_int_equal(0, worker_start(w));
    wait_for_answer(w);
    assert_int_equal(0, worker_stuck_ns(w, INT64_MAX));
    stop(w);
}

static void test_pings_are_answered(void **state)
{
    Worker *w = ((Fixture *)*state)->worker;
    assert_int_equal(0, worker_start(w));
    for (uint64_t i = 1; i <= 1000; i++) {
        worker_ping(w, clock_monotonic_ns());
        wait_for_answer(w);
        /* relaxed: written by this thread alone. */
        assert_int_equal(i, atomic_load_explicit(&w->ping, memory_order_relaxed));
    }
    stop(w);
    stop(w);
}

static void test_each_socket_is_received_from(void **state)
{
    Worker *w = ((Fixture *)*state)->worker;
    WorkerSocket *one = add_socket(w, 0);
    WorkerSocket *two = add_socket(w, 0);
    int to_one = udp_sender(&one->udp.address);
    int to_two = udp_sender(&two->udp.address);
    assert_int_equal(0, worker_start(w));
    for (uint64_t i = 1; i <= 100; i++) {
        udp_send(to_one, "a:1|c\na:2|c", 11);
        udp_send(to_two, "b:1|c", 5);
        wait_for_lines(w, 3 * i);
    }
    stop(w);
    /* relaxed: its thread has ended. */
    assert_int_equal(100, atomic_load_explicit(&one->udp.datagrams, memory_order_relaxed));
    assert_int_equal(100, atomic_load_explicit(&two->udp.datagrams, memory_order_relaxed));
    IntakeCounts counts;
    intake_counters_read(&w->counters, &counts);
    assert_int_equal(200, counts.datagrams);
    assert_int_equal(300, counts.values);
    assert_int_equal(1600, counts.bytes);
    close(to_one);
    close(to_two);
}

static int64_t waited_ns(const Worker *w)
{
    /* relaxed: a figure. */
    return atomic_load_explicit(&w->pace.waited_ns, memory_order_relaxed);
}

/* Each of a few datagrams is taken at once, however close together they come. */
static void test_sparse_traffic_never_waits(void **state)
{
    Worker *w = ((Fixture *)*state)->worker;
    int sender = udp_sender(&add_socket(w, 0)->udp.address);
    assert_int_equal(0, worker_start(w));
    for (uint64_t i = 1; i <= 300; i++) {
        udp_send(sender, "a:1|c", 5);
        wait_for_lines(w, i);
    }
    stop(w);
    assert_int_equal(0, waited_ns(w));
    close(sender);
}

/* It waits then, and still answers, loses nothing, and stops. */
static void test_dense_traffic(void **state)
{
    Worker *w = ((Fixture *)*state)->worker;
    enum {
        SOCKETS = 3,
        GROUP = 200 /* a buffer holds it, also where net.core.rmem_max is small */
    };
    int senders[SOCKETS];
    for (int i = 0; i < SOCKETS; i++)
        senders[i] = udp_sender(&add_socket(w, 1 << 20)->udp.address);
    assert_int_equal(0, worker_start(w));
    int64_t since = clock_monotonic_ns();
    for (uint64_t sent = 0; waited_ns(w) < 20 * PACE_WAIT_NS;) {
        worker_ping(w, 1);
        for (int i = 0; i < SOCKETS * GROUP; i++)
            udp_send(senders[i % SOCKETS], "a:1|c", 5);
        wait_for_lines(w, sent += (uint64_t)SOCKETS * GROUP);
        udp_send(senders[0], "a:1|c", 5); /* a few, and then nothing */
        wait_for_lines(w, sent += 1);
        wait_for_answer(w);
        assert_true(udp_keep_waiting(since));
    }
    stop(w);
    for (int i = 0; i < SOCKETS; i++) {
        assert_int_equal(0, udp_socket_dropped(&w->sockets[i].udp));
        close(senders[i]);
    }
}

/* A buffer that could overflow meanwhile: no traffic makes the thread wait. */
static void test_a_small_buffer_never_waits(void **state)
{
    Worker *w = ((Fixture *)*state)->worker;
    UdpSocket *s = &add_socket(w, 65536)->udp;
    int sender = udp_sender(&s->address);
    assert_int_equal(0, worker_start(w));
    assert_int_equal(0, w->pace.longest_ns);
    for (uint64_t i = 1; i <= 1000; i++) {
        for (int k = 0; k < 32; k++)
            udp_send(sender, "a:1|c", 5);
        wait_for_lines(w, 32 * i);
    }
    stop(w);
    assert_int_equal(0, waited_ns(w));
    close(sender);
}

static void wait_for_queue(const UdpSocket *s, uint64_t least)
{
    int64_t since = clock_monotonic_ns();
    while (udp_socket_queued_bytes(s) < least)
        assert_true(udp_keep_waiting(since));
}

/* What came before the order to stop is recorded, from all sockets. */
static void test_it_drains_before_it_ends(void **state)
{
    Worker *w = ((Fixture *)*state)->worker;
    enum {
        EACH = 200
    };
    for (int i = 0; i < 3; i++) {
        const UdpSocket *s = &add_socket(w, 0)->udp;
        int sender = udp_sender(&s->address);
        udp_send(sender, "a:1|c", 5);
        wait_for_queue(s, 1);
        uint64_t one = udp_socket_queued_bytes(s);
        for (int k = 1; k < EACH; k++)
            udp_send(sender, "a:1|c", 5);
        wait_for_queue(s, one * EACH);
        close(sender);
    }
    assert_int_equal(0, worker_start(w));
    stop(w);
    wait_for_lines(w, (uint64_t)3 * EACH);
}

static void test_drops_are_noticed(void **state)
{
    Worker *w = ((Fixture *)*state)->worker;
    UdpSocket *s = &add_socket(w, 4096)->udp;
    int sender = udp_sender(&s->address);
    for (int i = 0; i < 100; i++)
        udp_send(sender, "a:1|c", 5);
    int64_t since = clock_monotonic_ns();
    while (udp_socket_dropped(s) == 0)
        assert_true(udp_keep_waiting(since));
    assert_int_equal(0, worker_start(w));
    worker_ping(w, 1);
    wait_for_answer(w);
    stop(w);
    uint64_t dropped = udp_socket_dropped(s);
    assert_in_range(w->dropped_warned, 1, dropped);
    IntakeCounts counts;
    intake_counters_read(&w->counters, &counts);
    assert_int_equal(100, counts.datagrams + dropped);
    close(sender);
}

/* A socket that is always readable and always fails: one that waits for TCP connections. After a
 * hundred errors it is left alone, and the other one goes on. */
static void test_a_broken_socket_is_left_alone(void **state)
{
    Worker *w = ((Fixture *)*state)->worker;
    WorkerSocket *broken = worker_next_socket(w);
    broken->udp.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    w->socket_count++;
    assert_int_equal(0, listen(broken->udp.fd, 1)); /* binds it, too */
    broken->udp.address = udp_local(broken->udp.fd);
    WorkerSocket *good = add_socket(w, 0);
    int sender = udp_sender(&good->udp.address);
    Address address = broken->udp.address;
    ((struct sockaddr_in *)&address.storage)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, connect(client, (struct sockaddr *)&address.storage, address.length));

    assert_int_equal(0, worker_start(w));
    for (uint64_t i = 1; i <= 300;
         i++) { /* each is a turn of the loop, in which the socket fails */
        worker_ping(w, 1);
        wait_for_answer(w);
        udp_send(sender, "a:1|c", 5);
        wait_for_lines(w, i);
    }
    stop(w);
    assert_int_equal(100, broken->errors);
    assert_int_equal(0, good->errors);
    close(client);
    close(sender);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_made_and_never_started, setup, teardown),
        cmocka_unit_test_setup_teardown(test_as_many_sockets_as_it_may_have, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_that_does_not_answer_is_stuck, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pings_are_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_socket_is_received_from, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sparse_traffic_never_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dense_traffic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_small_buffer_never_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_it_drains_before_it_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drops_are_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_broken_socket_is_left_alone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
