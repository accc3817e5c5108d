/* Three writers and two readers, one gauge: is a change ever lost, or a value read that nobody made?
 *
 * Test 1: each writer adds 1 over and over. No value is skipped or taken twice, so the end is the number of
 * additions; and what a reader sees never goes down, and is never one that was not there yet.
 * Test 2: each writer sets numbers of its own, which only grow. What a reader sees is one that its writer has
 * written by now, and of one writer never an older one than before. */
#include "metrics/gauge_cell.h"

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum {
    WRITERS = 3,
    READERS = 2,
    CHANGES = 1000 /* between two looks at the clock */
};

typedef struct {
    GaugeCell cell;
    bool sets; /* test 2 */
    pthread_barrier_t start;
    int64_t deadline_ns;
    _Atomic uint64_t begun[WRITERS]; /* changes of each, told before each */
    _Atomic unsigned finished;       /* writers */
} Shared;

typedef struct {
    Shared *shared;
    unsigned number;
    uint64_t reads, changes, wrong;
} Thread;

static void *write_until_deadline(void *argument)
{
    Thread *me = argument;
    Shared *shared = me->shared;
    pthread_barrier_wait(&shared->start);
    do {
        for (int i = 0; i < CHANGES; i++) {
            me->changes++;
            /* relaxed: the turn that follows publishes it with the value. */
            atomic_store_explicit(&shared->begun[me->number], me->changes, memory_order_relaxed);
            if (shared->sets)
                gauge_cell_set(&shared->cell, (double)(me->changes * WRITERS + me->number), NULL);
            else
                gauge_cell_add(&shared->cell, 1, NULL);
        }
    } while (clock_monotonic_ns() < shared->deadline_ns);
    /* release: pairs with the acquire in read_until_finished(). */
    atomic_fetch_add_explicit(&shared->finished, 1, memory_order_release);
    return NULL;
}

/* => the most that can have been added by now. */
static uint64_t begun_by_now(const Shared *shared)
{
    uint64_t sum = 0;
    for (int i = 0; i < WRITERS; i++)
        sum += atomic_load_explicit(&shared->begun[i], memory_order_relaxed); /* as above */
    return sum;
}

/* => whether the value can be, after `last`, which it replaces. */
static bool is_right(const Shared *shared, double value, uint64_t last[WRITERS])
{
    if (isnan(value) || value < 0 || value != floor(value))
        return false;
    uint64_t number = (uint64_t)value;
    unsigned writer = shared->sets ? (unsigned)(number % WRITERS) : 0;
    uint64_t change = shared->sets ? number / WRITERS : number;
    uint64_t most = shared->sets ? atomic_load_explicit(&shared->begun[writer],
                                                        memory_order_relaxed) /* as above */
                                 : begun_by_now(shared);
    bool right = change <= most && change >= last[writer];
    last[writer] = change;
    return right;
}

static void *read_until_finished(void *argument)
{
    Thread *me = argument;
    uint64_t last[WRITERS] = {0};
    double before = -1;
    bool finished;
    pthread_barrier_wait(&me->shared->start);
    do {
        /* acquire: pairs with the release in write_until_deadline(). */
        finished = atomic_load_explicit(&me->shared->finished, memory_order_acquire) == WRITERS;
        double value = gauge_cell_get(&me->shared->cell);
        if (isnan(value) && me->changes == 0)
            continue; /* nobody has begun */
        me->reads++;
        me->changes += value != before;
        me->wrong += !is_right(me->shared, value, last);
        before = value;
    } while (!finished);
    return NULL;
}

/* => whether all was right; prints the figures. */
static bool run(double seconds, bool sets)
{
    Shared shared;
    pthread_t handle[WRITERS + READERS];
    Thread thread[WRITERS + READERS];
    uint64_t written = 0;
    Thread all = {.wrong = 0};
    memset(&shared, 0, sizeof shared);
    shared.sets = sets;
    shared.deadline_ns = clock_monotonic_ns() + (int64_t)(seconds * 1e9);
    pthread_barrier_init(&shared.start, NULL, WRITERS + READERS);
    for (unsigned i = 0; i < WRITERS + READERS; i++) {
        thread[i] = (Thread){.shared = &shared, .number = i};
        pthread_create(&handle[i], NULL, i < WRITERS ? write_until_deadline : read_until_finished,
                       &thread[i]);
    }
    for (unsigned i = 0; i < WRITERS + READERS; i++)
        pthread_join(handle[i], NULL);
    pthread_barrier_destroy(&shared.start);
    for (unsigned i = 0; i < WRITERS; i++)
        written += thread[i].changes;
    for (unsigned i = WRITERS; i < WRITERS + READERS; i++) {
        all.reads += thread[i].reads;
        all.changes += thread[i].changes;
        all.wrong += thread[i].wrong;
    }
    double end = gauge_cell_get(&shared.cell);
    bool exact = sets || end == (double)written;
    printf("# %llu changes, %llu reads, %llu of them found a new value; %llu wrong, the end %s\n",
           (unsigned long long)written, (unsigned long long)all.reads,
           (unsigned long long)all.changes, (unsigned long long)all.wrong,
           exact ? "exact" : "WRONG");
    return exact && all.wrong == 0 && all.changes > 0 &&
           turn_seq(turn_seen(&shared.cell.turn)) == (uint32_t)(2 * written) &&
           gauge_cell_is_sound(&shared.cell, (uintptr_t)&shared.cell);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
    printf("1..2\n");
    bool adds = run(seconds / 2, false);
    printf("%s 1 - no addition is lost, and no value is seen that was not there\n",
           adds ? "ok" : "not ok");
    bool sets = run(seconds / 2, true);
    printf("%s 2 - the latest value of each writer is never followed by an older one\n",
           sets ? "ok" : "not ok");
    return adds && sets ? 0 : 1;
}
