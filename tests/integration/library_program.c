/* Uses every function that the library promises, as a program outside this project would: C11,
 * the headers, and nothing of the daemon. Exit status 0 if all did what the README says. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <atomicstats/counter.h>
#include <atomicstats/flag.h>
#include <atomicstats/progress.h>
#include <atomicstats/stats.h>

enum {
    THREADS = 8,
    ROUNDS = 20000
};

static int failures;

#define EXPECT(condition)                                                           \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            failures++;                                                             \
        }                                                                           \
    } while (0)

typedef struct {
    AtomicCounter counter;
    AtomicFlag flag;
    AtomicProgress progress;
    AtomicStats *stats;
} Shared;

static void *work(void *argument)
{
    Shared *shared = argument;
    for (int i = 0; i < ROUNDS; i++) {
        astats_counter_increment(&shared->counter);
        astats_progress_add(&shared->progress, 1);
        astats_flag_swap(&shared->flag, true);
        astats_record(shared->stats, i % 2 ? 1.0 : 3.0);
    }
    return NULL;
}

static void counters(void)
{
    AtomicCounter c;
    astats_counter_init(&c, 40);
    EXPECT(astats_counter_increment(&c) == 41);
    EXPECT(astats_counter_add(&c, -2) == 39);
    EXPECT(astats_counter_get(&c) == 39);
    astats_counter_set(&c, INT64_MAX - 1);
    EXPECT(astats_counter_increment(&c) == INT64_MAX);
    int64_t expected = 5;
    EXPECT(!astats_counter_compare_and_swap(&c, &expected, 6));
    EXPECT(expected == INT64_MAX);
    EXPECT(astats_counter_compare_and_swap(&c, &expected, INT64_MIN));
    EXPECT(astats_counter_get(&c) == INT64_MIN);
}

static void flags(void)
{
    AtomicFlag f;
    astats_flag_init(&f, true);
    EXPECT(astats_flag_get(&f));
    astats_flag_set(&f, false);
    EXPECT(!astats_flag_get(&f));
    EXPECT(!astats_flag_swap(&f, true));
    EXPECT(astats_flag_swap(&f, true));
}

static void progress(void)
{
    AtomicProgress p;
    astats_progress_init(&p, 0);
    EXPECT(isnan(astats_progress_fraction(&p)));
    astats_progress_init(&p, 8);
    EXPECT(astats_progress_add(&p, 2) == 2);
    EXPECT(astats_progress_done(&p) == 2);
    EXPECT(astats_progress_total(&p) == 8);
    EXPECT(astats_progress_fraction(&p) == 0.25);
}

static void stats(void)
{
    AtomicStats *s = astats_create();
    if (s == NULL) {
        fprintf(stderr, "astats_create: errno %d\n", errno);
        failures++;
        return;
    }
    AtomicStatsSummary sum;
    astats_summary(s, &sum);
    EXPECT(sum.count == 0 && sum.sum == 0);
    EXPECT(isnan(sum.mean) && isnan(sum.min) && isnan(sum.max) && isnan(sum.stddev));

    astats_record(s, NAN);
    astats_record(s, INFINITY);
    astats_record_weighted(s, 1, 0);
    astats_record_weighted(s, 1, -1);
    astats_record_weighted(s, 1, NAN);
    astats_record_weighted(s, 1, INFINITY);
    astats_summary(s, &sum);
    EXPECT(sum.count == 0);

    astats_record(s, 10);
    astats_record_weighted(s, 25, 2);
    astats_summary(s, &sum);
    EXPECT(sum.count == 3 && sum.sum == 60 && sum.mean == 20 && sum.min == 10 && sum.max == 25);
    EXPECT(fabs(sum.stddev - sqrt(50)) < 1e-12);
    astats_destroy(s);
    astats_destroy(NULL);
}

static void threads(void)
{
    static Shared shared;
    astats_counter_init(&shared.counter, 0);
    astats_flag_init(&shared.flag, false);
    astats_progress_init(&shared.progress, (int64_t)THREADS * ROUNDS * 2);
    shared.stats = astats_create();
    EXPECT(shared.stats != NULL);
    pthread_t ids[THREADS];
    for (int i = 0; i < THREADS; i++)
        EXPECT(pthread_create(&ids[i], NULL, work, &shared) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);

    AtomicStatsSummary sum;
    astats_summary(shared.stats, &sum);
    EXPECT(astats_counter_get(&shared.counter) == (int64_t)THREADS * ROUNDS);
    EXPECT(astats_progress_fraction(&shared.progress) == 0.5);
    EXPECT(astats_flag_get(&shared.flag));
    EXPECT(sum.count == THREADS * ROUNDS && sum.mean == 2 && sum.min == 1 && sum.max == 3 &&
           sum.stddev == 1);
    astats_destroy(shared.stats);
}

int main(void)
{
    counters();
    flags();
    progress();
    stats();
    threads();
    if (failures == 0)
        puts("all well");
    return failures != 0;
}
