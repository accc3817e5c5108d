/* When an ingest thread waits a moment before it takes what has come.
 *
 * Going to sleep and being woken costs a thread several times what receiving a datagram does, and
 * under dense traffic it is woken again for almost each of them. So while traffic is dense, a woken
 * thread sleeps PACE_WAIT_NS more, and takes at once what has come by then. Sparse traffic never
 * waits: every datagram is taken as soon as it wakes the thread.
 *
 * Dense is what came closer together than PACE_GAP_NS for a while: each datagram pays in that time,
 * and time spends it. A thread waits as long as PACE_DENSE_NS are left. So a burst of up to
 * PACE_DENSE_NS / PACE_GAP_NS = 320 datagrams never waits, and a silence of PACE_MOST_NS -
 * PACE_DENSE_NS = 8 ms ends it.
 *
 * It does not wait when the last turn of the loop left something in a queue, never twice in a turn, and
 * never so long that a socket's buffer could overflow because of it.
 *
 * Time and counts come in as arguments. Belongs to one thread, but for `waits`. */
#ifndef INGEST_PACE_H
#define INGEST_PACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PACE_WAIT_NS INT64_C(100000)
#define PACE_GAP_NS INT64_C(25000)
#define PACE_DENSE_NS INT64_C(8000000)
#define PACE_MOST_NS INT64_C(16000000)

typedef struct {
    int64_t wait_ns;        /* how long it waits; 0: never */
    int64_t credit_ns;      /* paid in and not spent, 0 to PACE_MOST_NS */
    int64_t now_ns;         /* the time up to which it is spent */
    bool waited;            /* in this turn of the loop */
    bool left_now;          /* something was left in a queue in this turn, */
    bool left_before;       /* or in the one before */
    _Atomic uint64_t waits; /* so far; written by the thread, read by anybody */
} Pace;

/* A zeroed one never waits. */
void pace_init(Pace *p);

/* The thread has also to do with a socket whose receive buffer is as large as that, in bytes as the
 * kernel counts them. The smallest decides. */
void pace_add_buffer(Pace *p, int64_t granted);

/* Called in each turn of the thread's loop, before or after all its sockets. */
void pace_turn(Pace *p);

/* The thread was woken at `now_ns` (CLOCK_MONOTONIC), by a socket that can be read.
 * => nanoseconds to sleep before taking from it; 0: take at once. */
int64_t pace_woken(Pace *p, int64_t now_ns);

/* It has taken so many datagrams; `left`: and gave up before the queue was empty. */
void pace_took(Pace *p, int64_t datagrams, bool left);

#endif
