/* One ingest thread: its loop, its sockets, its pipeline.
 *
 * Thread rule: init, next_socket, start, stop, join and fini are for the thread that owns the pool; the
 * functions marked so may be called by any thread between worker_init() and worker_fini(). The rest
 * of the structure belongs to the worker's own thread while it runs. */
#ifndef INGEST_WORKER_H
#define INGEST_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "base/log.h"
#include "base/thread.h"
#include "ingest/hand.h"
#include "ingest/intake_counters.h"
#include "ingest/pace.h"
#include "ingest/pipeline.h"
#include "ingest/receiver.h"
#include "ingest/reject_log.h"
#include "ingest/tcp_listener.h"
#include "ingest/worker_socket.h"
#include "metrics/slot_sweep.h"

enum {
    WORKER_MAX_SOCKETS = HAND_SOCKETS,
    WORKER_MAX_LISTENERS = 64
};

/* The padding keeps the counters in lines of their own.
 * NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
struct Worker {
    IntakeCounters counters; /* written by the worker, read by anybody */
    unsigned number;
    Thread thread;
    uv_loop_t loop;
    bool loop_open;
    uv_async_t wake;   /* a ping, or the order to stop */
    uv_prepare_t turn; /* called before the loop looks for more */
    Pace pace;
    RejectLog rejects;
    Arena hand_memory;
    Hand *hand; /* in it */
    bool hand_is_complete;
    Pipeline pipeline;
    Receiver receiver; /* for these three: counters, hand, pipeline */
    SlotSweep sweep;
    size_t socket_count;
    TcpListener *listeners[WORKER_MAX_LISTENERS];
    size_t listener_count;
    TcpConnections tcp;
    uint64_t dropped_warned; /* drops that the log has been told of */
    LogLimiter drop_limiter;
    _Atomic bool stopping;
    _Atomic uint64_t ping;                    /* how often it was asked to show that it is alive */
    _Atomic uint64_t pong;                    /* the latest ping that it has answered */
    _Atomic int64_t pinged_ns;                /* CLOCK_MONOTONIC of the latest ping */
    WorkerSocket sockets[WORKER_MAX_SOCKETS]; /* last: those that are not used are not touched */
};

/* Makes everything but the sockets. => 0 or negative errno (nothing is left then). */
int worker_init(Worker *w, unsigned number, Registry *registry, bool gauge_sign_absolute);

/* Frees all. The thread must not run, and no reader of the registry may be left. */
void worker_fini(Worker *w);

/* => the next free socket of the worker, to be opened; NULL: it has all that it may have. It counts
 * once socket_count is raised. */
WorkerSocket *worker_next_socket(Worker *w);

/* The same for a listening TCP socket, which counts once listener_count is raised. NULL: there is no memory, too.
 * w->tcp.limit has to be set before worker_start(). */
TcpListener *worker_next_listener(Worker *w);

/* Starts the thread. => 0 or negative errno. */
int worker_start(Worker *w);

/* Takes a batch in that another process had in its hands: the first `done` of its values are in. Before
 * worker_start(). */
void worker_replay(Worker *w, const Hand *hand, uint64_t done);

/* Asks the thread to take what the kernel holds now, and to end. Returns at once. */
void worker_stop(Worker *w);

/* Waits for its end. Idempotent. */
void worker_join(Worker *w);

/* Asks the thread to show that it is alive, unless an answer is still owed. Any one thread. */
void worker_ping(Worker *w, int64_t now_ns);

/* => nanoseconds for which an answer has been owed at `now_ns`; 0: none is. Any thread. */
int64_t worker_stuck_ns(const Worker *w, int64_t now_ns);

#endif
