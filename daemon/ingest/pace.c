#include "ingest/pace.h"

#include <time.h>

enum {
    /* A wait may let half of a buffer fill up at 4 bytes a nanosecond. */
    BUFFER_BYTES_A_NS = 8,
    LEAST_WAIT_NS = 25000 /* a shorter one is not worth a timer */
};

static int64_t thread_cpu_ns(void)
{
    struct timespec used = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used); /* cannot fail */
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

static int64_t shortest_wait(const Pace *p)
{
    return p->longest_ns < PACE_WAIT_NS ? p->longest_ns : PACE_WAIT_NS;
}

void pace_init(Pace *p)
{
    *p = (Pace){.longest_ns = PACE_LONGEST_NS,
                .wait_ns = PACE_WAIT_NS,
                .part = PACE_PARTS,
                .cpu_ns = thread_cpu_ns};
}

void pace_add_buffer(Pace *p, int64_t granted)
{
    int64_t longest = granted / BUFFER_BYTES_A_NS;
    if (longest < LEAST_WAIT_NS)
        longest = 0;
    if (p->longest_ns > longest)
        p->longest_ns = longest;
    p->wait_ns = shortest_wait(p);
}

void pace_took(Pace *p, int64_t datagrams)
{
    p->taken += datagrams;
}

/* Time spends what datagrams have paid. => whether traffic is dense */
static bool keep_accounts(Pace *p, int64_t now_ns, int64_t taken)
{
    int64_t spent = now_ns - p->now_ns;
    p->now_ns = now_ns;
    p->credit_ns = p->credit_ns > spent ? p->credit_ns - spent : 0;
    p->credit_ns += taken * PACE_GAP_NS;
    if (p->credit_ns > PACE_MOST_NS)
        p->credit_ns = PACE_MOST_NS;
    return p->credit_ns >= PACE_DENSE_NS;
}

/* ---- trials ---- */

/* The next turn while traffic is dense begins a trial. */
static void begin_anew(Pace *p)
{
    p->wait_ns = shortest_wait(p);
    p->waited = false;
    p->part = PACE_PARTS;
    p->until_ns = INT64_MIN;
    p->hold_ns = PACE_HOLD_NS / 2;
}

static void end_trial(Pace *p)
{
    const PaceCost *without = &p->sides[0], *with = &p->sides[1];
    bool pays = with->cpu_ns * without->datagrams * PACE_WORTH <
                without->cpu_ns * with->datagrams * (PACE_WORTH - 1);
    p->hold_ns = pays == p->pays ? p->hold_ns * 2 : PACE_HOLD_NS;
    if (p->hold_ns > PACE_HOLD_MOST_NS)
        p->hold_ns = PACE_HOLD_MOST_NS;
    p->pays = pays;
}

static void next_part(Pace *p, int64_t now_ns)
{
    int64_t cpu_ns = p->cpu_ns();
    if (p->part == PACE_PARTS) {
        p->part = 0;
        p->sides[0] = p->sides[1] = (PaceCost){0};
    } else {
        PaceCost *side = &p->sides[p->part % 2];
        side->cpu_ns += cpu_ns - p->before.cpu_ns;
        side->datagrams += p->before.datagrams;
        if (++p->part == PACE_PARTS)
            end_trial(p);
    }
    p->before = (PaceCost){.cpu_ns = cpu_ns};
    p->until_ns = now_ns + (p->part < PACE_PARTS ? PACE_PART_NS : p->hold_ns);
}

/* How many a wait has brought tells how long the next one should be. None: something else woke the thread,
 * or they come in groups that are far apart. */
static void fit_wait(Pace *p, int64_t taken)
{
    int64_t least = shortest_wait(p);
    if (p->waited && taken > 0 && taken < PACE_ENOUGH)
        p->wait_ns = p->wait_ns * 2 < p->longest_ns ? p->wait_ns * 2 : p->longest_ns;
    if (p->waited && taken > INT64_C(2) * PACE_ENOUGH)
        p->wait_ns = p->wait_ns / 2 > least ? p->wait_ns / 2 : least;
    p->waited = false;
}

int64_t pace_turn(Pace *p, int64_t now_ns)
{
    int64_t taken = p->taken;
    bool in_a_hurry = p->in_a_hurry;
    p->taken = 0;
    p->in_a_hurry = false;
    if (!keep_accounts(p, now_ns, taken) || p->longest_ns == 0) {
        begin_anew(p);
        return 0;
    }
    p->before.datagrams += taken;
    fit_wait(p, taken);
    if (now_ns >= p->until_ns)
        next_part(p, now_ns);
    bool waiting = p->part < PACE_PARTS ? p->part % 2 == 1 : p->pays;
    if (!waiting || in_a_hurry || taken == 0 || taken >= PACE_ENOUGH)
        return 0;
    p->waited = true;
    /* relaxed: written by this thread alone, a figure. */
    int64_t before = atomic_load_explicit(&p->waited_ns, memory_order_relaxed);
    atomic_store_explicit(&p->waited_ns, before + p->wait_ns, memory_order_relaxed);
    return p->wait_ns;
}
