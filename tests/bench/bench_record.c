/* What one record costs, against baselines taken side by side in the same run.
 *
 * A run: so many threads start at a barrier and each records so many values from a small array of
 * its own. Its figure is the wall time from the barrier to the last thread's end, divided by all
 * threads' records: ns per record, so that twice the throughput is half the figure. With more
 * threads than cores it does not change any more, unless the threads hinder one another.
 * The variants take turns (a b c d e, a b c d e, …), so that a change of the machine's mood meets
 * all of them; the first turn only finds how many records fill the time. Printed: the median of the
 * turns, least and most; and the median of the ratios within each turn.
 * The fields of every variant are memory after each record, as for a caller who does something
 * between two records: a compiler barrier in the loop, the same for all. */
#include <atomicstats/stats.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "baselines.h"
#include "options.h"

enum {
    VALUES = 256, /* a power of two */
    THREADS_MAX = 16,
    TURNS = 9,
    FIRST_RECORDS = 20000
};

typedef enum {
    MUTEX,
    SEQ_CST,
    PLAIN,
    SHIFTED,
    ASTATS,
    VARIANTS
} Variant;

static const char *const variant_name[VARIANTS] = {"mutex", "seq_cst", "plain", "shifted",
                                                   "astats"};

typedef struct {
    MutexStats mutex;
    SeqCstStats seq_cst;
    AtomicStats *astats;
} Shared;

typedef struct {
    _Alignas(128) PlainStats plain; /* no thread writes into another's pair of lines */
    ShiftedStats shifted;
    double values[VALUES];
    Shared *shared;
    Variant variant;
    uint64_t records;
    pthread_barrier_t *start;
    struct timespec begin, end;
} Worker;

#define COMPILER_BARRIER() __asm__ volatile("" ::: "memory")

/* `record` is a call that uses `value`. */
#define RECORD_ALL(worker, record)                             \
    do {                                                       \
        for (uint64_t i = 0; i < (worker)->records; i++) {     \
            double value = (worker)->values[i & (VALUES - 1)]; \
            record;                                            \
            COMPILER_BARRIER();                                \
        }                                                      \
    } while (0)

static void record_all(Worker *w)
{
    Shared *shared = w->shared;
    switch (w->variant) {
    case MUTEX:
        RECORD_ALL(w, mutex_record(&shared->mutex, value));
        break;
    case SEQ_CST:
        RECORD_ALL(w, seqcst_record(&shared->seq_cst, value));
        break;
    case PLAIN:
        RECORD_ALL(w, plain_record(&w->plain, value));
        break;
    case SHIFTED:
        RECORD_ALL(w, shifted_record(&w->shifted, value));
        break;
    case ASTATS:
    case VARIANTS:
        RECORD_ALL(w, astats_record(shared->astats, value));
        break;
    }
}

static void *work(void *arg)
{
    Worker *w = arg;
    pthread_barrier_wait(w->start);
    clock_gettime(CLOCK_MONOTONIC, &w->begin);
    record_all(w);
    clock_gettime(CLOCK_MONOTONIC, &w->end);
    return NULL;
}

static double seconds_of(struct timespec t)
{
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* What the variant holds after the run: all records, or the bench is wrong. */
static double count_of(const Shared *shared, const Worker *worker, int threads)
{
    AtomicStatsSummary summary;
    double count = 0;
    switch (worker[0].variant) {
    case MUTEX:
        return shared->mutex.plain.count;
    case SEQ_CST:
        /* relaxed: the threads have been joined. */
        return (double)atomic_load_explicit(&shared->seq_cst.count, memory_order_relaxed);
    case PLAIN:
    case SHIFTED:
        for (int t = 0; t < threads; t++)
            count += worker[t].plain.count + worker[t].shifted.count;
        return count;
    case ASTATS:
    case VARIANTS:
        break;
    }
    astats_summary(shared->astats, &summary);
    return summary.count;
}

static _Alignas(128) Shared shared; /* a run uses one of its objects */
static Worker worker[THREADS_MAX];

/* => ns per record of one run. */
static double run(Variant variant, int threads, uint64_t records)
{
    pthread_t thread[THREADS_MAX];
    pthread_barrier_t start;
    pthread_mutex_init(&shared.mutex.lock, NULL);
    plain_init(&shared.mutex.plain);
    seqcst_init(&shared.seq_cst);
    shared.astats = astats_create();
    if (shared.astats == NULL)
        abort();
    pthread_barrier_init(&start, NULL, (unsigned)threads);
    for (int t = 0; t < threads; t++) {
        plain_init(&worker[t].plain);
        worker[t].shifted = (ShiftedStats){.count = 0};
        worker[t].shared = &shared;
        worker[t].variant = variant;
        worker[t].records = records;
        worker[t].start = &start;
        if (pthread_create(&thread[t], NULL, work, &worker[t]) != 0)
            abort();
    }
    double begin = (double)INFINITY, end = 0;
    for (int t = 0; t < threads; t++) {
        pthread_join(thread[t], NULL);
        begin = fmin(begin, seconds_of(worker[t].begin));
        end = fmax(end, seconds_of(worker[t].end));
    }
    double all = (double)records * threads;
    if (count_of(&shared, worker, threads) != all) {
        fprintf(stderr, "bench_record: %s lost records\n", variant_name[variant]);
        abort();
    }
    astats_destroy(shared.astats);
    pthread_barrier_destroy(&start);
    pthread_mutex_destroy(&shared.mutex.lock);
    return (end - begin) / all * 1e9;
}

typedef struct {
    double median, min, max;
} Spread;

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static Spread spread_of(const double turn[TURNS])
{
    double sorted[TURNS];
    memcpy(sorted, turn, sizeof sorted);
    qsort(sorted, TURNS, sizeof *sorted, ascending);
    return (Spread){sorted[TURNS / 2], sorted[0], sorted[TURNS - 1]};
}

/* => the median of a[i] / b[i]. */
static double ratio_of(const double a[TURNS], const double b[TURNS])
{
    double ratio[TURNS];
    for (int i = 0; i < TURNS; i++)
        ratio[i] = a[i] / b[i];
    return spread_of(ratio).median;
}

static void measure(int threads, double seconds_per_run, double ns[VARIANTS][TURNS])
{
    uint64_t records[VARIANTS];
    for (Variant v = MUTEX; v < VARIANTS; v++) {
        double first = run(v, threads, FIRST_RECORDS);
        records[v] = 1 + (uint64_t)(seconds_per_run * 1e9 / first / threads);
    }
    for (int turn = 0; turn < TURNS; turn++) {
        for (Variant v = MUTEX; v < VARIANTS; v++)
            ns[v][turn] = run(v, threads, records[v]);
    }
}

static void report(int threads, double ns[VARIANTS][TURNS], FILE *json)
{
    for (Variant v = MUTEX; v < VARIANTS; v++) {
        Spread s = spread_of(ns[v]);
        double faster = ratio_of(ns[MUTEX], ns[v]), to_plain = ratio_of(ns[v], ns[PLAIN]);
        printf("%7d  %-8s %8.2f  %7.2f - %-8.2f %8.2f %10.2f\n", threads, variant_name[v], s.median,
               s.min, s.max, faster, to_plain);
        if (json != NULL)
            fprintf(json,
                    "{\"bench\":\"record\",\"variant\":\"%s\",\"threads\":%d,\"runs\":%d,"
                    "\"ns_per_record\":{\"median\":%.4f,\"min\":%.4f,\"max\":%.4f},"
                    "\"throughput_over_mutex\":%.4f,\"time_over_plain\":%.4f}\n",
                    variant_name[v], threads, TURNS, s.median, s.min, s.max, faster, to_plain);
    }
    printf("\n");
}

static void prepare_values(void)
{
    uint64_t rng = 20260131;
    for (int t = 0; t < THREADS_MAX; t++) {
        for (int i = 0; i < VALUES; i++) {
            rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
            worker[t].values[i] = (double)(rng >> 40) / 1000;
        }
    }
}

int main(int argc, char **argv)
{
    static const int thread_counts[] = {1, 2, 4, 8, 16};
    double seconds_per_run = 0.15;
    FILE *json = NULL;
    if (!parse_options(argc, argv, &seconds_per_run, &json)) {
        fprintf(stderr, "usage: bench_record [--seconds-per-run SECONDS] [--json FILE]\n");
        return 2;
    }
    prepare_values();
    printf("record: ns per record = wall time / records of all threads, median of %d runs of %g s, "
           "%ld cores\n"
           "threads  variant    median      min - max       x mutex   / plain\n",
           TURNS, seconds_per_run, sysconf(_SC_NPROCESSORS_ONLN));
    for (size_t i = 0; i < sizeof thread_counts / sizeof *thread_counts; i++) {
        static double ns[VARIANTS][TURNS];
        measure(thread_counts[i], seconds_per_run, ns);
        report(thread_counts[i], ns, json);
        if (thread_counts[i] == 8) {
            double faster = ratio_of(ns[MUTEX], ns[ASTATS]), cost = ratio_of(ns[ASTATS], ns[PLAIN]);
            printf("goal at 8 threads: throughput %.1f x mutex (at least 8: %s), time %.2f x plain "
                   "(at most 1.4: %s)\n\n",
                   faster, faster >= 8 ? "yes" : "no", cost, cost <= 1.4 ? "yes" : "no");
        }
    }
    return json != NULL && fclose(json) != 0;
}
