/* Three writers and two readers, one progress cell: is a state ever read that no writer wrote?
 *
 * Test 1: all that a change says follows from its `done`, and a run begins anew with each that is lower, so
 * total, the times and the run's base of every state are known from `done` and `base`.
 * Test 2: each writer adds 1 over and over; none is lost, and what a reader sees never goes down. */
#include "metrics/progress_cell.h"

#include <pthread.h>
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
    ProgressCell cell;
    bool adds; /* test 2 */
    pthread_barrier_t start;
    int64_t deadline_ns;
    _Atomic unsigned finished; /* writers */
} Shared;

typedef struct {
    Shared *shared;
    uint64_t seed;
    uint64_t reads, changes, wrong;
} Thread;

static int64_t total_of(int64_t done)
{
    return 3 * done + 7;
}

static int64_t time_of(int64_t done)
{
    return done + 1;
}

static void change(Thread *me)
{
    static const ProgressChange one_more = {.has_more = true, .more = 1};
    me->changes++;
    if (me->shared->adds) {
        progress_cell_change(&me->shared->cell, &one_more, 1, NULL);
        return;
    }
    me->seed = me->seed * UINT64_C(6364136223846793005) + 1442695040888963407; /* Knuth's LCG */
    int64_t done = (int64_t)(me->seed >> 40);
    const ProgressChange all = {
        .has_done = true, .has_total = true, .done = done, .total = total_of(done)};
    progress_cell_change(&me->shared->cell, &all, time_of(done), NULL);
}

static void *write_until_deadline(void *argument)
{
    Thread *me = argument;
    pthread_barrier_wait(&me->shared->start);
    do {
        for (int i = 0; i < CHANGES; i++)
            change(me);
    } while (clock_monotonic_ns() < me->shared->deadline_ns);
    /* release: pairs with the acquire in read_until_finished(). */
    atomic_fetch_add_explicit(&me->shared->finished, 1, memory_order_release);
    return NULL;
}

static bool is_right(const Shared *shared, const ProgressState *state, const ProgressState *before)
{
    if (state->updated_ns == 0) /* nobody has begun */
        return before->updated_ns == 0 && state->done == 0 && state->total == 0;
    if (shared->adds)
        return state->done >= before->done && state->base == 1 && state->total == 0;
    return state->total == total_of(state->done) && state->updated_ns == time_of(state->done) &&
           state->base <= state->done && state->started_ns == time_of(state->base);
}

static void *read_until_finished(void *argument)
{
    Thread *me = argument;
    ProgressState before = {0};
    bool finished;
    pthread_barrier_wait(&me->shared->start);
    do {
        /* acquire: pairs with the release in write_until_deadline(). */
        finished = atomic_load_explicit(&me->shared->finished, memory_order_acquire) == WRITERS;
        ProgressState state = progress_cell_state(&me->shared->cell);
        me->reads++;
        me->changes += state.done != before.done;
        me->wrong += !is_right(me->shared, &state, &before);
        before = state;
    } while (!finished);
    return NULL;
}

/* => whether all was right; prints the figures. */
static bool run(double seconds, bool adds)
{
    Shared shared;
    pthread_t handle[WRITERS + READERS];
    Thread thread[WRITERS + READERS];
    uint64_t written = 0;
    Thread all = {.wrong = 0};
    memset(&shared, 0, sizeof shared);
    shared.adds = adds;
    shared.deadline_ns = clock_monotonic_ns() + (int64_t)(seconds * 1e9);
    pthread_barrier_init(&shared.start, NULL, WRITERS + READERS);
    for (unsigned i = 0; i < WRITERS + READERS; i++) {
        thread[i] = (Thread){.shared = &shared, .seed = i};
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
    ProgressState end = progress_cell_state(&shared.cell);
    bool exact = !adds || end.done == (int64_t)written;
    printf("# %llu changes, %llu reads, %llu of them found a new state; %llu wrong, the end %s\n",
           (unsigned long long)written, (unsigned long long)all.reads,
           (unsigned long long)all.changes, (unsigned long long)all.wrong,
           exact ? "exact" : "WRONG");
    return exact && all.wrong == 0 && all.changes > 0 &&
           turn_seq(turn_seen(&shared.cell.turn)) == (uint32_t)(2 * written) &&
           progress_cell_is_sound(&shared.cell, (uintptr_t)&shared.cell);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
    printf("1..2\n");
    bool states = run(seconds / 2, false);
    printf("%s 1 - each state that is read is one that a writer wrote\n", states ? "ok" : "not ok");
    bool adds = run(seconds / 2, true);
    printf("%s 2 - no addition is lost\n", adds ? "ok" : "not ok");
    return states && adds ? 0 : 1;
}
