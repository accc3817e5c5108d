#include "ingest/tcp_connections.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    READS_A_WAKE = 4 /* then the others have their turn */
};

#define REFUSED_WARNING_NS (INT64_C(60) * 1000000000)

struct TcpConnection {
    uv_poll_t poll;
    int fd;
    Stream stream;
    char *kept; /* what stream.kept points to between two reads; NULL: nothing is kept */
    TcpConnections *table;
    TcpFigures *figures;
    uint64_t heard_ms;     /* the loop's time when something came, or when it was made */
    TcpConnection *longer; /* who has been silent longer; NULL: none */
    TcpConnection *shorter;
};

static void add(_Atomic uint64_t *figure, uint64_t difference)
{
    /* relaxed: written by this thread alone, a figure for people. */
    uint64_t before = atomic_load_explicit(figure, memory_order_relaxed);
    atomic_store_explicit(figure, before + difference, memory_order_relaxed);
}

/* ---- the list, by silence ---- */

static void unlink_connection(TcpConnection *c)
{
    TcpConnections *t = c->table;
    *(c->longer != NULL ? &c->longer->shorter : &t->longest) = c->shorter;
    *(c->shorter != NULL ? &c->shorter->longer : &t->latest) = c->longer;
}

static void link_latest(TcpConnection *c)
{
    TcpConnections *t = c->table;
    c->longer = t->latest;
    c->shorter = NULL;
    *(t->latest != NULL ? &t->latest->shorter : &t->longest) = c;
    t->latest = c;
    c->heard_ms = uv_now(t->loop);
}

/* ---- the end of one ---- */

static void free_connection(uv_handle_t *handle)
{
    TcpConnection *c = handle->data;
    free(c->kept);
    free(c);
}

static void leave_place(TcpLimit *limit)
{
    /* relaxed: the number alone counts. */
    atomic_fetch_sub_explicit(&limit->open, 1, memory_order_relaxed);
}

static void close_connection(TcpConnection *c)
{
    unlink_connection(c);
    leave_place(c->table->limit);
    add(&c->figures->connections, (uint64_t)-1);
    uv_close((uv_handle_t *)&c->poll, free_connection); /* takes it out of the loop at once */
    close(c->fd);
}

/* ---- reading ---- */

/* Moves the beginning of a line from the receiver's memory to the connection's own. => 0 or -ENOMEM. */
static int keep_rest(TcpConnection *c)
{
    Stream *stream = &c->stream;
    char *before = c->kept;
    c->kept = NULL;
    if (stream->kept_length > 0) {
        c->kept = malloc(stream->kept_length);
        if (c->kept != NULL)
            memcpy(c->kept, stream->kept, stream->kept_length);
    }
    free(before);
    stream->kept = c->kept;
    return c->kept == NULL && stream->kept_length > 0 ? -ENOMEM : 0;
}

/* => bytes read; 0: the other side has closed; -EAGAIN: nothing is there; other negative errno. */
static int read_once(TcpConnection *c)
{
    TcpConnections *t = c->table;
    int got = receiver_take_stream(t->receiver, c->fd, &c->stream);
    if (got <= 0)
        return got;
    add(&c->figures->bytes, (uint64_t)got);
    int error = keep_rest(c);
    t->bytes += (uint64_t)got;
    if (t->bytes >= TCP_BETWEEN_BYTES && t->between != NULL) {
        t->bytes = 0;
        t->between(t->data);
    }
    return error == 0 ? got : error;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    TcpConnection *c = poll->data;
    TcpConnections *t = c->table;
    int got = 0;
    (void)events;
    receiver_tick(t->receiver, uv_now(t->loop));
    for (int i = 0; i < READS_A_WAKE; i++) {
        got = read_once(c);
        if (got < RECEIVE_BUFFER_BYTES / 2) /* else there may be more */
            break;
    }
    if (got <= 0 && got != -EAGAIN) {
        close_connection(c);
        return;
    }
    unlink_connection(c);
    link_latest(c);
    /* An error is pending, behind what is still to be read: libuv has stopped the handle. */
    if (status < 0)
        (void)uv_poll_start(poll, UV_READABLE, on_readable);
}

/* ---- newcomers ---- */

/* => whether it is for this thread, and not too early, to tell the log that there are too many. */
static bool may_warn(TcpLimit *limit)
{
    int64_t now = clock_monotonic_ns();
    /* relaxed, both: one number, and whoever changes it is the one. */
    int64_t before = atomic_load_explicit(&limit->warned_ns, memory_order_relaxed);
    if (before != 0 && now - before < REFUSED_WARNING_NS)
        return false;
    return atomic_compare_exchange_strong_explicit(&limit->warned_ns, &before, now,
                                                   memory_order_relaxed, memory_order_relaxed);
}

static void refuse(TcpConnections *t, int fd, TcpFigures *figures)
{
    close(fd);
    add(&figures->refused, 1);
    if (may_warn(t->limit))
        log_warning(
            "ingest",
            "a TCP connection was refused: there are %" PRIu32
            ", and none of thread %u has been silent for %" PRIu64
            " s; a larger ingest.tcp_max_connections helps, or clients that close what they "
            "do not need (/server counts further ones as \"refused\", the log tells of them "
            "once a minute)",
            t->limit->most, t->thread, t->silent_ms / 1000);
}

/* => whether there is a place for one more; then it is taken. */
static bool take_place(TcpConnections *t)
{
    /* relaxed, both: the number alone counts. */
    if (atomic_fetch_add_explicit(&t->limit->open, 1, memory_order_relaxed) < t->limit->most)
        return true;
    TcpConnection *c = t->longest;
    if (c != NULL && uv_now(t->loop) - c->heard_ms >= t->silent_ms) {
        add(&c->figures->crowded_out, 1);
        close_connection(c);
        return true;
    }
    leave_place(t->limit);
    return false;
}

static TcpConnection *make_connection(TcpConnections *t, int fd, const struct sockaddr_in6 *peer,
                                      TcpFigures *figures)
{
    TcpConnection *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    if (uv_poll_init(t->loop, &c->poll, fd) != 0) {
        free(c);
        return NULL;
    }
    c->poll.data = c;
    c->fd = fd;
    c->stream.peer = *peer;
    c->table = t;
    c->figures = figures;
    return c;
}

void tcp_connections_add(TcpConnections *t, int fd, const struct sockaddr_in6 *peer,
                         TcpFigures *figures)
{
    if (!take_place(t)) {
        refuse(t, fd, figures);
        return;
    }
    TcpConnection *c = make_connection(t, fd, peer, figures);
    if (c == NULL) { /* no memory: the sender can try again */
        leave_place(t->limit);
        add(&figures->refused, 1);
        close(fd);
        return;
    }
    link_latest(c);
    add(&figures->accepted, 1);
    add(&figures->connections, 1);
    if (uv_poll_start(&c->poll, UV_READABLE, on_readable) != 0)
        close_connection(c);
}

/* ---- the end ---- */

/* What is queued comes first in, first out: after as many bytes it has been taken, however fast more come. */
static void drain(TcpConnection *c)
{
    int queued = 0;
    int64_t taken = 0;
    (void)ioctl(c->fd, FIONREAD, &queued);
    while (taken <= queued) {
        int got = read_once(c);
        if (got <= 0)
            break;
        taken += got;
    }
}

void tcp_connections_drain(TcpConnections *t)
{
    while (t->longest != NULL) {
        drain(t->longest);
        close_connection(t->longest);
    }
}
