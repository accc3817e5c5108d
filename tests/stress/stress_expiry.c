/* Four threads record into series that come and go; a fifth frees what has expired, two more walk all
 * the while. No value may be lost between a series that expires and the one that follows it.
 *
 * Time goes in steps, given to the indexes by hand. In each step every thread records each name or, most
 * of the time, does not, and sweeps its index at a random moment. Between steps all threads stand
 * still, and each series' total is compared to what was recorded: what it held before plus what has come;
 * or, if nobody had recorded it for long enough, that or only what has come. Nothing else will do.
 * In the end time goes on until everything has expired, and the memory must not have grown since the
 * first rounds. */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "metrics/progress_cell.h"
#include "metrics/slot_sweep.h"
#include "metrics/snapshot.h"

enum {
    WRITERS = 4,
    READERS = 2,
    KINDS = 3, /* stats, counters, progress */
    NAMES = 700,
    SERIES = KINDS * NAMES,
    EXPIRE_AFTER_S = 2,
    IDLE_STEPS = EXPIRE_AFTER_S + 2, /* marked that many steps ago, a series may go */
    WARM_UP_STEPS = 60
};

static const SeriesKind kinds[KINDS] = {SERIES_STATS, SERIES_COUNTER, SERIES_PROGRESS};

typedef struct {
    SeriesIndex index;
    SlotSweep sweep;
    uint64_t rng;
    uint32_t recorded[KINDS][NAMES]; /* in this step */
    uint64_t failed;
} Writer;

typedef struct {
    uint64_t walks, wrong;
} Reader;

typedef struct {
    uint64_t held[KINDS][NAMES];
    uint32_t recorded_at[KINDS][NAMES]; /* the latest step in which somebody recorded it */
    uint64_t carried, gone, lost, total;
} Model;

static Registry *registry;
static pthread_barrier_t step_begins, step_ends;
static uint32_t step_s; /* written between the barriers */
static _Atomic bool stop;
static Writer writers[WRITERS];
static Reader readers[READERS];
static Model model;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool stopped(void)
{
    /* acquire: pairs with the release in main(). */
    return atomic_load_explicit(&stop, memory_order_acquire);
}

static uint64_t next_random(uint64_t *rng)
{
    *rng ^= *rng << 13;
    *rng ^= *rng >> 7;
    *rng ^= *rng << 17;
    return *rng;
}

/* ---- writers ---- */

/* Every third name has tags, spelt in two ways; every fifth does not fit into a slot. */
static SeriesKey key_of(char name[static 64], unsigned kind, unsigned number, bool spelling)
{
    int length =
        snprintf(name, 64, number % 5 == 0 ? "a.name.of.thirty.bytes.and.more.%u" : "n%u", number);
    const char *tags = number % 3 != 0 ? "" : spelling ? "b:2,a:1" : "a:1,b:2";
    return (SeriesKey){kinds[kind], name, (size_t)length, tags, strlen(tags)};
}

static void record(Writer *me, unsigned kind, unsigned number)
{
    char name[64];
    SeriesKey key = key_of(name, kind, number, next_random(&me->rng) & 1);
    Slot *slot;
    if (series_index_find(&me->index, &key, series_index_hash(&me->index, &key), &slot) != 0) {
        me->failed++;
        return;
    }
    if (key.kind == SERIES_STATS)
        astats_cell_record(&((StatsSlot *)slot)->cell, 1, 1);
    else if (key.kind == SERIES_COUNTER)
        counter_cell_add_integer(&((CounterSlot *)slot)->cell, 1);
    else
        progress_cell_change(((RefSlot *)slot)->target,
                             &(ProgressChange){.has_more = true, .more = 1}, 1, NULL);
    me->recorded[kind][number]++;
}

static void sweep_round(Writer *me)
{
    do {
        (void)slot_sweep_step(&me->sweep, &me->index);
    } while (me->sweep.under_way);
}

/* Names are seldom recorded, each by its own odds, so all ages up to expiry and beyond come about. */
static void write_step(Writer *me)
{
    unsigned sweep_at = (unsigned)(next_random(&me->rng) % SERIES);
    unsigned first = (unsigned)(next_random(&me->rng) % SERIES);
    memset(me->recorded, 0, sizeof me->recorded);
    series_index_tick(&me->index, step_s);
    for (unsigned i = 0; i < SERIES; i++) {
        unsigned which = (first + i) % SERIES;
        if (i == sweep_at)
            sweep_round(me);
        if (next_random(&me->rng) % (8 + which % 32) == 0)
            record(me, which % KINDS, which / KINDS);
    }
}

static void *write_body(void *argument)
{
    Writer *me = argument;
    for (;;) {
        pthread_barrier_wait(&step_begins);
        if (stopped())
            return NULL;
        write_step(me);
        pthread_barrier_wait(&step_ends);
    }
}

/* ---- those who read and free ---- */

static uint64_t value_of(const SeriesView *view)
{
    switch (view->kind) {
    case SERIES_STATS:
        return view->value.stats.sum == view->value.stats.count ? (uint64_t)view->value.stats.sum
                                                                : 0;
    case SERIES_COUNTER:
        return view->value.counter.is_integer ? (uint64_t)view->value.counter.integer : 0;
    default:
        return (uint64_t)view->value.progress.done;
    }
}

/* => the name's number; NAMES: it is not what a writer would send. */
static unsigned number_of(const SeriesView *view, unsigned kind)
{
    size_t digits = 0;
    while (digits < view->name_length && view->id[view->name_length - digits - 1] >= '0' &&
           view->id[view->name_length - digits - 1] <= '9')
        digits++;
    unsigned number = 0;
    for (size_t i = view->name_length - digits; i < view->name_length && number < NAMES; i++)
        number = number * 10 + (unsigned)(view->id[i] - '0');
    char name[64];
    SeriesKey key = number < NAMES ? key_of(name, kind, number, false) : (SeriesKey){.kind = 0};
    bool right = number < NAMES && view->name_length == key.name_length &&
                 memcmp(view->id, key.name, key.name_length) == 0 &&
                 view->id_length == key.name_length + (key.tags_length != 0 ? 9 : 0) &&
                 (key.tags_length == 0 || memcmp(view->id + key.name_length, "|#a:1,b:2", 9) == 0);
    return right ? number : NAMES;
}

/* Fills values[] with what a walk over one kind shows. => series that are wrong or stand twice. */
static uint64_t walk(unsigned kind, uint64_t values[static NAMES])
{
    static const SnapshotFilter all;
    SnapshotCursor cursor;
    SeriesView view;
    uint64_t wrong = 0;
    memset(values, 0, NAMES * sizeof *values);
    snapshot_begin(&cursor, registry, kinds[kind], &all);
    while (snapshot_next(&cursor, &view)) {
        unsigned number = number_of(&view, kind);
        uint64_t value = value_of(&view);
        if (number == NAMES || value == 0 || values[number] != 0)
            wrong++;
        else
            values[number] = value;
    }
    return wrong;
}

static void *read_body(void *argument)
{
    Reader *me = argument;
    uint64_t values[NAMES];
    while (!stopped()) {
        for (unsigned kind = 0; kind < KINDS; kind++)
            me->wrong += walk(kind, values);
        me->walks++;
    }
    return NULL;
}

static void *reclaim_body(void *unused)
{
    (void)unused;
    while (!stopped())
        registry_reclaim(registry);
    return NULL;
}

/* ---- the model ---- */

static void check_one(unsigned kind, unsigned number, uint64_t shown)
{
    uint64_t more = 0;
    for (int i = 0; i < WRITERS; i++)
        more += writers[i].recorded[kind][number];
    uint64_t *held = &model.held[kind][number];
    uint32_t *at = &model.recorded_at[kind][number];
    bool may_restart = step_s - *at >= IDLE_STEPS;
    bool restarted = may_restart && shown == more;
    model.total += more;
    model.gone += *held != 0 && restarted;
    model.carried += *held != 0 && more != 0 && !restarted;
    model.lost += shown != *held + more && !restarted;
    *held = shown;
    if (more != 0)
        *at = step_s;
}

static void check_all(void)
{
    uint64_t values[NAMES];
    for (unsigned kind = 0; kind < KINDS; kind++) {
        model.lost += walk(kind, values);
        for (unsigned number = 0; number < NAMES; number++)
            check_one(kind, number, values[number]);
    }
}

static size_t memory_used(void)
{
    size_t bytes = registry_memory_bytes(registry);
    for (int i = 0; i < WRITERS; i++)
        bytes += series_index_memory_bytes(&writers[i].index);
    return bytes;
}

static uint32_t series_left(void)
{
    uint32_t left = 0;
    for (int kind = 0; kind < SERIES_KINDS; kind++)
        left += registry_count(registry, (SeriesKind)kind);
    return left;
}

/* All threads stand still. => whether everything expires, and is freed. */
static bool let_all_expire(void)
{
    for (int i = 0; i < 2 * IDLE_STEPS; i++) {
        step_s++;
        for (int k = 0; k < WRITERS; k++) {
            series_index_tick(&writers[k].index, step_s);
            sweep_round(&writers[k]);
        }
    }
    registry_reclaim(registry);
    uint64_t values[NAMES];
    for (unsigned kind = 0; kind < KINDS; kind++) {
        if (walk(kind, values) != 0)
            return false;
        for (unsigned number = 0; number < NAMES; number++) {
            if (values[number] != 0)
                return false;
        }
    }
    for (int k = 0; k < WRITERS; k++) {
        if (writers[k].index.aliases != 0 || writers[k].index.table.used != 0)
            return false;
    }
    return series_left() == 0;
}

static void start(pthread_t *thread, void *(*body)(void *), void *argument)
{
    if (pthread_create(thread, NULL, body, argument) != 0)
        abort(); /* no thread */
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) | 1 : (uint64_t)time(NULL) * 2 + 1;
    pthread_t threads[WRITERS + READERS + 1];
    size_t memory = 0;
    printf("1..1\n# seed %" PRIu64 " (second argument)\n", seed);

    step_s = UINT32_MAX - 30; /* time may wrap around */
    if (registry_create(&registry, SERIES) != 0)
        abort(); /* no memory */
    registry_set_expire_after(registry, EXPIRE_AFTER_S);
    pthread_barrier_init(&step_begins, NULL, WRITERS + 1);
    pthread_barrier_init(&step_ends, NULL, WRITERS + 1);
    for (int i = 0; i < WRITERS; i++) {
        writers[i].rng = next_random(&seed);
        if (series_index_init(&writers[i].index, registry) != 0)
            abort(); /* no memory */
        writers[i].sweep.next_round_s = step_s;
        start(&threads[i], write_body, &writers[i]);
    }
    for (int i = 0; i < READERS; i++)
        start(&threads[WRITERS + i], read_body, &readers[i]);
    start(&threads[WRITERS + READERS], reclaim_body, NULL);

    uint32_t steps = 0;
    double deadline = now() + seconds;
    do {
        step_s++;
        pthread_barrier_wait(&step_begins);
        pthread_barrier_wait(&step_ends);
        check_all();
        registry_reclaim(registry); /* the fifth thread may have had no CPU for long */
        if (++steps == WARM_UP_STEPS)
            memory = memory_used();
    } while (now() < deadline || steps < 2 * WARM_UP_STEPS);
    size_t grown = memory_used() - memory;
    /* release: pairs with the acquire in stopped(). */
    atomic_store_explicit(&stop, true, memory_order_release);
    pthread_barrier_wait(&step_begins);
    for (int i = 0; i < WRITERS + READERS + 1; i++)
        pthread_join(threads[i], NULL);

    uint64_t wrong = model.lost;
    for (int i = 0; i < READERS; i++)
        wrong += readers[i].wrong;
    for (int i = 0; i < WRITERS; i++)
        wrong += writers[i].failed;
    uint64_t expired = registry_expired(registry);
    bool gone = let_all_expire();
    printf("# %" PRIu32 " steps, %" PRIu64 " values, %" PRIu64 " walks; %" PRIu64
           " series expired, %" PRIu64 " seen to be gone, %" PRIu64
           " got a value before; lost or wrong: %" PRIu64 "\n",
           steps, model.total, readers[0].walks + readers[1].walks, expired, model.gone,
           model.carried, wrong);
    printf("# memory after %d steps: %zu bytes, at the end %zu more; all gone in the end: %s\n",
           WARM_UP_STEPS, memory, grown, gone ? "yes" : "no");
    bool right = wrong == 0 && gone && model.gone == expired && expired > 100 &&
                 model.carried > 100 && grown < memory / 2; /* a leak would be many times that */
    printf("%s 1 - no value is lost between a series and its successor, and memory stays\n",
           right ? "ok" : "not ok");
    for (int i = 0; i < WRITERS; i++)
        series_index_fini(&writers[i].index);
    registry_destroy(registry);
    return right ? 0 : 1;
}
