/* When an ingest thread waits a moment before it looks for more.
 *
 * Going to sleep and being woken costs a thread several times what receiving a datagram does, and
 * under dense traffic it is woken again for almost each of them. So a thread that has taken only a
 * few, while traffic is dense, sleeps PACE_WAIT_NS before it looks again, and then takes at once what
 * has come. If even that is less than PACE_ENOUGH, as when many threads share the traffic, it sleeps twice as
 * long the next time, up to PACE_LONGEST_NS; and half as long after more than twice PACE_ENOUGH. Sparse traffic never waits: every datagram is taken as soon as it wakes the thread.
 *
 * Dense is what came closer together than PACE_GAP_NS for a while: each datagram pays in that time,
 * and time spends it. A thread waits only if PACE_DENSE_NS are left. So a burst of less than
 * PACE_DENSE_NS / PACE_GAP_NS = 320 datagrams never makes it wait, and 8 ms of silence (PACE_MOST_NS -
 * PACE_DENSE_NS) end it.
 *
 * It does not wait if it took PACE_ENOUGH or more, which were worth being woken: there may be more,
 * or a burst is over. And never so long that a socket's buffer could overflow because of it.
 *
 * Waiting saves nothing if the datagrams come in groups that are further apart than a wait: then the
 * thread only sleeps twice for each. How much it saves else depends on the machine: a sleep of a set
 * length needs a timer, and may cost several times what one does that a datagram ends. So it is tried.
 * In a trial, PACE_PART_NS without waiting and PACE_PART_NS with take turns, PACE_PARTS in all, and
 * what counts is the CPU time that a datagram took the thread in either way. Waiting must save one
 * PACE_WORTH-th of it, since it is paid for with latency, too. What was found holds for PACE_HOLD_NS;
 * each trial that finds the same again doubles that, up to PACE_HOLD_MOST_NS; another result brings it
 * back. Traffic that is dense anew begins with a trial.
 *
 * Time and counts come in as arguments, and CPU time by a function that tests replace. Belongs to one
 * thread, but for `waits`. */
#ifndef INGEST_PACE_H
#define INGEST_PACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PACE_WAIT_NS INT64_C(100000)
#define PACE_LONGEST_NS INT64_C(400000)
#define PACE_GAP_NS INT64_C(25000)
#define PACE_DENSE_NS INT64_C(8000000)
#define PACE_MOST_NS INT64_C(16000000)
#define PACE_PART_NS INT64_C(16000000)
#define PACE_HOLD_NS INT64_C(256000000)
#define PACE_HOLD_MOST_NS INT64_C(4096000000)

enum {
    PACE_ENOUGH = 32, /* datagrams */
    PACE_PARTS = 4,   /* of a trial; even */
    PACE_WORTH = 16
};

typedef struct {
    int64_t cpu_ns;
    int64_t datagrams;
} PaceCost;

typedef struct {
    int64_t longest_ns;        /* that it may wait; 0: it never waits */
    int64_t wait_ns;           /* how long the next wait is */
    bool waited;               /* since the latest turn */
    int64_t credit_ns;         /* paid in and not spent, 0 to PACE_MOST_NS */
    int64_t now_ns;            /* the time up to which it is spent */
    int64_t taken;             /* in this turn of the loop */
    bool in_a_hurry;           /* it must not wait after this turn */
    int64_t (*cpu_ns)(void);   /* the CPU time that this thread has used so far */
    int part;                  /* of the trial; odd ones wait. PACE_PARTS: between two trials, */
    bool pays;                 /* and this is what the latest has found */
    int64_t hold_ns;           /* from its end to the next */
    int64_t until_ns;          /* the end of this part, or the next trial's beginning */
    PaceCost before;           /* this part: all CPU time so far; and what was taken since */
    PaceCost sides[2];         /* of this trial so far: without and with waiting */
    _Atomic int64_t waited_ns; /* so far; written by the thread, read by anybody */
} Pace;

/* A zeroed one never waits. */
void pace_init(Pace *p);

/* The thread has also to do with a socket whose receive buffer is as large as that, in bytes as the
 * kernel counts them. The smallest decides. */
void pace_add_buffer(Pace *p, int64_t granted);

/* The thread has taken so many datagrams from one of its sockets. */
void pace_took(Pace *p, int64_t datagrams);

/* Somebody would wait for the thread if it waited after this turn. */
static inline void pace_hurry(Pace *p)
{
    p->in_a_hurry = true;
}

/* A turn of the thread's loop, over all its sockets, is over at `now_ns` (CLOCK_MONOTONIC). Asks
 * for the CPU time where a part of a trial begins or ends, every PACE_PART_NS at most.
 * => nanoseconds to sleep before the next one; 0: go on. */
int64_t pace_turn(Pace *p, int64_t now_ns);

#endif
