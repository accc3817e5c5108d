#include "ingest/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum {
    BATCHES_A_WAKE = 32,    /* then the loop has its turn, for pings and the other sockets */
    ERRORS_TO_GIVE_UP = 100 /* of one socket, in a row */
};

#define DROP_WARNING_NS (INT64_C(60) * 1000000000)

/* ---- receiving ---- */

/* Tells the index the loop's time, which costs nothing: whoever has waited or been stopped for long does
 * not mark what comes next with the time from before. */
static void tick(Worker *w)
{
    series_index_tick(&w->pipeline.index, (uint32_t)(uv_now(&w->loop) / 1000));
}

/* Records `count` datagrams of a batch, whose time is set: the own one, or that of an earlier process. */
static void record_batch(Worker *w, const ReceiveBatch *batch, int count)
{
    for (int i = 0; i < count; i++)
        pipeline_datagram(&w->pipeline, receive_batch_bytes(batch, i), batch->headers[i].msg_len,
                          (const struct sockaddr *)&batch->sources[i]);
    pipeline_flush(&w->pipeline);
    ledger_end(w->pipeline.ledger, &w->pipeline.counts);
    intake_counters_publish(&w->counters, &w->pipeline.counts);
}

/* => datagrams taken, up to a full batch; -EAGAIN: none are there; other negative errno. */
static int take_batch(Worker *w, WorkerSocket *s)
{
    ReceiveBatch *batch = &w->hand->batch;
    ledger_begin(w->pipeline.ledger);
    int count = receive_batch_fill(batch, s->udp.fd);
    if (count < 0)
        return count;
    pipeline_set_time(&w->pipeline, clock_realtime_ns());
    if (w->pipeline.context.checked)
        hand_seal(w->hand, count);
    record_batch(w, batch, count);
    receive_batch_clear(batch, count);
    /* relaxed: written by this thread alone, a figure for people. */
    uint64_t before = atomic_load_explicit(&s->udp.datagrams, memory_order_relaxed);
    atomic_store_explicit(&s->udp.datagrams, before + (uint64_t)count, memory_order_relaxed);
    return count;
}

/* Takes up to `batches` full batches. => datagrams taken; negative errno. */
static int64_t take(Worker *w, WorkerSocket *s, int64_t batches)
{
    int64_t taken = 0;
    for (int64_t i = 0; i < batches; i++) {
        int count = take_batch(w, s);
        if (count == -EAGAIN)
            break;
        if (count < 0)
            return count;
        taken += count;
        if (count < RECEIVE_BATCH_SIZE)
            break;
    }
    return taken;
}

/* An error that stays would wake the loop for ever: after a hundred in a row the socket is left
 * alone, and the rest goes on. */
static void socket_failed(WorkerSocket *s, int error)
{
    char text[ADDRESS_TEXT_SIZE];
    if (++s->errors < ERRORS_TO_GIVE_UP)
        return;
    uv_poll_stop(&s->poll);
    log_error("ingest", "thread %u stops receiving on %s after %u errors in a row: %s",
              s->worker->number, address_format(&s->udp.address, text), s->errors,
              uv_strerror(error));
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    WorkerSocket *s = poll->data;
    (void)events;
    tick(s->worker);
    int64_t taken = take(s->worker, s, BATCHES_A_WAKE); /* also clears a pending error */
    if (taken > 0)
        pace_took(&s->worker->pace, taken);
    if (taken < 0)
        socket_failed(s, (int)taken);
    else if (status < 0)
        socket_failed(s, status);
    else
        s->errors = 0;
    /* For an error that was pending, libuv has stopped the handle. */
    if (status < 0 && s->errors < ERRORS_TO_GIVE_UP)
        (void)uv_poll_start(poll, UV_READABLE, on_readable);
}

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

/* The most datagrams that the queue can hold: even an empty one costs it several hundred bytes. */
static int64_t queue_capacity(const UdpSocket *s)
{
    return s->receive_buffer_granted / 256 + RECEIVE_BATCH_SIZE;
}

/* Takes what the kernel holds at this moment. The queue is first in, first out, so after as many as
 * it can hold everything that was in it has been taken, however fast more come. */
static void drain(Worker *w)
{
    for (size_t i = 0; i < w->socket_count; i++) {
        WorkerSocket *s = &w->sockets[i];
        int64_t batches = queue_capacity(&s->udp) / RECEIVE_BATCH_SIZE + 1;
        /* A pending error comes before what is queued; asking again gets at that. */
        for (int tries = 0; tries < ERRORS_TO_GIVE_UP && take(w, s, batches) < 0; tries++) {
        }
    }
}

/* Looks for idle series, a piece at a time, so that what comes in meanwhile has its turn. */
static void forget_idle(Worker *w)
{
    tick(w);
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
        for (size_t i = 0; i < w->socket_count; i++)
            uv_close((uv_handle_t *)&w->sockets[i].poll, NULL);
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

int worker_init(Worker *w, unsigned number, Registry *registry, bool gauge_sign_absolute)
{
    memset(w, 0, sizeof *w);
    w->number = number;
    pace_init(&w->pace);
    reject_log_init(&w->rejects);
    int error = hand_open(registry_store(registry), &w->hand_memory, &w->hand);
    if (error == 0)
        error = pipeline_init(&w->pipeline, registry, &w->rejects, gauge_sign_absolute);
    if (error == 0)
        pipeline_set_ledger(&w->pipeline, &w->hand->ledger);
    if (error == 0)
        error = uv_loop_init(&w->loop);
    if (error == 0) {
        w->loop_open = true;
        error = uv_async_init(&w->loop, &w->wake, on_wake);
        w->wake.data = w;
        tick(w);
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
        udp_socket_close(&w->sockets[i].udp);
    pipeline_fini(&w->pipeline);
    arena_fini(&w->hand_memory);
    reject_log_fini(&w->rejects);
}

WorkerSocket *worker_next_socket(Worker *w)
{
    if (w->socket_count == WORKER_MAX_SOCKETS)
        return NULL;
    WorkerSocket *s = &w->sockets[w->socket_count];
    *s = (WorkerSocket){.udp.fd = -1, .worker = w};
    return s;
}

int worker_start(Worker *w)
{
    for (size_t i = 0; i < w->socket_count; i++) {
        WorkerSocket *s = &w->sockets[i];
        int error = uv_poll_init(&w->loop, &s->poll, s->udp.fd);
        s->poll.data = s;
        pace_add_buffer(&w->pace, s->udp.receive_buffer_granted);
        if (error == 0)
            error = uv_poll_start(&s->poll, UV_READABLE, on_readable);
        if (error != 0)
            return error;
    }
    char name[16];
    (void)snprintf(name, sizeof name, "ingest-%u", w->number);
    return thread_start(&w->thread, name, worker_body, w);
}

void worker_replay(Worker *w, const Hand *hand, uint64_t done)
{
    const Ledger *ledger = &hand->ledger;
    bool gauge_sign = w->pipeline.context.gauge_sign_absolute;
    /* relaxed: the process that wrote it has ended. 0: that was its first batch. */
    int64_t now_ns = atomic_load_explicit(&ledger->now_ns, memory_order_relaxed);
    int count = 0;
    while (count < RECEIVE_BATCH_SIZE && hand->batch.headers[count].msg_len != RECEIVE_NONE)
        count++;
    /* relaxed: as above. */
    w->pipeline.context.gauge_sign_absolute =
        atomic_load_explicit(&ledger->gauge_sign, memory_order_relaxed) != 0;
    w->pipeline.skip = done;
    pipeline_set_time(&w->pipeline, now_ns != 0 ? now_ns : clock_realtime_ns());
    record_batch(w, &hand->batch, count);
    w->pipeline.skip = 0;
    w->pipeline.context.gauge_sign_absolute = gauge_sign;
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
