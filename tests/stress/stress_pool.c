/* A pool under load from the network side: four ingest threads, four senders over loopback, and a
 * reader who walks all the time. Nothing may be lost, and no snapshot may be torn.
 *
 * A sender has one series of each kind of its own, and all share some, so that the threads' cells are
 * merged. It sends on only while what is under way fits the sockets' queues, by the pool's own counts:
 * so the totals at the end are exact. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "ingest/pool.h"
#include "metrics/snapshot.h"

enum {
    THREADS = 4,
    SENDERS = 4,
    FLOWS = 8,      /* sockets of a sender: the kernel deals them out to the threads */
    UNDER_WAY = 100 /* datagrams, of all senders together: they fit one queue of the default size */
};

#define PATIENCE_NS INT64_C(60000000000)

typedef struct {
    Registry *registry;
    Pool *pool;
    Address address;
    pthread_barrier_t start;
    int64_t deadline_ns;
    _Atomic uint64_t sent; /* datagrams of all senders */
    _Atomic bool stop;     /* the reader's order to end */
    _Atomic bool lost;     /* somebody has waited for too long */
} Stage;

typedef struct {
    Stage *stage;
    int number;
    uint64_t datagrams;
} Sender;

typedef struct {
    Stage *stage;
    uint64_t walks, views, wrong;
    double last_count; /* of the shared stats */
    int64_t last_hits; /* of the shared counter */
} Reader;

/* ---- senders ---- */

/* 5 lines, 6 values. */
static int make_datagram(char *out, size_t size, int sender, uint64_t number)
{
    return snprintf(out, size,
                    "all.sevens:7:7|ms\n"
                    "all.hits:1|c\n"
                    "own.%d.sevens:7|ms|#b:2,a:1\n"
                    "own.%d.sum:%d|c\n"
                    "own.%d.last:%llu|g\n",
                    sender, sender, (int)(number % 1000), sender, (unsigned long long)number);
}

static uint64_t arrived(const Stage *stage)
{
    IntakeCounts counts;
    pool_counts(stage->pool, &counts);
    return counts.datagrams;
}

/* Waits until there is room for one more datagram, and takes it. */
static bool reserve(Stage *stage)
{
    int64_t since = clock_monotonic_ns();
    /* relaxed: a ticket; the sockets order the rest. */
    uint64_t mine = atomic_fetch_add_explicit(&stage->sent, 1, memory_order_relaxed);
    while (mine >= arrived(stage) + UNDER_WAY) {
        if (clock_monotonic_ns() - since > PATIENCE_NS) {
            atomic_store_explicit(&stage->lost, true, memory_order_relaxed); /* relaxed: a flag */
            return false;
        }
        sched_yield();
    }
    return true;
}

static void *send_until_deadline(void *argument)
{
    Sender *me = argument;
    Stage *stage = me->stage;
    int flows[FLOWS];
    char datagram[256];
    for (int i = 0; i < FLOWS; i++) {
        flows[i] = socket(stage->address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (connect(flows[i], (struct sockaddr *)&stage->address.storage, stage->address.length))
            abort();
    }
    pthread_barrier_wait(&stage->start);
    while (clock_monotonic_ns() < stage->deadline_ns && reserve(stage)) {
        int length = make_datagram(datagram, sizeof datagram, me->number, me->datagrams);
        if (send(flows[me->datagrams % FLOWS], datagram, (size_t)length, 0) != length)
            abort();
        me->datagrams++;
    }
    for (int i = 0; i < FLOWS; i++)
        close(flows[i]);
    return NULL;
}

/* ---- the reader ---- */

static bool name_is(const SeriesView *view, const char *name)
{
    return view->id_length == strlen(name) && memcmp(view->id, name, view->id_length) == 0;
}

static bool is_all_sevens(const AtomicStatsSummary *s)
{
    return s->count > 0 && s->sum == 7 * s->count && s->mean == 7 && s->min == 7 && s->max == 7 &&
           s->stddev == 0;
}

static bool look(Reader *me, const SeriesView *view)
{
    if (view->kind == SERIES_STATS && name_is(view, "all.sevens")) {
        bool grows = view->value.stats.count >= me->last_count;
        me->last_count = view->value.stats.count;
        return grows && is_all_sevens(&view->value.stats);
    }
    if (view->kind == SERIES_STATS)
        return is_all_sevens(&view->value.stats);
    if (view->kind == SERIES_COUNTER && name_is(view, "all.hits")) {
        bool grows = view->value.counter.integer >= me->last_hits;
        me->last_hits = view->value.counter.integer;
        return grows && view->value.counter.is_integer;
    }
    if (view->kind == SERIES_COUNTER)
        return view->value.counter.is_integer && view->value.counter.integer >= 0;
    return view->value.gauge >= 0;
}

static void walk(Reader *me)
{
    static const SnapshotFilter all = {.glob = NULL};
    IntakeCounts before;
    pool_counts(me->stage->pool, &before);
    for (int kind = SERIES_STATS; kind <= SERIES_GAUGE; kind++) {
        SnapshotCursor cursor;
        SeriesView view;
        snapshot_begin(&cursor, me->stage->registry, (SeriesKind)kind, &all);
        for (; snapshot_next(&cursor, &view); me->views++)
            me->wrong += !look(me, &view);
    }
    /* What was counted before the walk is in it. */
    me->wrong += me->last_count < 2 * (double)before.datagrams;
    me->wrong += me->last_hits < (int64_t)before.datagrams;
    me->walks++;
}

static void *read_until_stopped(void *argument)
{
    Reader *me = argument;
    pthread_barrier_wait(&me->stage->start);
    do {
        walk(me);
        pool_ping(me->stage->pool);
        sched_yield();
        /* relaxed: a flag, the join orders the rest. */
    } while (!atomic_load_explicit(&me->stage->stop, memory_order_relaxed));
    return NULL;
}

/* ---- totals ---- */

/* => whether the series is what its name says; prints it if not. */
static bool total_is(const Stage *stage, SeriesKind kind, const char *id, uint64_t expected)
{
    SnapshotFilter filter = {.exact = id, .exact_length = strlen(id)};
    SnapshotCursor cursor;
    SeriesView view;
    double got = -1;
    snapshot_begin(&cursor, stage->registry, kind, &filter);
    if (snapshot_next(&cursor, &view))
        got = kind == SERIES_STATS     ? view.value.stats.count
              : kind == SERIES_COUNTER ? view.value.counter.value
                                       : view.value.gauge;
    snapshot_end(&cursor);
    bool right = got == (double)expected;
    if (kind == SERIES_STATS)
        right = right && is_all_sevens(&view.value.stats);
    if (!right)
        printf("# %s: expected %llu, got %.17g\n", id, (unsigned long long)expected, got);
    return right;
}

static bool sender_is_complete(const Stage *stage, const Sender *sender)
{
    char id[64];
    uint64_t n = sender->datagrams;
    uint64_t rest = n % 1000;
    (void)snprintf(id, sizeof id, "own.%d.sevens|#a:1,b:2", sender->number);
    bool right = total_is(stage, SERIES_STATS, id, n);
    (void)snprintf(id, sizeof id, "own.%d.sum", sender->number);
    right = total_is(stage, SERIES_COUNTER, id, n / 1000 * 499500 + rest * (rest - 1) / 2) && right;
    return right;
}

static bool counts_are(const Stage *stage, uint64_t datagrams)
{
    IntakeCounts c;
    pool_counts(stage->pool, &c);
    printf("# %llu datagrams sent, %llu taken, %llu dropped, %llu lines, %llu values\n",
           (unsigned long long)datagrams, (unsigned long long)c.datagrams,
           (unsigned long long)c.dropped_kernel, (unsigned long long)c.lines,
           (unsigned long long)c.values);
    return c.datagrams == datagrams && c.dropped_kernel == 0 && c.lines == 5 * datagrams &&
           c.values == 6 * datagrams && c.ignored == 0 && intake_rejected_total(&c) == 0;
}

/* ---- the run ---- */

static void open_stage(Stage *stage)
{
    Address any;
    PoolSocketInfo info;
    PoolOptions options = {.threads = THREADS, .udp = &any, .udp_count = 1};
    if (address_parse("127.0.0.1:0", &any) != 0 || registry_create(&stage->registry, 100) != 0 ||
        pool_open(&stage->pool, &options, stage->registry) != 0 || pool_start(stage->pool) != 0)
        abort();
    pool_socket_info(stage->pool, 0, 0, &info);
    stage->address = info.address;
    pthread_barrier_init(&stage->start, NULL, SENDERS + 1);
}

static uint64_t run(Stage *stage, Sender senders[SENDERS], Reader *reader)
{
    pthread_t thread[SENDERS];
    pthread_t reading;
    uint64_t sent = 0;
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (Sender){.stage = stage, .number = i};
        if (pthread_create(&thread[i], NULL, send_until_deadline, &senders[i]) != 0)
            abort();
    }
    if (pthread_create(&reading, NULL, read_until_stopped, reader) != 0)
        abort();
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(thread[i], NULL);
        sent += senders[i].datagrams;
    }
    atomic_store_explicit(&stage->stop, true, memory_order_relaxed); /* relaxed: a flag */
    pthread_join(reading, NULL);
    int64_t since = clock_monotonic_ns();
    while (arrived(stage) < sent && clock_monotonic_ns() - since < PATIENCE_NS)
        sched_yield();
    pool_stop(stage->pool);
    return sent;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
    Stage stage = {.deadline_ns = clock_monotonic_ns() + (int64_t)(seconds * 1e9)};
    Sender senders[SENDERS];
    Reader reader = {.stage = &stage};
    printf("1..3\n");
    open_stage(&stage);
    uint64_t sent = run(&stage, senders, &reader);

    /* relaxed: all threads have been joined. */
    bool lost = atomic_load_explicit(&stage.lost, memory_order_relaxed);
    bool counts = counts_are(&stage, sent) && sent > 0 && !lost;
    printf("%s 1 - every datagram, line and value is counted\n", counts ? "ok" : "not ok");
    bool totals = total_is(&stage, SERIES_STATS, "all.sevens", 2 * sent);
    totals = total_is(&stage, SERIES_COUNTER, "all.hits", sent) && totals;
    for (int i = 0; i < SENDERS; i++)
        totals = sender_is_complete(&stage, &senders[i]) && totals;
    printf("%s 2 - the totals of every series are exact\n", totals ? "ok" : "not ok");
    bool reads = reader.wrong == 0 && reader.views > 0;
    printf("# %llu walks, %llu views, %llu wrong\n", (unsigned long long)reader.walks,
           (unsigned long long)reader.views, (unsigned long long)reader.wrong);
    printf("%s 3 - no snapshot was torn or older than its counts\n", reads ? "ok" : "not ok");

    pool_close(stage.pool);
    registry_destroy(stage.registry);
    pthread_barrier_destroy(&stage.start);
    return counts && totals && reads ? 0 : 1;
}
