/* Threads claim numbers and give them back: does a number ever have two owners, or none for ever?
 *
 * Each number has a plain slot that only its owner touches. Two owners at once show as a mark that
 * is not one's own, and TSan sees any hand-over that is not ordered. */
#include <atomicstats/thread_number.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    CLAIMERS = 8,
    FEW = 8,   /* numbers that a thread holds at once: 64 in all, the bitmap's first word */
    MANY = 40, /* 320 in all: several words */
    SLOTS = 12 /* threads that come and go */
};

typedef struct {
    uint64_t owner, visits;
} Slot;

static Slot slot[ASTATS_THREADS_MAX];

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

/* => the sum of all slots' visits, which it clears. No other thread runs. */
static uint64_t take_visits(void)
{
    uint64_t visits = 0;
    for (uint32_t i = 0; i < ASTATS_THREADS_MAX; i++) {
        visits += slot[i].visits;
        slot[i] = (Slot){0, 0};
    }
    return visits;
}

static unsigned numbers_in_use(void)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < ASTATS_THREAD_WORDS_; i++) {
        /* relaxed: no other thread runs. */
        n += (unsigned)__builtin_popcountll(
            atomic_load_explicit(&astats_threads_.used[i], memory_order_relaxed));
    }
    return n;
}

typedef struct {
    uint64_t id, rng, claims, wrong;
    double deadline;
    pthread_barrier_t *start;
    uint32_t hold, highest;
} Claimer;

/* => 1 if somebody else has it, or there was none; else 0, and it is marked as `id`'s. */
static unsigned enter(uint32_t number_plus_1, uint64_t id)
{
    if (number_plus_1 == 0)
        return 1;
    Slot *s = &slot[number_plus_1 - 1];
    bool wrong = s->owner != 0;
    s->owner = id;
    s->visits++;
    return wrong;
}

static unsigned leave(uint32_t number_plus_1, uint64_t id)
{
    if (number_plus_1 == 0)
        return 1;
    Slot *s = &slot[number_plus_1 - 1];
    bool wrong = s->owner != id;
    s->owner = 0;
    return wrong;
}

/* Takes some, then gives them back in another order. */
static void claim_and_release(Claimer *me)
{
    uint32_t mine[MANY];
    uint32_t n = 1 + (uint32_t)(next_random(&me->rng) % me->hold);
    for (uint32_t i = 0; i < n; i++) {
        mine[i] = astats_thread_claim_();
        me->wrong += enter(mine[i], me->id);
        me->highest = mine[i] > me->highest ? mine[i] : me->highest;
        me->claims++;
    }
    for (; n > 0; n--) {
        uint32_t pick = (uint32_t)(next_random(&me->rng) % n);
        me->wrong += leave(mine[pick], me->id);
        if (mine[pick] != 0)
            astats_thread_release_(mine[pick] - 1);
        mine[pick] = mine[n - 1];
    }
}

static void *claim_until_deadline(void *arg)
{
    Claimer *me = arg;
    pthread_barrier_wait(me->start);
    do {
        for (int i = 0; i < 100; i++)
            claim_and_release(me);
    } while (now() < me->deadline);
    return NULL;
}

/* `highest`: the greatest number plus 1 that there may be, 0: no promise. */
static bool claims(double seconds, uint32_t hold, uint32_t highest, uint64_t seed)
{
    pthread_barrier_t start;
    pthread_t thread[CLAIMERS];
    Claimer claimer[CLAIMERS];
    Claimer all = {.claims = 0};
    pthread_barrier_init(&start, NULL, CLAIMERS);
    for (unsigned i = 0; i < CLAIMERS; i++) {
        claimer[i] = (Claimer){.id = i + 1,
                               .rng = seed + i * UINT64_C(0x9e3779b97f4a7c15),
                               .hold = hold,
                               .deadline = now() + seconds,
                               .start = &start};
        pthread_create(&thread[i], NULL, claim_until_deadline, &claimer[i]);
    }
    for (int i = 0; i < CLAIMERS; i++) {
        pthread_join(thread[i], NULL);
        all.claims += claimer[i].claims;
        all.wrong += claimer[i].wrong;
        all.highest = claimer[i].highest > all.highest ? claimer[i].highest : all.highest;
    }
    pthread_barrier_destroy(&start);
    uint64_t visits = take_visits();
    unsigned left = numbers_in_use();
    printf("# %llu claims, %llu visits, %llu wrong, %u not given back, highest number %u\n",
           (unsigned long long)all.claims, (unsigned long long)visits,
           (unsigned long long)all.wrong, left, all.highest - 1);
    return all.wrong == 0 && visits == all.claims && left == 0 &&
           (highest == 0 || all.highest <= highest);
}

typedef struct {
    uint64_t id, wrong;
} Visitor;

/* A whole life: the number comes at the first call and goes when the thread ends. */
static void *live(void *arg)
{
    Visitor *me = arg;
    uint32_t mine = astats_thread_number_plus_1_();
    me->wrong += enter(mine, me->id);
    me->wrong += mine != astats_thread_number_plus_1_() || mine > SLOTS;
    me->wrong += leave(mine, me->id);
    return NULL;
}

static bool lives(double seconds)
{
    pthread_t thread[SLOTS] = {0};
    Visitor visitor[SLOTS] = {{0, 0}};
    uint64_t started = 0, wrong = 0;
    double deadline = now() + seconds;
    while (started < SLOTS || now() < deadline) {
        size_t i = started % SLOTS;
        if (started >= SLOTS) {
            pthread_join(thread[i], NULL);
            wrong += visitor[i].wrong;
        }
        started++;
        visitor[i] = (Visitor){started, 0};
        pthread_create(&thread[i], NULL, live, &visitor[i]);
    }
    for (int i = 0; i < SLOTS; i++) {
        pthread_join(thread[i], NULL);
        wrong += visitor[i].wrong;
    }
    uint64_t visits = take_visits();
    unsigned left = numbers_in_use();
    printf("# %llu threads, %llu visits, %llu wrong, %u not given back\n",
           (unsigned long long)started, (unsigned long long)visits, (unsigned long long)wrong,
           left);
    return wrong == 0 && visits == started && left == 0;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) | 1 : (uint64_t)time(NULL) * 2 + 1;
    printf("1..3\n# seed %llu (second argument)\n", (unsigned long long)seed);
    /* Within one word the lowest free number is taken at one instant: never above the holders'. */
    bool few = claims(seconds / 3, FEW, CLAIMERS * FEW, seed);
    printf("%s 1 - one owner per number, below the count in use, all given back\n",
           few ? "ok" : "not ok");
    bool many = claims(seconds / 3, MANY, 0, seed);
    printf("%s 2 - one owner per number over several words, all given back\n",
           many ? "ok" : "not ok");
    bool alive = lives(seconds / 3);
    printf("%s 3 - threads that come and go have one number each for life\n",
           alive ? "ok" : "not ok");
    return few && many && alive ? 0 : 1;
}
