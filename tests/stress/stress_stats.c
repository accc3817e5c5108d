/* AtomicStats as a whole: summaries while threads record, threads that come and go, many at once.
 * Every thread records the constant 7 unless said otherwise, so that a summary which mixes two
 * instants of one cell shows. */
#include <atomicstats/stats.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    RECORDERS = 4,
    SUMMARIES = 100000,
    SLOTS = 12, /* threads that come and go: more than the object has cells of its own */
    RECORDS_MAX = 2000,
    CROWD = 40,
    CROWD_RECORDS = 20000
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t next_random(uint64_t *rng)
{
    *rng ^= *rng << 13, *rng ^= *rng >> 7, *rng ^= *rng << 17;
    return *rng;
}

static AtomicStats *create(void)
{
    AtomicStats *s = astats_create();
    if (s == NULL)
        abort();
    return s;
}

static bool is_all_sevens(const AtomicStatsSummary *s)
{
    return s->count > 0 && s->sum == 7 * s->count && s->mean == 7 && s->min == 7 && s->max == 7 &&
           s->stddev == 0;
}

/* Takes one summary. => 1 if it is wrong or older than *count, which it updates; else 0. */
static unsigned look(const AtomicStats *s, double *count)
{
    AtomicStatsSummary out = {-77, -77, -77, -77, -77, -77};
    astats_summary(s, &out);
    bool nothing_yet = out.count == 0 && out.sum == 0 && isnan(out.mean) && *count == 0;
    bool wrong = out.count < *count || !(nothing_yet || is_all_sevens(&out));
    *count = out.count;
    return wrong;
}

/* => whether the summary at the end is exactly `records` sevens; prints it if not. */
static bool total_is(const AtomicStats *s, double records)
{
    AtomicStatsSummary out;
    astats_summary(s, &out);
    if (is_all_sevens(&out) && out.count == records)
        return true;
    printf(
        "# expected %.17g sevens, got count %.17g sum %.17g mean %.17g min %g max %g stddev %g\n",
        records, out.count, out.sum, out.mean, out.min, out.max, out.stddev);
    return false;
}

typedef struct {
    AtomicStats *stats;
    pthread_barrier_t *start;
    _Atomic bool *stop;
    uint64_t recorded;
} Recorder;

static void *record_until_stopped(void *arg)
{
    Recorder *me = arg;
    pthread_barrier_wait(me->start);
    do {
        astats_record(me->stats, 7);
        me->recorded++;
        /* relaxed: a wish, nothing is read on its word. */
    } while (!atomic_load_explicit(me->stop, memory_order_relaxed));
    return NULL;
}

/* 4 threads record without a pause while main takes at least 100,000 summaries in a row. */
static bool summaries_while_recording(double seconds)
{
    AtomicStats *s = create();
    _Atomic bool stop = false;
    pthread_barrier_t start;
    pthread_t thread[RECORDERS];
    Recorder recorder[RECORDERS];
    pthread_barrier_init(&start, NULL, RECORDERS + 1);
    for (int i = 0; i < RECORDERS; i++) {
        recorder[i] = (Recorder){s, &start, &stop, 0};
        pthread_create(&thread[i], NULL, record_until_stopped, &recorder[i]);
    }
    pthread_barrier_wait(&start);
    unsigned wrong = 0, summaries = 0;
    double count = 0, deadline = now() + seconds;
    while (summaries < SUMMARIES || now() < deadline) {
        wrong += look(s, &count);
        summaries++;
    }
    /* relaxed: see record_until_stopped(). */
    atomic_store_explicit(&stop, true, memory_order_relaxed);
    uint64_t recorded = 0;
    for (int i = 0; i < RECORDERS; i++) {
        pthread_join(thread[i], NULL);
        recorded += recorder[i].recorded;
    }
    pthread_barrier_destroy(&start);
    printf("# %u summaries, %u wrong, of %llu records\n", summaries, wrong,
           (unsigned long long)recorded);
    bool ok = wrong == 0 && total_is(s, (double)recorded);
    astats_destroy(s);
    return ok;
}

typedef struct {
    AtomicStats *stats;
    uint64_t records;
} Visitor;

static void *record_and_leave(void *arg)
{
    const Visitor *me = arg;
    for (uint64_t i = 0; i < me->records; i++)
        astats_record(me->stats, 7);
    return NULL;
}

typedef struct {
    const AtomicStats *stats;
    _Atomic bool *stop;
    uint64_t summaries;
    unsigned wrong;
} Watcher;

static void *watch(void *arg)
{
    Watcher *me = arg;
    double count = 0;
    /* relaxed: a wish, as above. */
    while (!atomic_load_explicit(me->stop, memory_order_relaxed)) {
        me->wrong += look(me->stats, &count);
        me->summaries++;
    }
    return NULL;
}

/* Threads start, record a known number and end, up to 12 at once; each number goes to somebody else
 * at once, while a reader summarises. */
static bool threads_that_come_and_go(double seconds, uint64_t rng)
{
    AtomicStats *s = create();
    _Atomic bool stop = false;
    Watcher watcher = {s, &stop, 0, 0};
    pthread_t watching, thread[SLOTS] = {0};
    Visitor visitor[SLOTS];
    uint64_t records = 0, visits = 0;
    double deadline = now() + seconds;
    pthread_create(&watching, NULL, watch, &watcher);
    while (visits < SLOTS || now() < deadline) {
        size_t slot = visits % SLOTS;
        if (visits >= SLOTS)
            pthread_join(thread[slot], NULL);
        visitor[slot] = (Visitor){s, 1 + next_random(&rng) % RECORDS_MAX};
        records += visitor[slot].records;
        pthread_create(&thread[slot], NULL, record_and_leave, &visitor[slot]);
        visits++;
    }
    for (int i = 0; i < SLOTS; i++)
        pthread_join(thread[i], NULL);
    /* relaxed: see watch(). */
    atomic_store_explicit(&stop, true, memory_order_relaxed);
    pthread_join(watching, NULL);
    printf("# %llu threads came and went, %llu records, %llu summaries, %u wrong\n",
           (unsigned long long)visits, (unsigned long long)records,
           (unsigned long long)watcher.summaries, watcher.wrong);
    bool ok = watcher.wrong == 0 && total_is(s, (double)records);
    astats_destroy(s);
    return ok;
}

typedef struct {
    AtomicStats *stats;
    pthread_barrier_t *start;
} Member;

static void *record_one_to_n(void *arg)
{
    const Member *me = arg;
    pthread_barrier_wait(me->start);
    for (int i = 1; i <= CROWD_RECORDS; i++)
        astats_record(me->stats, i);
    return NULL;
}

/* 40 threads at once, each 1, 2, …, n: all allocate segments and none loses a record. */
static bool a_crowd(void)
{
    AtomicStats *s = create();
    pthread_barrier_t start;
    pthread_t thread[CROWD];
    Member member = {s, &start};
    pthread_barrier_init(&start, NULL, CROWD);
    for (int i = 0; i < CROWD; i++)
        pthread_create(&thread[i], NULL, record_one_to_n, &member);
    for (int i = 0; i < CROWD; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&start);
    AtomicStatsSummary out;
    astats_summary(s, &out);
    double n = CROWD_RECORDS, stddev = sqrt((n * n - 1) / 12);
    bool ok = out.count == CROWD * n && out.sum == CROWD * n * (n + 1) / 2 && out.min == 1 &&
              out.max == n && out.mean == (n + 1) / 2 && fabs(out.stddev - stddev) < 1e-9 * stddev;
    if (!ok)
        printf("# count %.17g sum %.17g mean %.17g min %g max %g stddev %.17g\n", out.count,
               out.sum, out.mean, out.min, out.max, out.stddev);
    astats_destroy(s);
    return ok;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) | 1 : (uint64_t)time(NULL) * 2 + 1;
    printf("1..3\n# seed %llu (second argument)\n", (unsigned long long)seed);
    bool summaries = summaries_while_recording(seconds / 2);
    printf("%s 1 - 100000 summaries while 4 threads record, all consistent, total exact\n",
           summaries ? "ok" : "not ok");
    bool visitors = threads_that_come_and_go(seconds / 2, seed);
    printf("%s 2 - threads come and go, summaries consistent, total exact\n",
           visitors ? "ok" : "not ok");
    bool crowd = a_crowd();
    printf("%s 3 - 40 threads at once, total exact\n", crowd ? "ok" : "not ok");
    return summaries && visitors && crowd ? 0 : 1;
}
