#include "ingest/pace.h"

enum {
    /* A wait may let half of a buffer fill up at 4 bytes a nanosecond. */
    BUFFER_BYTES_A_NS = 8,
    LEAST_WAIT_NS = 25000 /* a shorter one is not worth a timer */
};

void pace_init(Pace *p)
{
    *p = (Pace){.wait_ns = PACE_WAIT_NS};
}

void pace_add_buffer(Pace *p, int64_t granted)
{
    int64_t longest = granted / BUFFER_BYTES_A_NS;
    if (longest < LEAST_WAIT_NS)
        longest = 0;
    if (p->wait_ns > longest)
        p->wait_ns = longest;
}

void pace_took(Pace *p, int64_t datagrams)
{
    p->taken += datagrams;
}

/* Time spends what datagrams have paid. */
static void keep_accounts(Pace *p, int64_t now_ns, int64_t taken)
{
    int64_t spent = now_ns - p->now_ns;
    p->now_ns = now_ns;
    p->credit_ns = p->credit_ns > spent ? p->credit_ns - spent : 0;
    p->credit_ns += taken * PACE_GAP_NS;
    if (p->credit_ns > PACE_MOST_NS)
        p->credit_ns = PACE_MOST_NS;
}

int64_t pace_turn(Pace *p, int64_t now_ns)
{
    int64_t taken = p->taken;
    p->taken = 0;
    keep_accounts(p, now_ns, taken);
    if (p->wait_ns == 0 || taken == 0 || taken >= PACE_ENOUGH || p->credit_ns < PACE_DENSE_NS)
        return 0;
    /* relaxed: written by this thread alone, a figure. */
    uint64_t before = atomic_load_explicit(&p->waits, memory_order_relaxed);
    atomic_store_explicit(&p->waits, before + 1, memory_order_relaxed);
    return p->wait_ns;
}
