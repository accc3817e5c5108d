#include "ingest/worker.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define DROP_WARNING_NS (INT64_C(60) * 1000000000)

/* The loop has seen to all that was ready, and would look for more. */
static void on_turn(uv_prepare_t *turn)
{
    Worker *w = turn->data;
    int64_t wait_ns = pace_turn(&w->pace, clock_monotonic_ns());
    if (wait_ns > 0)
        clock_sleep_ns(wait_ns);
}

/* ---- being told ---- */

static void warn_of_drops(Worker *w)
{
    uint64_t dropped = 0;
    uint64_t suppressed;
    for (size_t i = 0; i < w->socket_count; i++)
        dropped += udp_socket_dropped(&w->sockets[i].udp);
    if (dropped == w->dropped_warned ||
        !log_limiter_pass(&w->drop_limiter, clock_monotonic_ns(), DROP_WARNING_NS, &suppressed))
        return;
    log_warning("ingest",
                "thread %u: the kernel has dropped %llu datagrams more because the receive buffer "
                "was full; a larger ingest.receive_buffer_bytes (and net.core.rmem_max), more "
                "ingest.threads, or several values in a datagram help",
                w->number, (unsigned long long)(dropped - w->dropped_warned));
    w->dropped_warned = dropped;
}

/* Takes what the kernel holds at this moment, from all. */
static void drain(Worker *w)
{
    for (size_t i = 0; i < w->listener_count; i++)
        tcp_listener_drain(w->listeners[i]);
    tcp_connections_drain(&w->tcp);
    for (size_t i = 0; i < w->socket_count; i++)
        worker_socket_drain(&w->sockets[i]);
}

/* Looks for idle series, a piece at a time, so that what comes in meanwhile has its turn. */
static void forget_idle(Worker *w)
{
    receiver_tick(&w->receiver, uv_now(&w->loop));
    if (slot_sweep_step(&w->sweep, &w->pipeline.index))
        (void)uv_async_send(&w->wake);
}

/* What was left for later at the start. */
static void complete_hand(Worker *w)
{
    if (w->hand_is_complete)
        return;
    w->hand_is_complete = true;
    int error = hand_complete(&w->hand_memory, w->hand);
    if (error != 0 && w->number == 0)
        log_notice(
            "ingest",
            "cannot keep the batches in hand in memory: %s; when memory is short, a kill may "
            "lose a datagram. LimitMEMLOCK= (ulimit -l) helps",
            uv_strerror(error));
}

static void on_wake(uv_async_t *wake)
{
    Worker *w = wake->data;
    /* acquire: pairs with the release in worker_ping(). */
    uint64_t ping = atomic_load_explicit(&w->ping, memory_order_acquire);
    /* acquire: pairs with the release in worker_stop(). */
    if (atomic_load_explicit(&w->stopping, memory_order_acquire)) {
        drain(w);
        uv_close((uv_handle_t *)&w->turn, NULL);
        uv_close((uv_handle_t *)&w->wake, NULL);
    } else {
        warn_of_drops(w);
        complete_hand(w);
        forget_idle(w);
    }
    /* release: the answer says that what was done before is done; pairs with the acquire in
     * worker_stuck_ns(). */
    atomic_store_explicit(&w->pong, ping, memory_order_release);
}

static void *worker_body(void *argument)
{
    Worker *w = argument;
    thread_sleep_exactly();
    (void)uv_run(&w->loop, UV_RUN_DEFAULT);
    return NULL;
}

/* ---- life ---- */

/* A stream's sender waits when we are busy, a datagram's loses: streams make room for datagrams. */
static void look_at_datagrams(void *data)
{
    Worker *w = data;
    for (size_t i = 0; i < w->socket_count; i++)
        worker_socket_look(&w->sockets[i]);
}

int worker_init(Worker *w, unsigned number, Registry *registry, bool gauge_sign_absolute)
{
    memset(w, 0, offsetof(Worker, sockets));
    w->number = number;
    pace_init(&w->pace);
    reject_log_init(&w->rejects);
    int error = hand_open(registry_store(registry), &w->hand_memory, &w->hand);
    if (error == 0)
        error = pipeline_init(&w->pipeline, registry, &w->rejects, gauge_sign_absolute);
    if (error == 0)
        pipeline_set_ledger(&w->pipeline, &w->hand->ledger);
    w->receiver = (Receiver){w->hand, &w->pipeline, &w->counters};
    w->tcp = (TcpConnections){.loop = &w->loop,
                              .receiver = &w->receiver,
                              .thread = number,
                              .silent_ms = TCP_SILENT_MS,
                              .between = look_at_datagrams,
                              .data = w};
    if (error == 0)
        error = uv_loop_init(&w->loop);
    if (error == 0) {
        w->loop_open = true;
        error = uv_async_init(&w->loop, &w->wake, on_wake);
        w->wake.data = w;
        receiver_tick(&w->receiver, uv_now(&w->loop));
        (void)uv_prepare_init(&w->loop, &w->turn); /* these two cannot fail */
        (void)uv_prepare_start(&w->turn, on_turn);
        w->turn.data = w;
    }
    if (error != 0)
        worker_fini(w);
    return error;
}

/* Handles that are still open keep a loop from closing. */
static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void worker_fini(Worker *w)
{
    if (w->loop_open) {
        uv_walk(&w->loop, close_handle, NULL);
        (void)uv_run(&w->loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&w->loop);
        w->loop_open = false;
    }
    for (size_t i = 0; i < w->socket_count; i++)
        worker_socket_close(&w->sockets[i]);
    for (size_t i = 0; i < WORKER_MAX_LISTENERS && w->listeners[i] != NULL; i++) {
        tcp_listener_close(w->listeners[i]); /* the last may be none that counts */
        free(w->listeners[i]);
        w->listeners[i] = NULL;
    }
    w->listener_count = 0;
    pipeline_fini(&w->pipeline);
    arena_fini(&w->hand_memory);
    reject_log_fini(&w->rejects);
}

WorkerSocket *worker_next_socket(Worker *w)
{
    if (w->socket_count == WORKER_MAX_SOCKETS)
        return NULL;
    WorkerSocket *s = &w->sockets[w->socket_count];
    worker_socket_init(s, w);
    return s;
}

TcpListener *worker_next_listener(Worker *w)
{
    if (w->listener_count == WORKER_MAX_LISTENERS)
        return NULL;
    TcpListener **place = &w->listeners[w->listener_count];
    if (*place == NULL)
        *place = calloc(1, sizeof **place);
    if (*place != NULL)
        (*place)->fd = -1;
    return *place;
}

int worker_start(Worker *w)
{
    for (size_t i = 0; i < w->socket_count; i++) {
        int error = worker_socket_start(&w->sockets[i]);
        if (error != 0)
            return error;
    }
    for (size_t i = 0; i < w->listener_count; i++) {
        int error = tcp_listener_start(w->listeners[i], &w->tcp);
        if (error != 0)
            return error;
    }
    char name[16];
    (void)snprintf(name, sizeof name, "ingest-%u", w->number);
    return thread_start(&w->thread, name, worker_body, w);
}

void worker_replay(Worker *w, const Hand *hand, uint64_t done)
{
    receiver_replay(&w->receiver, hand, done);
}

void worker_stop(Worker *w)
{
    if (!w->thread.running)
        return;
    /* release: pairs with the acquire in on_wake(). */
    atomic_store_explicit(&w->stopping, true, memory_order_release);
    (void)uv_async_send(&w->wake); /* cannot fail while the handle is open */
}

void worker_join(Worker *w)
{
    (void)thread_join(&w->thread);
}

void worker_ping(Worker *w, int64_t now_ns)
{
    /* relaxed: this thread alone writes `ping`. acquire: pairs with the release in on_wake(). */
    uint64_t ping = atomic_load_explicit(&w->ping, memory_order_relaxed);
    if (atomic_load_explicit(&w->pong, memory_order_acquire) != ping)
        return;
    /* relaxed: the release below publishes it. */
    atomic_store_explicit(&w->pinged_ns, now_ns, memory_order_relaxed);
    /* release: pairs with the acquire in on_wake() and worker_stuck_ns(). */
    atomic_store_explicit(&w->ping, ping + 1, memory_order_release);
    (void)uv_async_send(&w->wake);
}

int64_t worker_stuck_ns(const Worker *w, int64_t now_ns)
{
    /* acquire: pairs with the release in on_wake(); read first, so that an answer that comes in
     * between makes the thread look alive, not stuck. */
    uint64_t pong = atomic_load_explicit(&w->pong, memory_order_acquire);
    /* acquire: pairs with the release in worker_ping(): pinged_ns is that ping's or a later one's. */
    if (atomic_load_explicit(&w->ping, memory_order_acquire) == pong)
        return 0;
    /* relaxed: ordered by the acquire above. */
    int64_t owed = now_ns - atomic_load_explicit(&w->pinged_ns, memory_order_relaxed);
    return owed > 0 ? owed : 1;
}
