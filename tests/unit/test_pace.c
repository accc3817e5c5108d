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

/* ---- a machine on which waiting pays, as far as the pace can tell ---- */

static int64_t used_ns; /* CPU time of the thread that is simulated */
static int asked;       /* how often it was looked at */

static int64_t simulated_cpu_ns(void)
{
    asked++;
    return used_ns;
}

static Pace ample(void)
{
    Pace p;
    memset(&p, 'X', sizeof p);
    pace_init(&p);
    p.cpu_ns = simulated_cpu_ns;
    pace_add_buffer(&p, AMPLE);
    asked = 0;
    return p;
}

/* One turn of a loop. => how long it waits afterwards */
static int64_t turn(Pace *p, int64_t now_ns, int64_t datagrams)
{
    pace_took(p, datagrams);
    int64_t wait_ns = pace_turn(p, now_ns);
    used_ns += wait_ns > 0 ? 1000 : 3000;
    return wait_ns;
}

static int64_t waited_ns(const Pace *p)
{
    /* relaxed: no other thread. */
    return atomic_load_explicit(&p->waited_ns, memory_order_relaxed);
}

/* Dense traffic until the first trial is over. => when that is; all the credit is there, and the next wait is
 * as long as the first one was */
static int64_t settle(Pace *p, int64_t now_ns)
{
    int64_t end_ns = now_ns + PACE_PARTS * (PACE_PART_NS + 10000);
    for (; now_ns < end_ns; now_ns += 10000)
        (void)turn(p, now_ns, 1);
    for (int i = 0; i < 3; i++) {
        (void)turn(p, now_ns, 1);
        assert_int_equal(0, turn(p, now_ns, 1000000));
    }
    return now_ns;
}

/* Traffic of one kind goes on for a long time: do the turns of the second half wait? Not those of
 * trials. */
typedef struct {
    const char *name;
    int64_t datagrams; /* that a turn takes, */
    int64_t gap_ns;    /* and to the next turn */
    bool waits;
} Traffic;

static void test_steady_traffic(void **state)
{
    (void)state;
    static const Traffic traffic[] = {
        {"one a second", 1, 1000000000, false},
        {"a thousand a second", 1, 1000000, false},
        {"just not dense", 1, PACE_GAP_NS + 1, false},
        {"pairs", 2, 100000, false},
        {"ten thousand a second, in bursts", 31, 3100000, false},
        {"a burst that is dense for itself, then silence", 319, 319 * PACE_GAP_NS, false},
        {"just dense", 1, PACE_GAP_NS - 2000, true},
        {"100,000 a second, one by one", 1, 10000, true},
        {"100,000 a second, in groups", 31, 310000, true},
        {"100,000 a second, in larger ones", 32, 320000, false},
        {"two million a second, few taken", 31, 15500, true},
        {"two million a second, many taken", 64, 32000, false},
        {"all that a turn takes", 2048, 1000000, false},
        {"nothing", 0, 1000, false},
    };
    for (size_t i = 0; i < sizeof traffic / sizeof *traffic; i++) {
        enum {
            TURNS = 100000
        };
        const Traffic *t = &traffic[i];
        Pace p = ample();
        int waited = 0;
        for (int k = 0; k < TURNS; k++)
            waited += turn(&p, 1000 + k * t->gap_ns, t->datagrams) > 0 && k >= TURNS / 2;
        if (t->waits ? waited < TURNS / 2 * 8 / 10 : waited > 0)
            fail_msg("%s: expected %s of the turns to wait, got %d of %d", t->name,
                     t->waits ? "most" : "none", waited, TURNS / 2);
    }
}

/* However close together: the first 319 datagrams after a silence are never dense, so there is not
 * even a trial. */
static void test_a_burst_does_not_wait(void **state)
{
    (void)state;
    Pace p = ample();
    for (int round = 0; round < 10; round++) {
        int64_t now = INT64_C(1000000000) * (round + 1);
        for (int i = 1; i < PACE_DENSE_NS / PACE_GAP_NS; i++)
            assert_int_equal(0, turn(&p, now, 1));
        assert_int_equal(round, asked);
        (void)turn(&p, now, 1);
        assert_int_equal(round + 1, asked);
    }
    assert_int_equal(0, waited_ns(&p));
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
        int64_t now = settle(&p, 5000);
        assert_int_equal(cases[i].wait_ns, turn(&p, now + cases[i].silence_ns, 1));
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
        Pace p = ample();
        for (int k = 0; k < 3 && (k == 0 || cases[i].granted[k] > 0); k++)
            pace_add_buffer(&p, cases[i].granted[k]);
        int64_t now = settle(&p, 1000);
        assert_int_equal(cases[i].wait_ns, turn(&p, now, 1));
        assert_int_equal(cases[i].wait_ns > 0, waited_ns(&p) > 0);
        assert_int_equal(cases[i].wait_ns > 0, asked > 0);
    }
}

/* What counts is what a turn has taken from all sockets together. */
static void test_many_sockets(void **state)
{
    (void)state;
    Pace p = ample();
    int64_t now = settle(&p, 1000);
    for (int i = 1; i <= 64; i++) {
        int64_t before = waited_ns(&p);
        for (int k = 0; k < i; k++)
            pace_took(&p, 1);
        int64_t waited = pace_turn(&p, now);
        assert_int_equal(i < PACE_ENOUGH ? PACE_WAIT_NS : 0, waited);
        assert_int_equal(0, pace_turn(&p, now)); /* one that took nothing: somebody else woke it */
        assert_int_equal(before + waited, waited_ns(&p));
    }
}

/* => how long it waits next, when a wait has brought so many. */
static int64_t wait_after(Pace *p, int64_t now_ns, int64_t brought)
{
    assert_int_equal(0, turn(p, now_ns, 0)); /* so what the next one takes was not waited for */
    assert_true(turn(p, now_ns, 1) > 0);
    int64_t next_ns = turn(p, now_ns, brought);
    return next_ns > 0 ? next_ns : turn(p, now_ns, 1);
}

/* A wait that brings few is followed by a longer one, up to what the buffer allows. */
static void test_a_wait_fits(void **state)
{
    (void)state;
    static const struct {
        int64_t brought, wait_ns;
    } steps[] = {
        {PACE_ENOUGH, 100000},
        {INT64_C(2) * PACE_ENOUGH, 100000},
        {PACE_ENOUGH - 1, 200000},
        {PACE_ENOUGH, 200000},
        {0, 200000},
        {1, 400000},
        {PACE_ENOUGH - 1, 400000},
        {INT64_C(2) * PACE_ENOUGH, 400000},
        {INT64_C(2) * PACE_ENOUGH + 1, 200000},
        {INT64_C(2) * PACE_ENOUGH + 1, 100000},
        {2048, 100000},
    };
    Pace p = ample();
    int64_t now = settle(&p, 1000);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int64_t waits_ns = wait_after(&p, now, steps[i].brought);
        if (waits_ns != steps[i].wait_ns)
            fail_msg("step %zu: expected %" PRId64 " ns, got %" PRId64, i, steps[i].wait_ns,
                     waits_ns);
    }
    assert_int_equal(200000, wait_after(&p, now, 1));
    (void)turn(&p, now + 2 * PACE_MOST_NS, 1); /* a silence: all begins anew */
    assert_int_equal(100000, turn(&p, settle(&p, now + 2 * PACE_MOST_NS), 1));

    Pace small = ample();
    pace_add_buffer(&small, 2000000);
    now = settle(&small, 1000);
    assert_int_equal(200000, wait_after(&small, now, 1));
    assert_int_equal(250000, wait_after(&small, now, 1));
    assert_int_equal(125000, wait_after(&small, now, 1000));
    assert_int_equal(100000, wait_after(&small, now, 1000));
}

/* Once, and the waits go on as before. */
static void test_in_a_hurry(void **state)
{
    (void)state;
    Pace p = ample();
    int64_t now_ns = settle(&p, 0);
    assert_true(turn(&p, now_ns, 1) > 0);
    for (int i = 0; i < 10; i++) {
        int64_t waited = waited_ns(&p);
        (void)turn(&p, now_ns, PACE_ENOUGH); /* it was long enough */
        int64_t wait_ns = p.wait_ns;
        pace_hurry(&p);
        assert_int_equal(0, turn(&p, now_ns, 1));
        assert_int_equal(waited, waited_ns(&p));
        assert_int_equal(wait_ns, turn(&p, now_ns, 1));
    }
}

static void test_zeroed(void **state)
{
    (void)state;
    Pace p = {0};
    for (int i = 0; i < 1000; i++)
        assert_int_equal(0, turn(&p, i, 20));
    assert_int_equal(0, waited_ns(&p));
}

/* ---- a machine, simulated: one thread that receives, and what that costs it ---- */

typedef struct {
    int64_t turn_ns, datagram_ns;
    int64_t woken_ns, timer_ns; /* a sleep that a datagram ends; one of a set length */
} Machine;

typedef struct {
    Pace pace;
    Machine machine;
    int64_t now_ns, due_ns; /* the next group of datagrams */
    int64_t queued, taken;
    bool always; /* waits by itself after each turn that took a few; else by the pace */
} Receiver;

/* Groups of so many datagrams come for so long, each all at once. */
static void receive(Receiver *r, int64_t group, int64_t rate, double seconds)
{
    int64_t end_ns = r->now_ns + (int64_t)(seconds * 1e9), gap_ns = 1000000000 * group / rate;
    while (r->now_ns < end_ns) {
        int64_t cost = r->machine.turn_ns;
        if (r->queued == 0 && r->due_ns > r->now_ns) {
            r->now_ns = r->due_ns;
            cost += r->machine.woken_ns;
        }
        for (; r->due_ns <= r->now_ns; r->due_ns += gap_ns)
            r->queued += group;
        int64_t taken = r->queued < 2048 ? r->queued : 2048;
        r->queued -= taken;
        r->taken += taken;
        used_ns += cost + taken * r->machine.datagram_ns;
        r->now_ns += cost + taken * r->machine.datagram_ns;
        pace_took(&r->pace, taken);
        int64_t wait_ns = pace_turn(&r->pace, r->now_ns);
        if (r->always)
            wait_ns = taken < PACE_ENOUGH ? PACE_WAIT_NS : 0;
        if (wait_ns > 0) {
            used_ns += r->machine.timer_ns;
            r->now_ns += wait_ns + r->machine.timer_ns;
        }
    }
}

static const Machine machines[] = {
    {1000, 500, 4500, 4500},  /* bare metal */
    {1000, 500, 4500, 17000}, /* setting a timer is a word with the hypervisor */
    {1000, 500, 1500, 13000}, /* the same, and the sender is on the same CPU */
};

typedef struct {
    int group;
    int rate;
    const char *waits; /* on each of the machines: y or n */
} Pattern;

static const Pattern patterns[] = {
    {1, 10000, "nnn"},   {1, 30000, "nnn"},   {1, 50000, "yyy"},  {1, 100000, "yyy"},
    {1, 200000, "yyy"},  {1, 500000, "yyy"},  {8, 30000, "nnn"},  {8, 50000, "ynn"},
    {8, 100000, "yyn"},  {8, 200000, "yyn"},  {8, 400000, "yyy"}, {16, 50000, "ynn"},
    {16, 100000, "ynn"}, {16, 200000, "ynn"}, {64, 50000, "nnn"}, {64, 100000, "nnn"},
    {64, 500000, "nnn"}, {1, 2500000, "nnn"}, /* flat out: more than it can take */
};

typedef enum {
    BY_PACE,
    NEVER,
    ALWAYS
} Waiting;

/* CPU time a datagram, once the pace has had time to find out; and whether it waits by then. */
static double cost(Waiting how, const Machine *m, const Pattern *t, bool *waits_now)
{
    Receiver r = {.pace = ample(), .machine = *m, .now_ns = 1000, .always = how == ALWAYS};
    if (how != BY_PACE)
        r.pace.longest_ns = 0;
    receive(&r, t->group, t->rate, 5);
    int64_t taken = r.taken, used = used_ns;
    int64_t waited_before = waited_ns(&r.pace);
    receive(&r, t->group, t->rate, 5);
    *waits_now = waited_ns(&r.pace) - waited_before > 1000000000;
    return (double)(used_ns - used) / (double)(r.taken - taken);
}

/* Whatever the traffic and the machine: next to the better of always waiting and never, as soon as it
 * is dense. The last sixteenth is not worth the latency, and a hundredth goes into trials. */
static void test_waits_where_it_pays(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        const Pattern *t = &patterns[i];
        for (size_t k = 0; k < sizeof machines / sizeof *machines; k++) {
            bool waits_now, unused;
            double never = cost(NEVER, &machines[k], t, &unused);
            double always = cost(ALWAYS, &machines[k], t, &unused);
            double ours = cost(BY_PACE, &machines[k], t, &waits_now);
            double better = always < never && t->rate >= 40000 ? always : never;
            if (waits_now != (t->waits[k] == 'y') || ours > better * (1 + 1.0 / PACE_WORTH + 0.01))
                fail_msg("%d at a time, %d/s, machine %zu: expected waits: %c, got %d; ns of CPU a "
                         "datagram: %.0f, never waiting %.0f, always %.0f",
                         t->group, t->rate, k, t->waits[k], waits_now, ours, never, always);
        }
    }
}

/* Each pattern after each other one: after 5 s it costs what it does if there had been nothing else; where
 * a wait saves about a sixteenth, either way will do. */
static void test_changing_traffic(void **state)
{
    (void)state;
    const size_t count =
        sizeof patterns / sizeof *patterns - 1; /* not what leaves a queue behind */
    double alone[sizeof patterns / sizeof *patterns];
    bool unused;
    for (size_t i = 0; i < count; i++)
        alone[i] = cost(BY_PACE, &machines[0], &patterns[i], &unused);
    Receiver r = {.pace = ample(), .machine = machines[0], .now_ns = 1000};
    for (size_t i = 0; i < 2 * count * count; i++) {
        size_t pair = i / 2, now = i % 2 ? pair % count : pair / count;
        const Pattern *t = &patterns[now];
        receive(&r, t->group, t->rate, 5);
        int64_t taken = r.taken, used = used_ns;
        receive(&r, t->group, t->rate, 5);
        double each = (double)(used_ns - used) / (double)(r.taken - taken);
        if (each > alone[now] * (1 + 1.0 / PACE_WORTH + 0.03))
            fail_msg("pair %zu, to %d at a time, %d/s: %.0f ns of CPU a datagram, alone %.0f", pair,
                     t->group, t->rate, each, alone[now]);
    }
}

/* Traffic that stays the same: a trial every PACE_HOLD_MOST_NS, and no other look at the CPU time. */
static void test_trials_grow_rare(void **state)
{
    (void)state;
    for (int group = 1; group <= 8; group += 7) {
        Receiver r = {.pace = ample(), .machine = machines[1], .now_ns = 1000};
        receive(&r, group, 50000, 0.05);
        assert_in_range(asked, 2, PACE_PARTS);
        receive(&r, group, 50000, 10);
        asked = 0;
        receive(&r, group, 50000, 10 * (double)PACE_HOLD_MOST_NS / 1e9);
        assert_in_range(asked, 9 * (PACE_PARTS + 1), 10 * (PACE_PARTS + 1));
    }
}

/* After a long time of the same: what is new is tried at once, or as soon as it is noticed. */
static void test_trials_grow_frequent_again(void **state)
{
    (void)state;
    Receiver r = {.pace = ample(), .machine = machines[1], .now_ns = 1000};
    receive(&r, 1, 100000, 20);
    r.now_ns = r.due_ns += PACE_MOST_NS; /* a silence */
    asked = 0;
    receive(&r, 1, 100000, 0.1);
    assert_int_equal(PACE_PARTS + 1, asked);
    receive(&r, 1, 100000, 20);
    assert_true(r.pace.pays);
    for (int i = 0; i < 500 && r.pace.pays; i++)
        receive(&r, 8, 50000, 0.01);
    assert_false(r.pace.pays);
    asked = 0;
    receive(&r, 8, 50000, (double)PACE_HOLD_NS / 1e9 + 0.1);
    assert_int_equal(PACE_PARTS + 1, asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steady_traffic),
        cmocka_unit_test(test_a_burst_does_not_wait),
        cmocka_unit_test(test_a_silence_ends_it),
        cmocka_unit_test(test_the_buffer_decides),
        cmocka_unit_test(test_many_sockets),
        cmocka_unit_test(test_a_wait_fits),
        cmocka_unit_test(test_in_a_hurry),
        cmocka_unit_test(test_zeroed),
        cmocka_unit_test(test_waits_where_it_pays),
        cmocka_unit_test(test_changing_traffic),
        cmocka_unit_test(test_trials_grow_rare),
        cmocka_unit_test(test_trials_grow_frequent_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
