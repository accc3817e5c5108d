/* What it costs and what it saves that an ingest thread waits under dense traffic (ingest/pace.h): CPU
 * time a datagram, and how long a datagram takes from before it is sent until it is recorded.
 *
 * One worker in this process, and the main thread, which sends to it: it spins, so that it sends at
 * exactly its times and sees at once what is recorded. The last datagram of a group is timed, unless
 * an earlier one is still on its way. Not waiting and waiting where it pays take turns, each after a
 * while in which the worker can find out whether it does; a figure is the median of the turns, with
 * least and most, ratios are formed within a turn.
 *
 * Where waiting cannot pay, as with groups that are further apart than a wait, the ratio must be 1 but
 * for the noise: waiting after each group of 8 at 50,000 a second took 2 x. */
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "ingest/worker.h"
#include "options.h"

#define LATE_NS INT64_C(1000000) /* is not made up for */
#define SETTLE_NS \
    (PACE_PARTS * PACE_PART_NS + 2 * PACE_DENSE_NS) /* until the first trial is over */

enum {
    TURNS = 5,
    GROUP_MAX = 64,
    TIMES_MAX = 1 << 17,
    IN_FLIGHT_MAX = 2048, /* fit into the buffer */
    BUFFER = 4 << 20
};

static const int64_t longest_ns[] = {0, PACE_LONGEST_NS};
enum {
    WAITS = sizeof longest_ns / sizeof *longest_ns
};

typedef struct {
    const char *name;
    int group; /* datagrams at a time */
    double rate;
} Pattern;

static const Pattern patterns[] = {
    {"1,000/s, one by one", 1, 1e3},      {"50,000/s, one by one", 1, 5e4},
    {"100,000/s, one by one", 1, 1e5},    {"300,000/s, one by one", 1, 3e5},
    {"50,000/s, 8 at a time", 8, 5e4},    {"200,000/s, 8 at a time", 8, 2e5},
    {"100,000/s, 16 at a time", 16, 1e5}, {"100,000/s, 64 at a time", 64, 1e5},
};

typedef struct {
    double cpu_us;         /* a datagram */
    double median, p99;    /* latency, us */
    double waited_percent; /* of the time */
} Figures;

static double times[TIMES_MAX];

static void must(int error, const char *what)
{
    if (error != 0) {
        fprintf(stderr, "bench_wait: %s: %s\n", what, strerror(-error));
        exit(1);
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- sending ---- */

typedef struct {
    int fd;
    struct mmsghdr headers[GROUP_MAX];
    uint64_t sent;
    uint64_t timed;   /* the datagram that is timed, by its number; 0: none */
    int64_t timed_ns; /* when it was about to be sent */
    size_t times;
} Sender;

static void sender_open(Sender *s, const UdpSocket *to)
{
    static char text[] = "bench.service.latency.0000000:1000|ms";
    static struct iovec line = {text, sizeof text - 1};
    *s = (Sender){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    const Address *a = &to->address;
    if (s->fd < 0 || connect(s->fd, (const struct sockaddr *)&a->storage, a->length) != 0)
        must(-EIO, "socket");
    for (int i = 0; i < GROUP_MAX; i++)
        s->headers[i].msg_hdr = (struct msghdr){.msg_iov = &line, .msg_iovlen = 1};
}

/* Sends for so long, while the worker is not too far behind: it may have lost its CPU to somebody
 * else. times[] gets s->times times. */
static void send_all(Sender *s, const Pattern *p, const UdpSocket *to, double seconds)
{
    int64_t now = clock_monotonic_ns(), end = now + (int64_t)(seconds * 1e9), due = now;
    int64_t gap = (int64_t)(p->group * 1e9 / p->rate);
    for (; now < end || s->timed != 0; now = clock_monotonic_ns()) {
        /* acquire: what was recorded before it was counted is recorded. */
        uint64_t recorded = atomic_load_explicit(&to->datagrams, memory_order_acquire);
        if (s->timed != 0 && recorded >= s->timed) {
            if (s->times < TIMES_MAX)
                times[s->times++] = (double)(now - s->timed_ns) / 1e3;
            s->timed = 0;
        }
        if (now < due || now >= end || s->sent - recorded > IN_FLIGHT_MAX)
            continue;
        int sent = sendmmsg(s->fd, s->headers, (unsigned)p->group, 0);
        if (sent != p->group)
            must(-EIO, "sendmmsg");
        s->sent += (uint64_t)sent;
        due = due + LATE_NS < now ? now : due + gap;
        if (s->timed == 0) {
            s->timed = s->sent;
            s->timed_ns = now;
        }
    }
}

/* ---- measuring ---- */

static double cpu_ns(pthread_t thread)
{
    clockid_t clock;
    struct timespec now = {0};
    (void)pthread_getcpuclockid(thread, &clock);
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static Figures run(const Pattern *p, int64_t longest, double seconds)
{
    Registry *registry;
    Sender s;
    Address address;
    Worker *w = aligned_alloc(_Alignof(Worker), sizeof *w);
    must(w == NULL ? -ENOMEM : 0, "memory");
    must(registry_create(&registry, 100), "registry");
    must(worker_init(w, 0, registry, false), "worker");
    must(address_parse("127.0.0.1:0", &address), "address");
    UdpSocket *socket = &worker_next_socket(w)->udp;
    must(udp_socket_open(socket, &address, true, BUFFER), "socket");
    w->socket_count = 1;
    w->pace.longest_ns = longest;
    must(worker_start(w), "thread");
    sender_open(&s, socket);
    send_all(&s, p, socket, (double)SETTLE_NS / 1e9);
    s.times = 0;
    uint64_t sent = s.sent;
    int64_t waited = atomic_load_explicit(&w->pace.waited_ns, memory_order_relaxed);
    double cpu = cpu_ns(w->thread.handle);
    send_all(&s, p, socket, seconds);
    cpu = cpu_ns(w->thread.handle) - cpu;
    waited = atomic_load_explicit(&w->pace.waited_ns, memory_order_relaxed) - waited;
    worker_stop(w);
    worker_join(w);
    must(atomic_load_explicit(&socket->datagrams, memory_order_relaxed) == s.sent ? 0 : -EBADMSG,
         "datagrams were lost");
    qsort(times, s.times, sizeof *times, ascending);
    Figures f = {.cpu_us = cpu / 1e3 / (double)(s.sent - sent),
                 .median = times[s.times / 2],
                 .p99 = times[s.times - 1 - s.times / 100],
                 .waited_percent = (double)waited / seconds / 1e7};
    close(s.fd);
    worker_fini(w);
    registry_destroy(registry);
    free(w);
    return f;
}

/* ---- telling ---- */

typedef struct {
    double median, least, most;
} Spread;

static Spread spread(double figures[TURNS])
{
    qsort(figures, TURNS, sizeof *figures, ascending);
    return (Spread){figures[TURNS / 2], figures[0], figures[TURNS - 1]};
}

static void report(const Pattern *p, Figures all[WAITS][TURNS], FILE *json)
{
    for (int v = 0; v < WAITS; v++) {
        double cpu[TURNS], ratio[TURNS], median[TURNS], p99[TURNS], waited[TURNS];
        for (int i = 0; i < TURNS; i++) {
            cpu[i] = all[v][i].cpu_us;
            ratio[i] = all[v][i].cpu_us / all[0][i].cpu_us;
            median[i] = all[v][i].median;
            p99[i] = all[v][i].p99;
            waited[i] = all[v][i].waited_percent;
        }
        Spread c = spread(cpu), r = spread(ratio), m = spread(median), n = spread(p99);
        double percent = spread(waited).median;
        int us = (int)(longest_ns[v] / 1000);
        printf("%-24s %5d %7.2f  %5.2f - %-6.2f %6.2f %9.0f %10.1f %9.1f\n", p->name, us, c.median,
               c.least, c.most, r.median, percent, m.median, n.median);
        if (json != NULL)
            fprintf(json,
                    "{\"bench\":\"wait\",\"traffic\":\"%s\",\"wait_us\":%d,\"runs\":%d,"
                    "\"cpu_us_a_datagram\":{\"median\":%.4f,\"min\":%.4f,\"max\":%.4f},"
                    "\"over_no_wait\":%.4f,\"waited_percent\":%.2f,"
                    "\"latency_us\":{\"median\":%.2f,\"p99\":%.2f}}\n",
                    p->name, us, TURNS, c.median, c.least, c.most, r.median, percent, m.median,
                    n.median);
    }
}

int main(int argc, char **argv)
{
    double seconds_per_run = 0.2;
    FILE *json = NULL;
    if (!parse_options(argc, argv, &seconds_per_run, &json)) {
        fprintf(stderr, "usage: bench_wait [--seconds-per-run SECONDS] [--json FILE]\n");
        return 2;
    }
    printf(
        "wait: an ingest thread that waits so many us where that pays; median of %d runs of %g "
        "s\n%39s%s\n%s\n",
        TURNS, seconds_per_run, "",
        "us CPU a datagram                      us from send to recorded",
        "traffic                   wait  median    min - max      x 0 us   waited %     median   "
        "    99 %");
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        static Figures all[WAITS][TURNS];
        for (int turn = 0; turn < TURNS; turn++)
            for (int v = 0; v < WAITS; v++)
                all[v][turn] = run(&patterns[i], longest_ns[v], seconds_per_run);
        report(&patterns[i], all, json);
    }
    printf("\n");
    return json != NULL && fclose(json) != 0;
}
