/* When an ingest thread waits a moment before it looks for more.
 *
 * Going to sleep and being woken costs a thread several times what receiving a datagram does, and
 * under dense traffic it is woken again for almost each of them. So a thread that has taken only a
 * few, while traffic is dense, sleeps PACE_WAIT_NS before it looks again, and then takes at once what
 * has come. Sparse traffic never waits: every datagram is taken as soon as it wakes the thread.
 *
 * Dense is what came closer together than PACE_GAP_NS for a while: each datagram pays in that time,
 * and time spends it. A thread waits only if PACE_DENSE_NS are left. So a burst of less than
 * PACE_DENSE_NS / PACE_GAP_NS = 320 datagrams never makes it wait, and 8 ms of silence (PACE_MOST_NS -
 * PACE_DENSE_NS) end it.
 *
 * It does not wait if it took PACE_ENOUGH or more, which were worth being woken: there may be more,
 * or a burst is over. And never so long that a socket's buffer could overflow because of it.
 *
 * Time and counts come in as arguments. Belongs to one thread, but for `waits`. */
#ifndef INGEST_PACE_H
#define INGEST_PACE_H

#include <stdatomic.h>
#include <stdint.h>

#define PACE_WAIT_NS INT64_C(100000)
#define PACE_GAP_NS INT64_C(25000)
#define PACE_DENSE_NS INT64_C(8000000)
#define PACE_MOST_NS INT64_C(16000000)

enum {
    PACE_ENOUGH = 32 /* datagrams */
};

typedef struct {
    int64_t wait_ns;        /* how long it waits; 0: never */
    int64_t credit_ns;      /* paid in and not spent, 0 to PACE_MOST_NS */
    int64_t now_ns;         /* the time up to which it is spent */
    int64_t taken;          /* in this turn of the loop */
    _Atomic uint64_t waits; /* so far; written by the thread, read by anybody */
} Pace;

/* A zeroed one never waits. */
void pace_init(Pace *p);

/* The thread has also to do with a socket whose receive buffer is as large as that, in bytes as the
 * kernel counts them. The smallest decides. */
void pace_add_buffer(Pace *p, int64_t granted);

/* The thread has taken so many datagrams from one of its sockets. */
void pace_took(Pace *p, int64_t datagrams);

/* A turn of the thread's loop, over all its sockets, is over at `now_ns` (CLOCK_MONOTONIC).
 * => nanoseconds to sleep before the next one; 0: go on. */
int64_t pace_turn(Pace *p, int64_t now_ns);

#endif
