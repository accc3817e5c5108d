/* One writer, three readers, one counter cell: is a value ever read that was never published?
 *
 * Pattern 1 adds 1, 0.5, 1, 0.5, …: whole and fractional part change in turn, and twice the value
 * leaves 0 or 2 when divided by 3. A mixture of two states mostly leaves 1.
 * Pattern 2 goes out of int64 and back: +max, +max, -max, -max. Both parts change at once, by as
 * much as they can; a mixture is off by about 2^64. */
#include "metrics/counter_cell.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

__extension__ typedef __int128 Wide;

enum {
    READERS = 3,
    ADDITIONS = 1000 /* between two looks at the clock; a multiple of both patterns' lengths */
};

typedef struct {
    void (*add)(CounterCell *cell); /* adds the pattern once */
    bool (*holds)(const CounterSum *sum);
    bool rises; /* the value never decreases */
    int length; /* additions in the pattern */
} Pattern;

typedef struct {
    CounterCell cell;
    const Pattern *pattern;
    pthread_barrier_t start;
    double deadline;
    _Atomic uint64_t finished; /* the writer: additions in all, once it has ended */
} Shared;

typedef struct {
    Shared *shared;
    CounterSum last;
    uint64_t reads, changes, torn, backwards;
} Reader;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* In halves: pattern 1 has nothing smaller. */
static Wide halves(const CounterSum *sum)
{
    return 2 * sum->integer + (Wide)(2 * sum->fraction);
}

static void add_halves(CounterCell *cell)
{
    counter_cell_add_integer(cell, 1);
    counter_cell_add_double(cell, 0.5);
}

static bool is_of_halves(const CounterSum *sum)
{
    return halves(sum) % 3 != 1 && (sum->fraction == 0 || sum->fraction == 0.5);
}

static void add_extremes(CounterCell *cell)
{
    counter_cell_add_integer(cell, INT64_MAX);
    counter_cell_add_integer(cell, INT64_MAX);
    counter_cell_add_integer(cell, -INT64_MAX);
    counter_cell_add_integer(cell, -INT64_MAX);
}

static bool is_of_extremes(const CounterSum *sum)
{
    return sum->fraction == 0 &&
           (sum->integer == 0 || sum->integer == INT64_MAX || sum->integer == 2 * (Wide)INT64_MAX);
}

static void *write_until_deadline(void *arg)
{
    Shared *shared = arg;
    uint64_t additions = 0;
    pthread_barrier_wait(&shared->start);
    do {
        for (int i = 0; i < ADDITIONS; i += shared->pattern->length)
            shared->pattern->add(&shared->cell);
        additions += ADDITIONS;
    } while (now() < shared->deadline);
    /* release: pairs with the acquire in read_until_finished(). */
    atomic_store_explicit(&shared->finished, additions, memory_order_release);
    return NULL;
}

static void *read_until_finished(void *arg)
{
    Reader *me = arg;
    bool finished;
    pthread_barrier_wait(&me->shared->start);
    do {
        /* acquire: pairs with the release in write_until_deadline(): the read that follows sees
         * everything that was added. */
        finished = atomic_load_explicit(&me->shared->finished, memory_order_acquire) != 0;
        CounterSum sum = {0};
        counter_cell_read(&me->shared->cell, &sum);
        me->reads++;
        me->changes += halves(&sum) != halves(&me->last);
        me->torn += !me->shared->pattern->holds(&sum);
        me->backwards += me->shared->pattern->rises && halves(&sum) < halves(&me->last);
        me->last = sum;
    } while (!finished);
    return NULL;
}

/* => whether every read was right and the last ones hold everything; prints the figures. */
static bool run(double seconds, const Pattern *pattern, Wide halves_a_pattern)
{
    Shared shared;
    pthread_t thread[READERS + 1];
    Reader reader[READERS];
    Reader all = {0};
    bool exact = true;
    memset(&shared, 0, sizeof shared);
    shared.pattern = pattern;
    shared.deadline = now() + seconds;
    pthread_barrier_init(&shared.start, NULL, READERS + 1);
    pthread_create(&thread[READERS], NULL, write_until_deadline, &shared);
    for (int i = 0; i < READERS; i++) {
        reader[i] = (Reader){.shared = &shared};
        pthread_create(&thread[i], NULL, read_until_finished, &reader[i]);
    }
    for (int i = 0; i <= READERS; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&shared.start);

    /* relaxed: the writer has been joined. */
    uint64_t additions = atomic_load_explicit(&shared.finished, memory_order_relaxed);
    Wide expected = (Wide)(additions / (uint64_t)pattern->length) * halves_a_pattern;
    for (int i = 0; i < READERS; i++) {
        all.reads += reader[i].reads;
        all.changes += reader[i].changes;
        all.torn += reader[i].torn;
        all.backwards += reader[i].backwards;
        exact = exact && halves(&reader[i].last) == expected;
    }
    printf("# %llu additions, %llu reads, %llu of them found a new value; %llu torn, "
           "%llu backwards, the last %s\n",
           (unsigned long long)additions, (unsigned long long)all.reads,
           (unsigned long long)all.changes, (unsigned long long)all.torn,
           (unsigned long long)all.backwards, exact ? "exact" : "WRONG");
    return all.torn == 0 && all.backwards == 0 && all.changes > 0 && exact;
}

int main(int argc, char **argv)
{
    static const Pattern with_fractions = {add_halves, is_of_halves, true, 2};
    static const Pattern over_the_range = {add_extremes, is_of_extremes, false, 4};
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
    printf("1..2\n");
    bool fractions = run(seconds / 2, &with_fractions, 3);
    printf("%s 1 - no torn value of 1 and 0.5 in turn, never decreasing\n",
           fractions ? "ok" : "not ok");
    bool range = run(seconds / 2, &over_the_range, 0);
    printf("%s 2 - no torn value on the way out of int64 and back\n", range ? "ok" : "not ok");
    return fractions && range ? 0 : 1;
}
