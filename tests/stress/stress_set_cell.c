/* Four threads add overlapping values to one set while it outgrows its places: is a value ever lost?
 *
 * 1. In each round a fresh set, a random number of values, and threads that each add three quarters
 *    of them, from a random place on, forwards or backwards; whoever finds the places full makes the
 *    sketch. After the round the sketch must be, byte for byte, the one that a single thread makes
 *    of the same values, and the cell sound. main reads all the while: the count never decreases.
 * 2. As often as possible, one thread adds one value while another one makes the sketch; the value must
 *    be in the sketch. */
#include "metrics/set_cell.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    WRITERS = 4,
    MOST_VALUES = 400 /* few, so that most of a round is about growing, twice */
};

typedef struct {
    SetCell cell;
    SetSketch sketch;
    pthread_mutex_t growth; /* what the registry's mutex is for */
    pthread_barrier_t barrier;
    uint64_t base; /* value i has the hash of base + i */
    uint32_t values;
    _Atomic uint32_t running; /* writers that still add */
    bool over;                /* main to all, through the barrier */
} Round;

typedef struct {
    Round *round;
    unsigned number;
    uint64_t rng;
    uint64_t grown, refused;
} Writer;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t next_random(uint64_t *rng)
{
    *rng ^= *rng << 13;
    *rng ^= *rng >> 7;
    *rng ^= *rng << 17;
    return *rng;
}

static uint64_t hash_of(uint64_t i)
{
    uint64_t z = i * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void add(Writer *me, uint64_t hash)
{
    if (set_cell_add(&me->round->cell, hash))
        return;
    pthread_mutex_lock(&me->round->growth);
    me->grown += set_cell_grow(&me->round->cell, &me->round->sketch);
    pthread_mutex_unlock(&me->round->growth);
    me->refused += !set_cell_add(&me->round->cell, hash);
}

/* Writer w adds the quarters w, w + 1 and w + 2, so each quarter has three writers. */
static void add_values(Writer *me)
{
    uint32_t values = me->round->values;
    uint32_t first = (uint32_t)((uint64_t)values * me->number / WRITERS);
    uint32_t count = values - values / WRITERS;
    uint64_t random = next_random(&me->rng);
    uint32_t from = (uint32_t)(random >> 32) % count;
    for (uint32_t k = 0; k < count; k++) {
        uint32_t at = (from + (random % 2 == 0 ? k : count - 1 - k)) % count;
        add(me, hash_of(me->round->base + (first + at) % values));
    }
}

static void *write_rounds(void *arg)
{
    Writer *me = arg;
    for (;;) {
        pthread_barrier_wait(&me->round->barrier);
        if (me->round->over)
            return NULL;
        add_values(me);
        /* release: pairs with the acquire in read_round(). */
        atomic_fetch_sub_explicit(&me->round->running, 1, memory_order_release);
        pthread_barrier_wait(&me->round->barrier);
    }
}

/* => how often the count has decreased. */
static uint64_t read_round(const Round *round, uint64_t *reads)
{
    uint64_t backwards = 0;
    double before = 0;
    uint32_t running;
    do {
        /* acquire: pairs with the release in write_rounds(). */
        running = atomic_load_explicit(&round->running, memory_order_acquire);
        double count = set_cell_count(&round->cell);
        backwards += !(count >= before - 1e-9);
        before = count;
        ++*reads;
    } while (running != 0);
    return backwards;
}

static void prepare(Round *round, uint64_t *rng)
{
    memset(&round->cell, 0, sizeof round->cell);
    set_cell_begin(&round->cell);
    memset(&round->sketch, 0, sizeof round->sketch);
    round->base = next_random(rng);
    round->values = 1 + (uint32_t)(next_random(rng) >> 33) % MOST_VALUES;
    /* relaxed: the barrier publishes it. */
    atomic_store_explicit(&round->running, WRITERS, memory_order_relaxed);
}

static bool same_sketch(const SetSketch *a, const SetSketch *b)
{
    for (uint32_t i = 0; i < HLL_REGISTERS; i++) {
        /* relaxed: nobody writes any more. */
        if (atomic_load_explicit(&a->hll.registers[i], memory_order_relaxed) !=
            atomic_load_explicit(&b->hll.registers[i], memory_order_relaxed))
            return false;
    }
    return true;
}

/* => whether the set holds exactly the round's values. */
static bool is_right(const Round *round)
{
    static SetCell expected;
    static SetSketch sketch;
    memset(&expected, 0, sizeof expected);
    memset(&sketch, 0, sizeof sketch);
    for (uint32_t i = 0; i < round->values; i++) {
        if (!set_cell_add(&expected, hash_of(round->base + i))) {
            set_cell_grow(&expected, &sketch);
            set_cell_add(&expected, hash_of(round->base + i));
        }
    }
    return set_cell_count(&expected) == set_cell_count(&round->cell) &&
           same_sketch(&sketch, &round->sketch) &&
           set_cell_is_sound(&round->cell, (uintptr_t)&round->cell, set_cell_sketch(&round->cell));
}

/* Rounds until the deadline; prints the figures. => whether all was right. */
static bool run(double seconds, uint64_t seed)
{
    static Round round;
    pthread_t thread[WRITERS];
    Writer writer[WRITERS];
    uint64_t rounds = 0, grown = 0, reads = 0, wrong = 0, backwards = 0, refused = 0;
    double deadline = now() + seconds;
    pthread_mutex_init(&round.growth, NULL);
    pthread_barrier_init(&round.barrier, NULL, WRITERS + 1);
    for (unsigned i = 0; i < WRITERS; i++) {
        writer[i] = (Writer){
            .round = &round, .number = i, .rng = seed + (i + 1) * UINT64_C(0x9e3779b97f4a7c15)};
        pthread_create(&thread[i], NULL, write_rounds, &writer[i]);
    }
    do {
        prepare(&round, &seed);
        pthread_barrier_wait(&round.barrier);
        backwards += read_round(&round, &reads);
        pthread_barrier_wait(&round.barrier);
        wrong += !is_right(&round);
        rounds++;
    } while (now() < deadline);
    round.over = true;
    pthread_barrier_wait(&round.barrier);
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(thread[i], NULL);
        grown += writer[i].grown;
        refused += writer[i].refused;
    }
    pthread_barrier_destroy(&round.barrier);
    pthread_mutex_destroy(&round.growth);
    printf("# %llu rounds, %llu of them outgrew the places; %llu reads; %llu sets wrong, "
           "%llu counts backwards, %llu values refused\n",
           (unsigned long long)rounds, (unsigned long long)grown, (unsigned long long)reads,
           (unsigned long long)wrong, (unsigned long long)backwards, (unsigned long long)refused);
    return wrong == 0 && backwards == 0 && refused == 0 && grown > 0;
}

/* ---- 2 ---- */

typedef struct {
    SetCell cell;
    SetSketch sketch;
    _Atomic uint64_t turn; /* main: the round that may be played; UINT64_MAX: no more */
    _Atomic uint64_t done; /* the grower: the last one that it has played */
} Duel;

static void await(const _Atomic uint64_t *word, uint64_t value)
{
    /* acquire: pairs with the releases in grow_rounds() and duel(). */
    for (int spins = 1; atomic_load_explicit(word, memory_order_acquire) < value; spins++) {
        if (spins % 1000 == 0)
            sched_yield();
    }
}

/* Lets some time pass, so that the two threads meet at every point of each other's way. */
static void stagger(uint64_t random)
{
    for (uint64_t i = random; i > 0; i--)
        atomic_signal_fence(memory_order_seq_cst);
}

static void *grow_rounds(void *arg)
{
    Duel *duel = arg;
    uint64_t rng = 20260206;
    for (uint64_t round = 1;; round++) {
        await(&duel->turn, round);
        /* relaxed: ordered by the acquire before it. */
        if (atomic_load_explicit(&duel->turn, memory_order_relaxed) == UINT64_MAX)
            return NULL;
        stagger(next_random(&rng) % 64);
        set_cell_grow(&duel->cell, &duel->sketch);
        /* release: pairs with the acquire in await(). */
        atomic_store_explicit(&duel->done, round, memory_order_release);
    }
}

static bool duel(double seconds, uint64_t seed)
{
    static Duel duel;
    pthread_t thread;
    uint64_t round = 0, lost = 0, both = 0;
    double deadline = now() + seconds;
    pthread_create(&thread, NULL, grow_rounds, &duel);
    do {
        memset(&duel.cell, 0, sizeof duel.cell);
        uint64_t hash = next_random(&seed);
        /* release: pairs with the acquire in await(). */
        atomic_store_explicit(&duel.turn, ++round, memory_order_release);
        stagger(hash >> 54);
        set_cell_add(&duel.cell, hash);
        await(&duel.done, round);
        _Atomic uint8_t *place = &duel.sketch.hll.registers[hash & (HLL_REGISTERS - 1)];
        /* relaxed: the round is over. */
        lost +=
            atomic_load_explicit(place, memory_order_relaxed) == 0 ||
            (atomic_load_explicit(&duel.sketch.listed[0], memory_order_relaxed) ^ hash) << 16 != 0;
        both += atomic_load_explicit(&duel.cell.small[0], memory_order_relaxed) != 0;
        atomic_store_explicit(place, 0, memory_order_relaxed);
        atomic_store_explicit(&duel.sketch.listed[0], 0, memory_order_relaxed);
    } while (round % 256 != 0 || now() < deadline);
    /* release: pairs with the acquire in await(). */
    atomic_store_explicit(&duel.turn, UINT64_MAX, memory_order_release);
    pthread_join(thread, NULL);
    printf("# %llu rounds, %llu times added before the sketch was seen; %llu values lost\n",
           (unsigned long long)round, (unsigned long long)both, (unsigned long long)lost);
    return lost == 0 && both > 0;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) | 1 : (uint64_t)time(NULL) * 2 + 1;
    printf("1..2\n# seed %llu (second argument)\n", (unsigned long long)seed);
    bool growing = run(seconds / 2, seed);
    printf("%s 1 - sets outgrow their places and lose nothing\n", growing ? "ok" : "not ok");
    bool dueling = duel(seconds / 2, seed);
    printf("%s 2 - adding to the places against moving them\n", dueling ? "ok" : "not ok");
    return growing && dueling ? 0 : 1;
}
