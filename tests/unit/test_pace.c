#include "ingest/pace.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
    AMPLE = 1 << 23 /* bytes of buffer */
};

static Pace ample(void)
{
    Pace p;
    memset(&p, 'X', sizeof p);
    pace_init(&p);
    pace_add_buffer(&p, AMPLE);
    return p;
}

/* One turn of a loop with one socket. => how long it waits */
static int64_t turn(Pace *p, int64_t now_ns, int64_t datagrams)
{
    int64_t wait_ns = pace_woken(p, now_ns);
    pace_took(p, datagrams, false);
    pace_turn(p);
    return wait_ns;
}

static uint64_t waits(const Pace *p)
{
    /* relaxed: no other thread. */
    return atomic_load_explicit(&p->waits, memory_order_relaxed);
}

/* Traffic of one kind goes on for a long time: how many of the second half of its wakes wait? */
typedef struct {
    const char *name;
    int64_t datagrams; /* that a wake takes, */
    int64_t gap_ns;    /* and to the next wake */
    int percent;
} Traffic;

static void test_steady_traffic(void **state)
{
    (void)state;
    static const Traffic traffic[] = {
        {"one a second", 1, 1000000000, 0},
        {"a thousand a second", 1, 1000000, 0},
        {"just not dense", 1, PACE_GAP_NS + 1, 0},
        {"pairs", 2, 100000, 0},
        {"ten thousand a second, in bursts", 64, 6400000, 0},
        {"a burst that is dense for itself, then silence", 320, 320 * PACE_GAP_NS + 1, 0},
        {"just dense", 1, PACE_GAP_NS - 2000, 100},
        {"100,000 a second, one by one", 1, 10000, 100},
        {"100,000 a second, in bursts", 64, 640000, 100},
        {"two million a second", 64, 32000, 100},
        {"all that a turn takes", 2048, 1000000, 100},
    };
    for (size_t i = 0; i < sizeof traffic / sizeof *traffic; i++) {
        enum {
            WAKES = 10000
        };
        const Traffic *t = &traffic[i];
        Pace p = ample();
        int waited = 0;
        for (int k = 0; k < WAKES; k++)
            waited += turn(&p, 1000 + k * t->gap_ns, t->datagrams) > 0 && k >= WAKES / 2;
        if (waited * 100 != t->percent * (WAKES / 2))
            fail_msg("%s: expected %d %% of the wakes to wait, got %d of %d", t->name, t->percent,
                     waited, WAKES / 2);
    }
}

/* However close together: 320 datagrams after a silence are taken at once. */
static void test_a_burst_does_not_wait(void **state)
{
    (void)state;
    Pace p = ample();
    for (int round = 0; round < 10; round++) {
        int64_t now = INT64_C(1000000000) * (round + 1);
        for (int i = 0; i < PACE_DENSE_NS / PACE_GAP_NS; i++)
            assert_int_equal(0, turn(&p, now, 1));
        assert_int_equal(PACE_WAIT_NS, turn(&p, now, 1));
        assert_int_equal(round + 1, waits(&p));
    }
}

/* Traffic was as dense as can be. */
static void test_a_silence_ends_it(void **state)
{
    (void)state;
    static const struct {
        int64_t silence_ns;
        int64_t wait_ns;
    } cases[] = {
        {0, PACE_WAIT_NS},
        {PACE_MOST_NS - PACE_DENSE_NS, PACE_WAIT_NS},
        {PACE_MOST_NS - PACE_DENSE_NS + 1, 0},
        {PACE_MOST_NS, 0},
        {INT64_C(1) << 60, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Pace p = ample();
        turn(&p, 5000, 1000000);
        assert_int_equal(cases[i].wait_ns, turn(&p, 5000 + cases[i].silence_ns, 1));
    }
}

static void test_the_buffer_decides(void **state)
{
    (void)state;
    static const struct {
        int64_t granted[3];
        int64_t wait_ns;
    } cases[] = {
        {{AMPLE}, PACE_WAIT_NS},
        {{800000}, 100000},
        {{799992}, 99999},
        {{425984}, 53248}, /* what Linux grants if nobody has raised net.core.rmem_max */
        {{212992}, 26624}, /* what it gives if nobody asks */
        {{200000}, 25000},
        {{199999}, 0},
        {{4608}, 0},
        {{0}, 0},
        {{AMPLE, 425984, AMPLE}, 53248}, /* the smallest one */
        {{AMPLE, AMPLE, 4608}, 0},
        {{4608, AMPLE, AMPLE}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Pace p;
        pace_init(&p);
        for (int k = 0; k < 3 && (k == 0 || cases[i].granted[k] > 0); k++)
            pace_add_buffer(&p, cases[i].granted[k]);
        turn(&p, 1000, 1000000);
        assert_int_equal(cases[i].wait_ns, turn(&p, 2000, 1));
        assert_int_equal(cases[i].wait_ns > 0, waits(&p));
    }
}

/* Many sockets are ready: the first one waits, for all. */
static void test_once_in_a_turn(void **state)
{
    (void)state;
    Pace p = ample();
    turn(&p, 1000, 1000000);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(PACE_WAIT_NS, pace_woken(&p, 2000 + i));
        for (int k = 0; k < 63; k++) {
            pace_took(&p, 1, false);
            assert_int_equal(0, pace_woken(&p, 2000 + i));
        }
        pace_turn(&p);
    }
    assert_int_equal(10, waits(&p));
}

/* A socket had more than a turn takes: nobody waits in this turn and in the next. */
static void test_not_with_something_left(void **state)
{
    (void)state;
    Pace p = ample();
    turn(&p, 1000, 1000000);
    pace_took(&p, 2048, true);
    assert_int_equal(0, pace_woken(&p, 2000));
    pace_took(&p, 1, false); /* the other socket; the first one's rest is still there */
    pace_turn(&p);
    assert_int_equal(0, pace_woken(&p, 3000));
    pace_took(&p, 2048, true);
    pace_turn(&p);
    assert_int_equal(0, turn(&p, 4000, 5));
    assert_int_equal(PACE_WAIT_NS, turn(&p, 5000, 5));
}

static void test_zeroed(void **state)
{
    (void)state;
    Pace p = {0};
    for (int i = 0; i < 1000; i++)
        assert_int_equal(0, turn(&p, i, 1000));
    assert_int_equal(0, waits(&p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steady_traffic),
        cmocka_unit_test(test_a_burst_does_not_wait),
        cmocka_unit_test(test_a_silence_ends_it),
        cmocka_unit_test(test_the_buffer_decides),
        cmocka_unit_test(test_once_in_a_turn),
        cmocka_unit_test(test_not_with_something_left),
        cmocka_unit_test(test_zeroed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
