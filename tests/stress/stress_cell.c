/* One writer, three readers, one cell: is a snapshot ever torn?
 *
 * First the constant 7, for as long as possible: any mixture of two states breaks sum = 7 * count.
 * Then 1, 2, 3, … into a fresh cell, again and again: every figure of a state follows from its
 * count, each record changes all of them, and each round passes through the first record, where
 * shift is published. main is one of the readers, and the one that looks at the clock. */
#include <atomicstats/cell.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    READERS = 3,       /* main included */
    PATIENCE_S = 60,   /* for the writer and main to run at the same time, on a loaded machine */
    SEQUENCE = 200000, /* the sum of squares, n^3 / 3, must fit a double exactly */
    LOOKS = 1000       /* snapshots between two looks at the clock */
};

typedef struct {
    AstatsCell cell;
    _Atomic bool stop;         /* main: the writer shall finish its round */
    _Atomic uint64_t finished; /* the writer: records of the round that is over, else 0 */
    bool over;                 /* main to all, through the barrier: no further round */
    pthread_barrier_t barrier;
} Arena;

typedef bool Invariant(uint64_t records, const AstatsCellState *s, double shift);

typedef struct {
    Arena *arena;
    Invariant *holds;
    double deadline;             /* main's; the others' is never */
    uint64_t snapshots, between; /* all; those that found the writer at work */
    uint64_t torn, backwards;
} Reader;

static bool sevens(uint64_t records, const AstatsCellState *s, double shift)
{
    return s->count == (double)records && s->sum == 7 * s->count && s->min == 7 && s->max == 7 &&
           s->squares == 0 && s->compensation == 0 && shift == 7;
}

static bool one_to_n(uint64_t records, const AstatsCellState *s, double shift)
{
    double n = (double)records;
    return s->count == n && s->sum == n * (n + 1) / 2 && s->min == 1 && s->max == n &&
           s->squares == (n - 1) * n * (2 * n - 1) / 6 && s->compensation == 0 && shift == 1;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* One round: until a snapshot holds all that the writer has recorded. */
static void read_round(Reader *me)
{
    uint64_t previous = 0;
    for (uint64_t looks = 1;; looks++) {
        /* acquire: pairs with the release by the writers, so that a snapshot taken now must have
         * every record of the round. */
        uint64_t finished = atomic_load_explicit(&me->arena->finished, memory_order_acquire);
        AstatsCellState state;
        double shift;
        uint64_t records = astats_cell_snapshot(&me->arena->cell, &state, &shift);
        me->snapshots++;
        me->torn += records != 0 && !me->holds(records, &state, shift);
        me->backwards += records < previous || (finished != 0 && records != finished);
        me->between += records != previous && finished == 0;
        previous = records;
        if (finished != 0)
            return;
        if (looks % LOOKS == 0 && now() >= me->deadline) {
            /* relaxed: the writer needs no more than the wish. */
            atomic_store_explicit(&me->arena->stop, true, memory_order_relaxed);
        }
    }
}

static void *read_rounds(void *arg)
{
    Reader *me = arg;
    for (;;) {
        pthread_barrier_wait(&me->arena->barrier); /* main has prepared the round */
        if (me->arena->over)
            return NULL;
        read_round(me);
        pthread_barrier_wait(&me->arena->barrier); /* nobody reads any more */
    }
}

static void write_sevens(Arena *arena)
{
    uint64_t n = 0;
    /* relaxed: nothing is read on the word of it. */
    while (!atomic_load_explicit(&arena->stop, memory_order_relaxed)) {
        astats_cell_record(&arena->cell, 7, 1);
        n++;
    }
    /* release: pairs with the acquire in read_round(). */
    atomic_store_explicit(&arena->finished, n, memory_order_release);
}

static void write_one_to_n(Arena *arena)
{
    for (int i = 1; i <= SEQUENCE; i++)
        astats_cell_record(&arena->cell, i, 1);
    /* release: pairs with the acquire in read_round(). */
    atomic_store_explicit(&arena->finished, SEQUENCE, memory_order_release);
}

typedef struct {
    Arena *arena;
    void (*write)(Arena *);
} Writer;

static void *write_rounds(void *arg)
{
    const Writer *me = arg;
    for (;;) {
        pthread_barrier_wait(&me->arena->barrier);
        if (me->arena->over)
            return NULL;
        me->write(me->arena);
        pthread_barrier_wait(&me->arena->barrier);
    }
}

static void reset(Arena *arena)
{
    memset(&arena->cell, 0, sizeof arena->cell);
    /* relaxed: the barrier publishes them. */
    atomic_store_explicit(&arena->finished, 0, memory_order_relaxed);
    atomic_store_explicit(&arena->stop, false, memory_order_relaxed);
}

/* Rounds until the deadline, or just one. => whether every snapshot was right; prints why not. */
static bool run(double seconds, bool one_round, void (*write)(Arena *), Invariant *holds)
{
    static Arena arena;
    pthread_t thread[READERS];
    Reader reader[READERS];
    Writer writer = {&arena, write};
    double deadline = now() + seconds;
    pthread_barrier_init(&arena.barrier, NULL, READERS + 1);
    arena.over = false;
    for (int i = 0; i < READERS; i++)
        reader[i] =
            (Reader){.arena = &arena, .holds = holds, .deadline = i == 0 ? deadline : 1e300};
    pthread_create(&thread[0], NULL, write_rounds, &writer);
    for (int i = 1; i < READERS; i++)
        pthread_create(&thread[i], NULL, read_rounds, &reader[i]);

    uint64_t rounds = 0;
    do {
        reset(&arena);
        pthread_barrier_wait(&arena.barrier);
        read_round(&reader[0]);
        pthread_barrier_wait(&arena.barrier);
        rounds++;
        /* Rounds in which main saw nothing new show nothing. */
    } while (!one_round &&
             (now() < deadline || (reader[0].between == 0 && now() < deadline + PATIENCE_S)));
    arena.over = true;
    pthread_barrier_wait(&arena.barrier);
    for (int i = 0; i < READERS; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&arena.barrier);

    Reader all = {.torn = 0};
    for (int i = 0; i < READERS; i++) {
        all.snapshots += reader[i].snapshots;
        all.between += reader[i].between;
        all.torn += reader[i].torn;
        all.backwards += reader[i].backwards;
    }
    printf("# %llu rounds, %llu snapshots, %llu of them found new records; %llu torn, %llu wrong "
           "counts\n",
           (unsigned long long)rounds, (unsigned long long)all.snapshots,
           (unsigned long long)all.between, (unsigned long long)all.torn,
           (unsigned long long)all.backwards);
    return all.torn == 0 && all.backwards == 0 && all.between > 0;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
    printf("1..2\n");
    bool constant = run(seconds / 2, true, write_sevens, sevens);
    printf("%s 1 - no torn snapshot of a constant, counts never decrease\n",
           constant ? "ok" : "not ok");
    bool sequence = run(seconds / 2, false, write_one_to_n, one_to_n);
    printf("%s 2 - no torn snapshot of 1, 2, 3, ..., rounds complete\n",
           sequence ? "ok" : "not ok");
    return constant && sequence ? 0 : 1;
}
