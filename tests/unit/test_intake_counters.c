#include "ingest/intake_counters.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_what_is_published_is_read(void **state)
{
    (void)state;
    static IntakeCounters counters;
    IntakeCounts own = {.datagrams = 1,
                        .bytes = UINT64_MAX,
                        .lines = 3,
                        .values = 4,
                        .ignored = 5,
                        .dropped_kernel = 99};
    for (size_t i = 0; i < REJECT_REASONS; i++)
        own.rejected[i] = 10 + i;
    IntakeCounts got;
    memset(&got, 0x5a, sizeof got);
    intake_counters_read(&counters, &got);
    IntakeCounts nothing = {0};
    assert_memory_equal(&nothing, &got, sizeof got);

    intake_counters_publish(&counters, &own);
    memset(&got, 0x5a, sizeof got);
    intake_counters_read(&counters, &got);
    own.dropped_kernel = 0; /* the sockets know it */
    assert_memory_equal(&own, &got, sizeof got);
}

static void test_lines_of_their_own(void **state)
{
    (void)state;
    static IntakeCounters two[2];
    assert_int_equal(0, (uintptr_t)&two[0] % 128);
    assert_int_equal(0, sizeof two[0] % 128);
}

enum {
    BATCHES = 200000,
    BATCH = 64
};

/* A plain array written before each publication: an order that is too weak shows as a value that is
 * too old, and to TSan as a race. */
typedef struct {
    IntakeCounters counters;
    uint64_t recorded[BATCHES + 1];
} Log;

static void *publish_all(void *argument)
{
    Log *log = argument;
    IntakeCounts own = {0};
    for (uint64_t i = 1; i <= BATCHES; i++) {
        log->recorded[i] = i * BATCH;
        own.datagrams = i;
        own.values = i * BATCH;
        intake_counters_publish(&log->counters, &own);
    }
    return NULL;
}

static void test_what_is_counted_is_visible(void **state)
{
    (void)state;
    static Log log;
    pthread_t writer;
    uint64_t last = 0;
    assert_int_equal(0, pthread_create(&writer, NULL, publish_all, &log));
    while (last < BATCHES) {
        IntakeCounts seen;
        intake_counters_read(&log.counters, &seen);
        assert_in_range(seen.datagrams, last, BATCHES);
        assert_int_equal(seen.datagrams * BATCH, log.recorded[seen.datagrams]);
        /* `values` is published after `datagrams`, and read after it. */
        assert_in_range(seen.values, 0, (uint64_t)BATCHES * BATCH);
        assert_int_equal(seen.values, log.recorded[seen.values / BATCH]);
        last = seen.datagrams;
        sched_yield();
    }
    pthread_join(writer, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_published_is_read),
        cmocka_unit_test(test_lines_of_their_own),
        cmocka_unit_test(test_what_is_counted_is_visible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
