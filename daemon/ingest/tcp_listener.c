#include "ingest/tcp_listener.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "ingest/tcp_socket.h"

enum {
    ACCEPTS_A_WAKE = 64, /* then the loop has its turn */
    PAUSE_MS = 1000,
    ERRORS_TO_GIVE_UP = 100, /* in a row */
    QUEUE_MOST = 65536       /* more connections than any queue holds */
};

#define PAUSE_WARNING_NS (INT64_C(60) * 1000000000)

/* One that is there no more, or that a firewall or the network has something against: the next may be
 * better. */
static bool is_passing(int error)
{
    static const int passing[] = {ECONNABORTED, EINTR,        EPERM,     EPROTO,
                                  ENETDOWN,     ENOPROTOOPT,  EHOSTDOWN, ENONET,
                                  ENETUNREACH,  EHOSTUNREACH, ETIMEDOUT};
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (-error == passing[i])
            return true;
    return false;
}

static bool is_want(int error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}

/* Accepts up to `most`. => 0; -EAGAIN: all that were waiting; other negative errno. */
static int accept_some(TcpListener *l, int most)
{
    for (int i = 0; i < most; i++) {
        struct sockaddr_in6 peer;
        int fd = tcp_socket_accept(l->fd, &peer);
        if (fd >= 0)
            tcp_connections_add(l->connections, fd, &peer, &l->figures);
        else if (!is_passing(fd))
            return fd;
    }
    return 0;
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer)
{
    TcpListener *l = timer->data;
    (void)uv_poll_start(&l->poll, UV_READABLE, on_readable);
}

/* It stays readable as long as somebody waits to be accepted: the loop would spin. */
static void pause_accepting(TcpListener *l, int error)
{
    char text[ADDRESS_TEXT_SIZE];
    uint64_t before;
    uv_poll_stop(&l->poll);
    (void)uv_timer_start(&l->pause, on_pause_over, PAUSE_MS,
                         0); /* cannot fail: it has a callback */
    if (log_limiter_pass(&l->pause_limiter, clock_monotonic_ns(), PAUSE_WARNING_NS, &before))
        log_warning("ingest",
                    "cannot accept a connection on tcp %s: %s; it waits, and is tried again every "
                    "second. LimitNOFILE= (ulimit -n) gives more descriptors, a smaller "
                    "ingest.tcp_max_connections needs fewer",
                    address_format(&l->address, text), uv_strerror(error));
}

static void failed(TcpListener *l, int error)
{
    char text[ADDRESS_TEXT_SIZE];
    if (++l->errors < ERRORS_TO_GIVE_UP)
        return;
    uv_poll_stop(&l->poll);
    log_error("ingest", "thread %u stops accepting on tcp %s after %u errors in a row: %s",
              l->connections->thread, address_format(&l->address, text), l->errors,
              uv_strerror(error));
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    TcpListener *l = poll->data;
    (void)events;
    int error = accept_some(l, ACCEPTS_A_WAKE);
    if (is_want(error)) {
        pause_accepting(l, error);
        return;
    }
    if (error != 0 && error != -EAGAIN)
        failed(l, error);
    else if (status < 0)
        failed(l, status);
    else
        l->errors = 0;
    /* For an error that was pending, libuv has stopped the handle. */
    if (status < 0 && l->errors < ERRORS_TO_GIVE_UP)
        (void)uv_poll_start(poll, UV_READABLE, on_readable);
}

int tcp_listener_start(TcpListener *l, TcpConnections *connections)
{
    l->connections = connections;
    (void)uv_timer_init(connections->loop, &l->pause); /* cannot fail */
    l->pause.data = l;
    int error = uv_poll_init(connections->loop, &l->poll, l->fd);
    l->poll.data = l;
    return error == 0 ? uv_poll_start(&l->poll, UV_READABLE, on_readable) : error;
}

void tcp_listener_drain(TcpListener *l)
{
    if (l->own)
        (void)accept_some(l, QUEUE_MOST);
    uv_close((uv_handle_t *)&l->poll, NULL);
    uv_close((uv_handle_t *)&l->pause, NULL);
}

void tcp_listener_close(TcpListener *l)
{
    if (l->fd < 0)
        return;
    close(l->fd);
    l->fd = -1;
}
