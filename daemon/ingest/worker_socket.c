#include "ingest/worker_socket.h"

#include <errno.h>

#include "ingest/worker.h"

enum {
    BATCHES_A_WAKE = 32,     /* then the loop has its turn, for pings and the other sockets */
    ERRORS_TO_GIVE_UP = 100, /* of one socket, in a row */
    /* No Unix socket's queue holds more at the end: net.unix.max_dgram_qlen is far smaller. */
    UNIX_QUEUE_MOST = 65536
};

void worker_socket_init(WorkerSocket *s, Worker *worker)
{
    *s = (WorkerSocket){
        .transport = TRANSPORT_UDP, .udp = {.fd = -1}, .local = {.fd = -1}, .worker = worker};
}

static int descriptor(const WorkerSocket *s)
{
    return s->transport == TRANSPORT_UDP ? s->udp.fd : s->local.fd;
}

const char *worker_socket_text(const WorkerSocket *s, char out[static ADDRESS_TEXT_SIZE])
{
    return s->transport == TRANSPORT_UDP ? address_format(&s->udp.address, out) : s->local.text;
}

/* ---- receiving ---- */

/* => datagrams taken, up to a full batch; -EAGAIN: none are there; other negative errno. */
static int take_batch(WorkerSocket *s)
{
    bool udp = s->transport == TRANSPORT_UDP;
    _Atomic uint64_t *datagrams = udp ? &s->udp.datagrams : &s->local.datagrams;
    Receiver *receiver = &s->worker->receiver;
    int count =
        udp ? receiver_take_udp(receiver, s->udp.fd) : receiver_take_unix(receiver, s->local.fd);
    if (count < 0)
        return count;
    /* relaxed: written by this thread alone, a figure for people. */
    uint64_t before = atomic_load_explicit(datagrams, memory_order_relaxed);
    atomic_store_explicit(datagrams, before + (uint64_t)count, memory_order_relaxed);
    return count;
}

/* Takes up to `batches` full batches. => datagrams taken; negative errno. */
static int64_t take(WorkerSocket *s, int64_t batches)
{
    int64_t taken = 0;
    for (int64_t i = 0; i < batches; i++) {
        int count = take_batch(s);
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
static void failed(WorkerSocket *s, int error)
{
    char text[ADDRESS_TEXT_SIZE];
    if (++s->errors < ERRORS_TO_GIVE_UP)
        return;
    uv_poll_stop(&s->poll);
    log_error("ingest", "thread %u stops receiving on %s %s after %u errors in a row: %s",
              s->worker->number, transport_name(s->transport), worker_socket_text(s, text),
              s->errors, uv_strerror(error));
}

/* A Unix socket's queue is short, and who sends into a full one has to wait: so we do not. */
static void tell_pace(WorkerSocket *s, int64_t taken)
{
    if (s->transport == TRANSPORT_UDP)
        pace_took(&s->worker->pace, taken);
    else
        pace_hurry(&s->worker->pace);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    WorkerSocket *s = poll->data;
    (void)events;
    receiver_tick(&s->worker->receiver, uv_now(&s->worker->loop));
    int64_t taken = take(s, BATCHES_A_WAKE); /* also clears a pending error */
    if (taken > 0)
        tell_pace(s, taken);
    if (taken < 0)
        failed(s, (int)taken);
    else if (status < 0)
        failed(s, status);
    else
        s->errors = 0;
    /* For an error that was pending, libuv has stopped the handle. */
    if (status < 0 && s->errors < ERRORS_TO_GIVE_UP)
        (void)uv_poll_start(poll, UV_READABLE, on_readable);
}

void worker_socket_look(WorkerSocket *s)
{
    int64_t taken = take(s, BATCHES_A_WAKE); /* an error, the next turn sees */
    if (taken > 0)
        tell_pace(s, taken);
}

int worker_socket_start(WorkerSocket *s)
{
    Worker *w = s->worker;
    int error = uv_poll_init(&w->loop, &s->poll, descriptor(s));
    s->poll.data = s;
    if (s->transport == TRANSPORT_UDP)
        pace_add_buffer(&w->pace, s->udp.receive_buffer_granted);
    if (error == 0)
        error = uv_poll_start(&s->poll, UV_READABLE, on_readable);
    return error;
}

/* ---- the end ---- */

/* The most datagrams that the queue can hold: even an empty one costs it several hundred bytes. */
static int64_t queue_capacity(const WorkerSocket *s)
{
    if (s->transport != TRANSPORT_UDP)
        return UNIX_QUEUE_MOST;
    return s->udp.receive_buffer_granted / 256 + RECEIVE_BATCH_SIZE;
}

/* The queue is first in, first out, so after as many as it can hold everything that was in it has been
 * taken, however fast more come. */
void worker_socket_drain(WorkerSocket *s)
{
    int64_t batches = queue_capacity(s) / RECEIVE_BATCH_SIZE + 1;
    if (s->transport == TRANSPORT_UNIX)
        unix_socket_retire(&s->local);
    /* A pending error comes before what is queued; asking again gets at that. */
    for (int tries = 0; tries < ERRORS_TO_GIVE_UP && take(s, batches) < 0; tries++) {
    }
    uv_close((uv_handle_t *)&s->poll, NULL);
}

void worker_socket_close(WorkerSocket *s)
{
    udp_socket_close(&s->udp);
    unix_socket_close(&s->local);
}
