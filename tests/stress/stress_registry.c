/* Four threads, each with its own index, record into overlapping series, new ones all the time; two
 * readers walk all the while.
 *
 * Stats get the constant 7, counters 3, gauges their own number, so a reader can tell from a series
 * alone whether it is right. Each walk must give what the one before gave, in the same order, with
 * counts that are not lower. At the end every series' total is exact.
 * Rounds: a registry of their own each, so that there are first sights as long as the test runs. */
#include "metrics/snapshot.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "metrics/gauge_cell.h"
#include "metrics/series_index.h"

enum {
    WRITERS = 4,
    READERS = 2,
    KINDS = 3,             /* stats, counter, gauge: as in SeriesKind */
    RECORDS = 100000,      /* of a writer in a round */
    RECORDS_PER_BIRTH = 8, /* of a writer: by then there is one more number to choose from */
    NUMBERS = 16 + RECORDS / RECORDS_PER_BIRTH
};

typedef struct {
    Registry *registry;
    pthread_barrier_t start;
    _Atomic uint32_t running; /* writers that still record */
} Round;

typedef struct {
    Round *round;
    SeriesIndex index;
    uint64_t rng;
    uint32_t counts[KINDS][NUMBERS];
    uint64_t failed;
} Writer;

typedef struct {
    Round *round;
    uint64_t counts[KINDS][NUMBERS];   /* 0: not seen yet */
    uint32_t order[2][KINDS][NUMBERS]; /* what a walk gave; one walk's and that of the one before */
    uint32_t shown[2][KINDS];
    uint64_t walks, wrong_values, wrong_ids, wrong_order, backwards;
} Reader;

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

/* Series with odd numbers have tags; a client sends them in any order. */
static const char *tags_of(uint32_t number, bool spelling)
{
    return number % 2 == 0 ? "" : spelling ? "b:2,a:1" : "a:1,b:2";
}

static void record(Writer *me, SeriesKind kind, uint32_t number, bool spelling)
{
    char name[16];
    int length = snprintf(name, sizeof name, "n%" PRIu32, number);
    const char *tags = tags_of(number, spelling);
    SeriesKey key = {kind, name, (size_t)length, tags, strlen(tags)};
    Slot *slot;
    if (series_index_find(&me->index, &key, series_index_hash(&me->index, &key), &slot) != 0) {
        me->failed++;
        return;
    }
    if (kind == SERIES_STATS)
        astats_cell_record(&((StatsSlot *)slot)->cell, 7, 1);
    else if (kind == SERIES_COUNTER)
        counter_cell_add_integer(&((CounterSlot *)slot)->cell, 3);
    else
        gauge_cell_set(((RefSlot *)slot)->target, number, NULL);
    me->counts[kind][number]++;
}

static void *write_round(void *arg)
{
    Writer *me = arg;
    pthread_barrier_wait(&me->round->start);
    for (uint32_t i = 0; i < RECORDS; i++) {
        uint64_t random = next_random(&me->rng);
        uint32_t numbers = 16 + i / RECORDS_PER_BIRTH;
        /* Every other time among the newest ones: there the threads meet at first sights. */
        uint32_t number = random & 1 ? numbers - 1 - (uint32_t)(random >> 40) % 16
                                     : (uint32_t)(random >> 32) % numbers;
        record(me, (SeriesKind)((random >> 1) % KINDS), number, random & 8);
    }
    /* release: pairs with the acquire in read_round(). */
    atomic_fetch_sub_explicit(&me->round->running, 1, memory_order_release);
    return NULL;
}

/* => the number in the view's id, or NUMBERS if the id is not exactly what it should be. */
static uint32_t number_of(const SeriesView *view)
{
    uint32_t number = 0;
    for (size_t i = 1; i < view->name_length && number < NUMBERS; i++)
        number = number * 10 + (uint32_t)(view->id[i] - '0');
    char expected[32];
    int length = snprintf(expected, sizeof expected, "n%" PRIu32 "%s%s", number,
                          number % 2 == 0 ? "" : "|#", tags_of(number, false));
    if (view->id_length != (size_t)length || memcmp(expected, view->id, view->id_length) != 0)
        return NUMBERS;
    return number < NUMBERS ? number : NUMBERS;
}

/* => how many values the view stands for (a gauge: 1), or 0 if it is no sum of whole ones. */
static uint64_t count_of(const SeriesView *view, uint32_t number)
{
    const AtomicStatsSummary *stats = &view->value.stats;
    const CounterValue *counter = &view->value.counter;
    switch (view->kind) {
    case SERIES_STATS:
        return stats->sum == 7 * stats->count && stats->min == 7 && stats->max == 7 &&
                       stats->mean == 7 && stats->stddev == 0
                   ? (uint64_t)stats->count
                   : 0;
    case SERIES_COUNTER:
        return counter->is_integer && counter->integer % 3 == 0 ? (uint64_t)counter->integer / 3
                                                                : 0;
    default:
        return view->value.gauge == number;
    }
}

static void walk(Reader *me, SeriesKind kind)
{
    const uint32_t *before = me->order[0][kind];
    uint32_t *order = me->order[1][kind];
    uint32_t shown = 0;
    uint32_t matched = 0;
    SnapshotCursor cursor;
    SeriesView view;
    snapshot_begin(&cursor, me->round->registry, kind, &(SnapshotFilter){0});
    while (snapshot_next(&cursor, &view)) {
        uint32_t number = number_of(&view);
        if (number == NUMBERS || shown == NUMBERS) {
            me->wrong_ids++;
            continue;
        }
        uint64_t count = count_of(&view, number);
        me->wrong_values += count == 0;
        me->backwards += count < me->counts[kind][number];
        me->counts[kind][number] = count;
        matched += matched < me->shown[0][kind] && before[matched] == number;
        order[shown++] = number;
    }
    /* Series that held nothing before may stand between, but none may be gone or elsewhere. */
    me->wrong_order += matched != me->shown[0][kind];
    me->shown[1][kind] = shown;
}

static void walk_all(Reader *me)
{
    for (int kind = 0; kind < KINDS; kind++)
        walk(me, (SeriesKind)kind);
    memcpy(me->order[0], me->order[1], sizeof me->order[0]);
    memcpy(me->shown[0], me->shown[1], sizeof me->shown[0]);
    me->walks++;
}

/* The newest series must be whole the moment it can be seen; a walk comes to it much too late. */
static void watch_births(Reader *me)
{
    for (int looks = 0; looks < 3000; looks++) {
        SeriesKind kind = (SeriesKind)(looks % KINDS);
        SeriesWalk newest;
        registry_lock_walks(me->round->registry);
        registry_walk(me->round->registry, kind, &newest);
        newest.next = newest.last;
        const Series *series = series_walk_next(&newest);
        if (series != NULL) {
            SeriesView view = {.id = series->id,
                               .id_length = series->id_length,
                               .name_length = series->name_length};
            me->wrong_ids += series->kind != kind || number_of(&view) == NUMBERS;
        }
        series_walk_end(&newest);
        registry_unlock_walks(me->round->registry);
    }
}

static void *read_round(void *arg)
{
    Reader *me = arg;
    uint32_t running;
    pthread_barrier_wait(&me->round->start);
    do {
        /* acquire: pairs with the release in write_round(): the last walk sees everything. */
        running = atomic_load_explicit(&me->round->running, memory_order_acquire);
        watch_births(me);
        walk_all(me);
    } while (running != 0);
    return NULL;
}

/* => series whose last figures are not what the writers have counted, or that stand twice. */
static uint64_t compare(const Reader *reader, const Writer writer[static WRITERS], uint64_t *series)
{
    uint64_t wrong = 0;
    for (int kind = 0; kind < KINDS; kind++) {
        uint32_t known = 0;
        for (uint32_t number = 0; number < NUMBERS; number++) {
            uint64_t expected = 0;
            for (int i = 0; i < WRITERS; i++)
                expected += writer[i].counts[kind][number];
            known += expected != 0;
            if (kind == SERIES_GAUGE)
                expected = expected != 0;
            wrong += expected != reader->counts[kind][number];
        }
        wrong += known != reader->shown[0][kind] ||
                 known != registry_count(reader->round->registry, (SeriesKind)kind);
        *series += known;
    }
    return wrong;
}

static bool run_round(uint64_t *seed, Reader *figures, uint64_t *series)
{
    static Round round;
    static Writer writer[WRITERS];
    static Reader reader[READERS];
    pthread_t thread[WRITERS + READERS];
    uint64_t wrong = 0;
    memset(writer, 0, sizeof writer);
    memset(reader, 0, sizeof reader);
    int error = registry_create(&round.registry, KINDS * NUMBERS);
    pthread_barrier_init(&round.start, NULL, WRITERS + READERS);
    /* relaxed: pthread_create() publishes it. */
    atomic_store_explicit(&round.running, WRITERS, memory_order_relaxed);
    for (int i = 0; i < WRITERS && error == 0; i++) {
        writer[i].round = &round;
        writer[i].rng = next_random(seed);
        error |= series_index_init(&writer[i].index, round.registry);
        error |= pthread_create(&thread[i], NULL, write_round, &writer[i]);
    }
    for (int i = 0; i < READERS && error == 0; i++) {
        reader[i].round = &round;
        error = pthread_create(&thread[WRITERS + i], NULL, read_round, &reader[i]);
    }
    if (error != 0)
        abort(); /* no memory, or no thread */
    for (int i = 0; i < WRITERS + READERS; i++)
        pthread_join(thread[i], NULL);

    for (int i = 0; i < READERS; i++) {
        wrong += compare(&reader[i], writer, series);
        wrong += reader[i].wrong_values + reader[i].wrong_ids + reader[i].wrong_order +
                 reader[i].backwards;
        figures->walks += reader[i].walks;
        figures->wrong_values += reader[i].wrong_values;
        figures->wrong_ids += reader[i].wrong_ids;
        figures->wrong_order += reader[i].wrong_order;
        figures->backwards += reader[i].backwards;
    }
    for (int i = 0; i < WRITERS; i++) {
        wrong += writer[i].failed;
        series_index_fini(&writer[i].index);
    }
    registry_destroy(round.registry);
    pthread_barrier_destroy(&round.start);
    return wrong == 0;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) | 1 : (uint64_t)time(NULL) * 2 + 1;
    static Reader figures;
    uint64_t rounds = 0;
    uint64_t series = 0;
    bool right = true;
    printf("1..1\n# seed %" PRIu64 " (second argument)\n", seed);
    double deadline = now() + seconds;
    do {
        right = run_round(&seed, &figures, &series) && right;
        rounds++;
    } while (now() < deadline);
    printf("# %" PRIu64 " rounds, %" PRIu64 " walks; %" PRIu64 " series compared; wrong: %" PRIu64
           " values, %" PRIu64 " ids, %" PRIu64 " orders, %" PRIu64 " counts backwards\n",
           rounds, figures.walks, series, figures.wrong_values, figures.wrong_ids,
           figures.wrong_order, figures.backwards);
    printf("%s 1 - walks are whole and in order, totals exact\n", right ? "ok" : "not ok");
    return right ? 0 : 1;
}
