/* Sends lines as fast as one thread can, or at a fixed rate, and says exactly what it has sent.
 *
 *     load --port PORT [--values K [--packed]] [--names M [--once]] [--first F] [--type ms|c]
 *          [--ports S] [--rate DATAGRAMS_PER_S] [--datagrams N | --seconds T]
 *
 * A line is 37 bytes: bench.service.latency.NNNNNNN:VVVV|ms. A datagram holds K of them, or with
 * --packed one line of K values. Names are drawn from M at random; with --once each comes once, in
 * order, from number F on, which ends the run. S source ports take turns, 64 datagrams each.
 *
 * To cost little itself: the datagrams are made before the clock starts, a ring of 4,096 that is
 * sent over and over (with --once they are made 64 at a time), and leave by sendmmsg().
 * A fixed rate is kept by sleeping between groups of up to 64; time lost is made up for 10 ms at
 * most, so that a pause of the sender does not become a flood.
 *
 * Values come in pairs that add up to 10,999: of a datagram with an even number of them the sum is
 * known even if nobody knows which datagrams were dropped ("sum_each", else 0). */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 64,
    RING = 4096, /* datagrams; a multiple of BATCH */
    PORTS_MAX = 64,
    ERRORS_MAX = 1000
};

typedef struct {
    LoadOptions options;
    LoadText text;
    size_t slots; /* datagrams in memory */
    char *bytes;  /* slots * text.length */
    uint64_t *sums;
    int sockets[PORTS_MAX];
    struct mmsghdr headers[BATCH];
    struct iovec vectors[BATCH];
    uint64_t datagrams, sum, errors;
    int last_error;
} Load;

static void fail(const char *what)
{
    perror(what);
    _Exit(1);
}

/* ---- preparing ---- */

static int open_socket(unsigned port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
        fail("load: socket");
    return fd;
}

static void make_slots(Load *l, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        l->sums[i] = load_text_make(&l->text, l->bytes + i * l->text.length);
}

static void prepare(Load *l)
{
    load_text_init(&l->text, &l->options);
    l->slots = l->options.once ? BATCH : RING;
    l->bytes = malloc(l->slots * l->text.length);
    l->sums = calloc(l->slots, sizeof *l->sums);
    if (l->bytes == NULL || l->sums == NULL)
        fail("load: memory");
    if (!l->options.once)
        make_slots(l, 0, l->slots);
    for (int i = 0; i < BATCH; i++) {
        l->vectors[i].iov_len = l->text.length;
        l->headers[i].msg_hdr = (struct msghdr){.msg_iov = &l->vectors[i], .msg_iovlen = 1};
    }
    for (unsigned i = 0; i < l->options.ports; i++)
        l->sockets[i] = open_socket(l->options.port);
}

/* ---- sending ---- */

/* Sends the slots from `first` on. => how many were sent: fewer when the kernel refuses. */
static unsigned send_slots(Load *l, int fd, size_t first, unsigned count)
{
    unsigned sent = 0;
    for (unsigned i = 0; i < count; i++)
        l->vectors[i].iov_base = l->bytes + (first + i) * l->text.length;
    while (sent < count && l->errors < ERRORS_MAX) {
        int n = sendmmsg(fd, l->headers + sent, count - sent, 0);
        if (n > 0) {
            sent += (unsigned)n;
        } else if (errno != EINTR) {
            l->errors++;
            l->last_error = errno;
        }
    }
    for (unsigned i = 0; i < sent; i++)
        l->sum += l->sums[first + i];
    l->datagrams += sent;
    return sent;
}

static void sleep_until(uint64_t ns)
{
    struct timespec at = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR) {
    }
}

/* => how many to send now; sleeps until it is their time. `due` is when the last of them is due. */
static unsigned pace(const LoadOptions *o, uint64_t *due)
{
    static const uint64_t LATE_NS = 10000000;
    if (o->rate <= 0)
        return BATCH;
    double group = o->rate / 1000 < BATCH ? o->rate / 1000 : BATCH;
    unsigned count = group < 1 ? 1 : (unsigned)group;
    uint64_t now = load_now_ns();
    if (*due + LATE_NS < now)
        *due = now - LATE_NS;
    *due += (uint64_t)(count * 1e9 / o->rate);
    if (*due > now)
        sleep_until(*due);
    return count;
}

static uint64_t run(Load *l)
{
    const LoadOptions *o = &l->options;
    uint64_t begin = load_now_ns(), due = begin, now = begin;
    uint64_t end = o->seconds > 0 ? begin + (uint64_t)(o->seconds * 1e9) : UINT64_MAX;
    uint64_t limit = o->datagrams > 0 ? o->datagrams : UINT64_MAX;
    unsigned turn = 0;
    size_t slot = 0;
    while (l->datagrams < limit && now < end && l->errors < ERRORS_MAX) {
        unsigned count = pace(o, &due);
        if (count > limit - l->datagrams)
            count = (unsigned)(limit - l->datagrams);
        if (o->once)
            make_slots(l, slot = 0, count);
        else if (count > l->slots - slot)
            count = (unsigned)(l->slots - slot);
        (void)send_slots(l, l->sockets[turn], slot, count);
        slot = (slot + count) % l->slots;
        turn = (turn + 1) % o->ports;
        now = load_now_ns();
    }
    return now - begin;
}

static void report(const Load *l, uint64_t ns)
{
    const LoadOptions *o = &l->options;
    uint64_t values = l->datagrams * o->values, bytes = l->datagrams * l->text.length;
    double seconds = (double)ns * 1e-9;
    printf("{\"datagrams\":%llu,\"values\":%llu,\"bytes\":%llu,\"seconds\":%.6f,\"rate\":%.0f,"
           "\"count\":%llu,\"sum\":%llu,\"sum_each\":%llu,\"errors\":%llu,\"error\":\"%s\"}\n",
           (unsigned long long)l->datagrams, (unsigned long long)values, (unsigned long long)bytes,
           seconds, (double)l->datagrams / seconds, (unsigned long long)values,
           (unsigned long long)l->sum, (unsigned long long)load_text_sum_each(&l->text),
           (unsigned long long)l->errors, l->errors > 0 ? strerrorname_np(l->last_error) : "");
}

int main(int argc, char **argv)
{
    static Load l;
    if (!load_options_parse(argc, argv, &l.options) || l.options.ports > PORTS_MAX) {
        fprintf(stderr, "load: the head of tests/bench/load.c tells the options\n");
        return 2;
    }
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    prepare(&l);
    report(&l, run(&l));
    for (unsigned i = 0; i < l.options.ports; i++)
        close(l.sockets[i]);
    free(l.bytes);
    free(l.sums);
    return l.errors == 0 ? 0 : 1;
}
