/* AtomicFlag as a lock and as a mailbox. What it guards is plain data: a lost exclusion shows in the
 * total, a lost acquire or release shows to TSan. */
#include <atomicstats/flag.h>

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    LOCKERS = 4
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

typedef struct {
    AtomicFlag taken;
    uint64_t total, square; /* plain, guarded; square = total^2, in between it is not */
} Guarded;

typedef struct {
    Guarded *guarded;
    pthread_barrier_t *start;
    double deadline;
    uint64_t rng, added, broken;
} Locker;

static void lock_and_add(Locker *me)
{
    Guarded *g = me->guarded;
    me->rng ^= me->rng << 13, me->rng ^= me->rng >> 7, me->rng ^= me->rng << 17;
    uint64_t add = me->rng % 1000;
    while (astats_flag_swap(&g->taken, true))
        sched_yield();
    me->broken += g->square != g->total * g->total || !astats_flag_get(&g->taken);
    g->total += add;
    g->square = g->total * g->total;
    /* Both ways of giving it back must release. */
    if (add % 2 == 0)
        astats_flag_set(&g->taken, false);
    else
        me->broken += !astats_flag_swap(&g->taken, false);
    me->added += add;
}

static void *lock_until_deadline(void *arg)
{
    Locker *me = arg;
    pthread_barrier_wait(me->start);
    do {
        for (int i = 0; i < 1000; i++)
            lock_and_add(me);
    } while (now() < me->deadline);
    return NULL;
}

static bool as_a_lock(double seconds, uint64_t seed)
{
    Guarded guarded = {.total = 0};
    pthread_barrier_t start;
    pthread_t thread[LOCKERS];
    Locker locker[LOCKERS];
    uint64_t added = 0, broken = 0;
    astats_flag_init(&guarded.taken, false);
    pthread_barrier_init(&start, NULL, LOCKERS);
    for (unsigned i = 0; i < LOCKERS; i++) {
        locker[i] = (Locker){.guarded = &guarded,
                             .start = &start,
                             .deadline = now() + seconds,
                             .rng = seed + i * UINT64_C(0x9e3779b97f4a7c15)};
        pthread_create(&thread[i], NULL, lock_until_deadline, &locker[i]);
    }
    for (int i = 0; i < LOCKERS; i++) {
        pthread_join(thread[i], NULL);
        added += locker[i].added;
        broken += locker[i].broken;
    }
    pthread_barrier_destroy(&start);
    printf("# added %llu, total %llu, %llu times broken\n", (unsigned long long)added,
           (unsigned long long)guarded.total, (unsigned long long)broken);
    return broken == 0 && added == guarded.total && added > 0 && !astats_flag_get(&guarded.taken);
}

typedef struct {
    AtomicFlag full;
    uint64_t message, last; /* plain, the flag hands them over; last: 0 or the final message */
    double deadline;
} Mailbox;

static void *send_until_deadline(void *arg)
{
    Mailbox *box = arg;
    for (uint64_t i = 1;; i++) {
        while (astats_flag_get(&box->full))
            sched_yield();
        box->message = i;
        box->last = now() < box->deadline ? 0 : i;
        bool end = box->last != 0;
        astats_flag_set(&box->full, true);
        if (end)
            return NULL;
    }
}

static bool as_a_mailbox(double seconds)
{
    Mailbox box = {.deadline = now() + seconds};
    pthread_t sender;
    uint64_t received = 0, wrong = 0, last = 0;
    astats_flag_init(&box.full, false);
    pthread_create(&sender, NULL, send_until_deadline, &box);
    while (last == 0) {
        while (!astats_flag_get(&box.full))
            sched_yield();
        received++;
        wrong += box.message != received;
        last = box.last;
        astats_flag_set(&box.full, false);
    }
    pthread_join(sender, NULL);
    printf("# %llu messages, %llu wrong\n", (unsigned long long)received,
           (unsigned long long)wrong);
    return wrong == 0 && last == received;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) | 1 : (uint64_t)time(NULL) * 2 + 1;
    printf("1..2\n# seed %llu (second argument)\n", (unsigned long long)seed);
    bool lock = as_a_lock(seconds / 2, seed);
    printf("%s 1 - swap(true) excludes, the total is exact\n", lock ? "ok" : "not ok");
    bool mailbox = as_a_mailbox(seconds / 2);
    printf("%s 2 - set hands over what was written before\n", mailbox ? "ok" : "not ok");
    return lock && mailbox ? 0 : 1;
}
