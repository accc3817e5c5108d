#include "ingest/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fixture_pool.h"

static uint64_t queued(const FixturePool *f)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < pool_thread_count(f->pool); i++) {
        PoolSocketInfo info;
        pool_socket_info(f->pool, i, 0, &info);
        bytes += info.queued_bytes;
    }
    return bytes;
}

static void wait_for_queue(const FixturePool *f, uint64_t least)
{
    int64_t since = clock_monotonic_ns();
    while (queued(f) < least)
        assert_true(udp_keep_waiting(since));
}

static void test_all_threads_together(void **state)
{
    (void)state;
    enum {
        THREADS = 4,
        FLOWS = 200
    };
    FixturePool f;
    fixture_pool_threads(&f, THREADS);
    assert_int_equal(0, pool_start(f.pool));
    for (int i = 0; i < FLOWS; i++) {
        int sender = udp_sender(&f.address);
        udp_send(sender, "a:1|c\na:2:3|c\n\nx\n_sc|a|0", 23);
        close(sender);
        fixture_pool_wait(&f, 4 * ((uint64_t)i + 1));
        assert_int_equal(6 * (i + 1), fixture_pool_counter(&f)); /* what is counted, a walk sees */
    }
    fixture_pool_settle(&f);
    IntakeCounts all = fixture_pool_counts(&f);
    assert_int_equal(FLOWS, all.datagrams);
    assert_int_equal(23 * FLOWS, all.bytes);
    assert_int_equal(3 * FLOWS, all.values);
    assert_int_equal(FLOWS, all.ignored);
    assert_int_equal(FLOWS, all.rejected[REJECT_BAD_VALUE]);
    assert_int_equal(FLOWS, intake_rejected_total(&all));
    IntakeCounts sum = {0};
    for (unsigned i = 0; i < THREADS; i++) {
        IntakeCounts part;
        PoolSocketInfo info;
        pool_thread_counts(f.pool, i, &part);
        pool_socket_info(f.pool, i, 0, &info);
        assert_in_range(part.datagrams, 1, FLOWS); /* (3/4)^200 for a thread without a flow */
        assert_int_equal(part.datagrams, info.datagrams);
        intake_add(&sum, &part);
    }
    assert_memory_equal(&all, &sum, sizeof all);
    assert_in_range(pool_memory_bytes(f.pool), THREADS * sizeof(uint64_t), 1 << 20);
    fixture_pool_close(&f);
}

static void test_stop_drains_and_may_be_called_twice(void **state)
{
    (void)state;
    enum {
        FLOWS = 40,
        EACH = 5 /* all of it fits one queue, if the flows fall so */
    };
    FixturePool f;
    fixture_pool_threads(&f, 2);
    int first = udp_sender(&f.address);
    udp_send(first, "a:1|c", 5);
    wait_for_queue(&f, 1);
    uint64_t one = queued(&f);
    for (int i = 0; i < FLOWS; i++) {
        int sender = udp_sender(&f.address);
        for (int k = 0; k < EACH; k++)
            udp_send(sender, "a:1|c", 5);
        close(sender);
    }
    wait_for_queue(&f, one * (FLOWS * EACH + 1));
    assert_int_equal(0, fixture_pool_counts(&f).lines);
    assert_int_equal(0, pool_start(f.pool));
    pool_stop(f.pool);
    assert_int_equal(FLOWS * EACH + 1, fixture_pool_counts(&f).values);
    assert_int_equal(FLOWS * EACH + 1, fixture_pool_counter(&f));
    assert_int_equal(0, queued(&f));
    udp_send(first, "a:1|c", 5); /* too late for this daemon */
    pool_stop(f.pool);
    assert_int_equal(FLOWS * EACH + 1, fixture_pool_counts(&f).values);
    close(first);
    fixture_pool_close(&f);
}

static void test_stuck_threads_are_noticed(void **state)
{
    (void)state;
    FixturePool f;
    fixture_pool_threads(&f, 2);
    pool_ping(f.pool); /* nobody runs who could answer */
    int64_t stuck = pool_stuck_ns(f.pool);
    assert_in_range(stuck, 1, UDP_DEADLINE_NS);
    assert_in_range(pool_thread_stuck_ns(f.pool, 0), 1, UDP_DEADLINE_NS);
    assert_in_range(pool_thread_stuck_ns(f.pool, 1), 1, UDP_DEADLINE_NS);
    pool_ping(f.pool);
    assert_in_range(pool_stuck_ns(f.pool), stuck, UDP_DEADLINE_NS); /* since the first one */
    assert_int_equal(0, pool_start(f.pool));
    fixture_pool_settle(&f);
    assert_int_equal(0, pool_thread_stuck_ns(f.pool, 0));
    assert_int_equal(0, pool_thread_stuck_ns(f.pool, 1));
    fixture_pool_close(&f);
}

static void test_drops_are_counted(void **state)
{
    (void)state;
    FixturePool f;
    Address address = udp_address("127.0.0.1:0");
    PoolOptions options = {
        .threads = 1, .udp = &address, .udp_count = 1, .receive_buffer_bytes = 4096};
    fixture_pool_open(&f, &options);
    int sender = udp_sender(&f.address);
    for (int i = 0; i < 100; i++)
        udp_send(sender, "a:1|c", 5);
    int64_t since = clock_monotonic_ns();
    assert_int_equal(0, pool_start(f.pool));
    while (fixture_pool_counts(&f).datagrams + fixture_pool_counts(&f).dropped_kernel < 100)
        assert_true(udp_keep_waiting(since));
    IntakeCounts counts = fixture_pool_counts(&f);
    PoolSocketInfo info;
    pool_socket_info(f.pool, 0, 0, &info);
    assert_int_equal(100, counts.datagrams + counts.dropped_kernel);
    assert_int_equal(counts.dropped_kernel, info.dropped);
    assert_in_range(info.dropped, 1, 99);
    close(sender);
    fixture_pool_close(&f);
}

/* The newest of all threads, whichever thread has them. */
static void test_recent_rejected(void **state)
{
    (void)state;
    enum {
        SENT = 60
    };
    FixturePool f;
    RejectRecord records[2 * REJECT_LOG_SIZE];
    fixture_pool_threads(&f, 4);
    assert_int_equal(0, pool_start(f.pool));
    for (int i = 0; i < SENT; i++) {
        char line[8];
        int sender = udp_sender(&f.address);
        udp_send(sender, line, (size_t)snprintf(line, sizeof line, "x%d", i));
        close(sender);
        fixture_pool_wait(&f, (uint64_t)i + 1); /* so that each has its own time */
    }
    for (size_t room = 0; room <= 8; room += 4) {
        assert_int_equal(room, pool_recent_rejected(f.pool, records, room));
        for (size_t i = 0; i < room; i++) {
            char line[8];
            (void)snprintf(line, sizeof line, "x%d", SENT - 1 - (int)i);
            assert_string_equal(line, records[i].text);
        }
    }
    size_t count = pool_recent_rejected(f.pool, records, (size_t)2 * REJECT_LOG_SIZE);
    assert_in_range(count, REJECT_LOG_SIZE, 2 * REJECT_LOG_SIZE);
    for (size_t i = 1; i < count; i++)
        assert_true(records[i].time_ns <= records[i - 1].time_ns);
    fixture_pool_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_threads_together),
        cmocka_unit_test(test_stop_drains_and_may_be_called_twice),
        cmocka_unit_test(test_stuck_threads_are_noticed),
        cmocka_unit_test(test_drops_are_counted),
        cmocka_unit_test(test_recent_rejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
