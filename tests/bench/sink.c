/* The limit of the receive path, to measure the daemon against: takes datagrams by recvmmsg() of 64
 * and throws them away. Everything that a receiver's CPU time holds beyond this is its own work.
 *
 *     sink [--port PORT] [--sockets N] [--buffer BYTES] [--poll] [--wait]
 *
 * N threads, each with a socket of its own in one SO_REUSEPORT group. A thread blocks in recvmmsg(),
 * or with --poll in epoll_wait(), as a daemon with an event loop does, and then takes what is there.
 * With --wait it waits under dense traffic as the daemon's threads do (ingest/pace.h).
 * Its first line of output tells port and buffer; SIGTERM ends it, and it tells what it has seen. */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sock_diag.h>

#include "base/clock.h"
#include "base/thread.h"
#include "ingest/pace.h"

enum {
    BATCH = 64,
    BUFFER_BYTES = 2048,
    SOCKETS_MAX = 64
};

typedef struct {
    _Alignas(128) int fd;
    bool poll;
    Pace pace; /* zeroed without --wait */
    pthread_t thread;
    struct mmsghdr headers[BATCH];
    struct iovec vectors[BATCH];
    char bytes[BATCH][BUFFER_BYTES];
    _Atomic uint64_t datagrams, received; /* the second: bytes */
} Taker;

typedef struct {
    unsigned port, sockets;
    int buffer;
    bool poll, wait;
} Options;

static Taker takers[SOCKETS_MAX];

static void fail(const char *what)
{
    perror(what);
    _Exit(1);
}

/* ---- taking ---- */

/* relaxed throughout: figures that one thread writes and one reads. */
static void add(_Atomic uint64_t *figure, uint64_t more)
{
    uint64_t before = atomic_load_explicit(figure, memory_order_relaxed);
    atomic_store_explicit(figure, before + more, memory_order_relaxed);
}

/* => whether there may be more at once. */
static bool take(Taker *t)
{
    int count = recvmmsg(t->fd, t->headers, BATCH, t->poll ? MSG_DONTWAIT : MSG_WAITFORONE, NULL);
    if (count < 0 && errno != EAGAIN && errno != EINTR)
        fail("sink: recvmmsg");
    uint64_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += t->headers[i].msg_len;
    if (count > 0) {
        add(&t->datagrams, (uint64_t)count);
        add(&t->received, bytes);
        pace_took(&t->pace, count);
    }
    return count == BATCH;
}

static void wait_if_dense(Taker *t)
{
    int64_t wait_ns = pace_turn(&t->pace, clock_monotonic_ns());
    if (wait_ns > 0)
        clock_sleep_ns(wait_ns);
}

static void *take_for_ever(void *argument)
{
    Taker *t = argument;
    struct epoll_event event = {.events = EPOLLIN};
    int loop = t->poll ? epoll_create1(EPOLL_CLOEXEC) : -1;
    if (t->poll && (loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, t->fd, &event) != 0))
        fail("sink: epoll");
    if (t->pace.longest_ns > 0)
        thread_sleep_exactly();
    for (;;) {
        if (t->poll)
            (void)epoll_wait(loop, &event, 1, -1);
        while (take(t)) {
        }
        if (t->pace.longest_ns > 0)
            wait_if_dense(t);
    }
    return NULL;
}

/* ---- sockets ---- */

static void set_option(int fd, int name, int value)
{
    if (setsockopt(fd, SOL_SOCKET, name, &value, sizeof value) != 0)
        fail("sink: setsockopt");
}

/* Binds one of the group. => the port that it has got. */
static unsigned open_socket(Taker *t, const Options *o, unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    t->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (t->fd < 0)
        fail("sink: socket");
    set_option(t->fd, SO_REUSEPORT, 1);
    if (o->buffer > 0 &&
        setsockopt(t->fd, SOL_SOCKET, SO_RCVBUFFORCE, &o->buffer, sizeof o->buffer) != 0)
        set_option(t->fd, SO_RCVBUF, o->buffer);
    if (bind(t->fd, (const struct sockaddr *)&at, length) != 0 ||
        getsockname(t->fd, (struct sockaddr *)&at, &length) != 0)
        fail("sink: bind");
    return ntohs(at.sin_port);
}

static int granted(int fd)
{
    int bytes = 0;
    socklen_t size = sizeof bytes;
    (void)getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &size);
    return bytes;
}

static void start(Taker *t, const Options *o)
{
    t->poll = o->poll;
    if (o->wait) {
        pace_init(&t->pace);
        pace_add_buffer(&t->pace, granted(t->fd));
    }
    for (int i = 0; i < BATCH; i++) {
        t->vectors[i] = (struct iovec){t->bytes[i], BUFFER_BYTES};
        t->headers[i].msg_hdr = (struct msghdr){.msg_iov = &t->vectors[i], .msg_iovlen = 1};
    }
    if (pthread_create(&t->thread, NULL, take_for_ever, t) != 0)
        fail("sink: thread");
}

static uint64_t dropped(int fd)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t size = sizeof info;
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) != 0)
        fail("sink: SO_MEMINFO");
    return info[SK_MEMINFO_DROPS];
}

/* ---- telling ---- */

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

static void report(unsigned sockets)
{
    uint64_t datagrams = 0, bytes = 0, drops = 0;
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    for (unsigned i = 0; i < sockets; i++) {
        datagrams += atomic_load_explicit(&takers[i].datagrams, memory_order_relaxed);
        bytes += atomic_load_explicit(&takers[i].received, memory_order_relaxed);
        drops += dropped(takers[i].fd);
    }
    printf("{\"datagrams\":%llu,\"bytes\":%llu,\"dropped\":%llu,\"cpu_s\":%.6f}\n",
           (unsigned long long)datagrams, (unsigned long long)bytes, (unsigned long long)drops,
           seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
}

static bool parse_options(int argc, char **argv, Options *o)
{
    *o = (Options){.sockets = 1};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--poll") == 0) {
            o->poll = true;
            continue;
        }
        if (strcmp(argv[i], "--wait") == 0) {
            o->wait = true;
            continue;
        }
        if (value == NULL)
            return false;
        if (strcmp(argv[i], "--port") == 0)
            o->port = (unsigned)strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--sockets") == 0)
            o->sockets = (unsigned)strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--buffer") == 0)
            o->buffer = (int)strtol(value, NULL, 10);
        else
            return false;
        i++;
    }
    return o->sockets > 0 && o->sockets <= SOCKETS_MAX;
}

int main(int argc, char **argv)
{
    Options options;
    if (!parse_options(argc, argv, &options)) {
        fprintf(stderr,
                "usage: sink [--port PORT] [--sockets N] [--buffer BYTES] [--poll] [--wait]\n");
        return 2;
    }
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &ends, NULL); /* before the threads: they inherit it */
    unsigned port = options.port;
    for (unsigned i = 0; i < options.sockets; i++)
        port = open_socket(&takers[i], &options, port);
    for (unsigned i = 0; i < options.sockets; i++)
        start(&takers[i], &options);
    printf("{\"port\":%u,\"buffer\":%d}\n", port, granted(takers[0].fd) / 2);
    (void)fflush(stdout);
    int which;
    (void)sigwait(&ends, &which);
    report(options.sockets);
    return 0; /* the threads end with it */
}
