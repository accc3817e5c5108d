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

/* One turn of a loop. => how long it waits afterwards */
static int64_t turn(Pace *p, int64_t now_ns, int64_t datagrams)
{
    pace_took(p, datagrams);
    return pace_turn(p, now_ns);
}

static uint64_t waits(const Pace *p)
{
    /* relaxed: no other thread. */
    return atomic_load_explicit(&p->waits, memory_order_relaxed);
}

/* Traffic of one kind goes on for a long time: how many of the second half of the turns wait? */
typedef struct {
    const char *name;
    int64_t datagrams; /* that a turn takes, */
    int64_t gap_ns;    /* and to the next turn */
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
        {"ten thousand a second, in bursts", 31, 3100000, 0},
        {"a burst that is dense for itself, then silence", 319, 319 * PACE_GAP_NS, 0},
        {"just dense", 1, PACE_GAP_NS - 2000, 100},
        {"100,000 a second, one by one", 1, 10000, 100},
        {"100,000 a second, in groups", 31, 310000, 100},
        {"100,000 a second, in larger ones", 32, 320000, 0},
        {"two million a second, few taken", 31, 15500, 100},
        {"two million a second, many taken", 64, 32000, 0},
        {"all that a turn takes", 2048, 1000000, 0},
        {"nothing", 0, 1000, 0},
    };
    for (size_t i = 0; i < sizeof traffic / sizeof *traffic; i++) {
        enum {
            TURNS = 10000
        };
        const Traffic *t = &traffic[i];
        Pace p = ample();
        int waited = 0;
        for (int k = 0; k < TURNS; k++)
            waited += turn(&p, 1000 + k * t->gap_ns, t->datagrams) > 0 && k >= TURNS / 2;
        if (waited * 100 != t->percent * (TURNS / 2))
            fail_msg("%s: expected %d %% of the turns to wait, got %d of %d", t->name, t->percent,
                     waited, TURNS / 2);
    }
}

/* However close together: the first 319 datagrams after a silence make nobody wait. */
static void test_a_burst_does_not_wait(void **state)
{
    (void)state;
    Pace p = ample();
    for (int round = 0; round < 10; round++) {
        int64_t now = INT64_C(1000000000) * (round + 1);
        for (int i = 1; i < PACE_DENSE_NS / PACE_GAP_NS; i++)
            assert_int_equal(0, turn(&p, now, 1));
        assert_int_equal(PACE_WAIT_NS, turn(&p, now, 1));
        assert_int_equal(round + 1, waits(&p));
    }
}

/* Traffic was as dense as can be; then one datagram. */
static void test_a_silence_ends_it(void **state)
{
    (void)state;
    static const struct {
        int64_t silence_ns;
        int64_t wait_ns;
    } cases[] = {
        {0, PACE_WAIT_NS},
        {PACE_MOST_NS - PACE_DENSE_NS + PACE_GAP_NS, PACE_WAIT_NS},
        {PACE_MOST_NS - PACE_DENSE_NS + PACE_GAP_NS + 1, 0},
        {PACE_MOST_NS, 0},
        {INT64_C(1) << 60, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Pace p = ample();
        assert_int_equal(0, turn(&p, 5000, 1000000));
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

/* What counts is what a turn has taken from all sockets together. */
static void test_many_sockets(void **state)
{
    (void)state;
    Pace p = ample();
    turn(&p, 1000, 1000000);
    for (int i = 1; i <= 64; i++) {
        for (int k = 0; k < i; k++)
            pace_took(&p, 1);
        assert_int_equal(i < PACE_ENOUGH ? PACE_WAIT_NS : 0, pace_turn(&p, 2000));
        assert_int_equal(0,
                         pace_turn(&p, 2000)); /* a turn that took nothing: somebody else woke it */
    }
    assert_int_equal(PACE_ENOUGH - 1, waits(&p));
}

static void test_zeroed(void **state)
{
    (void)state;
    Pace p = {0};
    for (int i = 0; i < 1000; i++)
        assert_int_equal(0, turn(&p, i, 20));
    assert_int_equal(0, waits(&p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steady_traffic),    cmocka_unit_test(test_a_burst_does_not_wait),
        cmocka_unit_test(test_a_silence_ends_it), cmocka_unit_test(test_the_buffer_decides),
        cmocka_unit_test(test_many_sockets),      cmocka_unit_test(test_zeroed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
