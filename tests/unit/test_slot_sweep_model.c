/* Two threads' indexes with names that come and go, second by second, against a model of what must still
 * be there, what may be, and what must have gone. Values come between the sweeps' pieces, by all
 * spellings of the tags. Once in one thread, and once with a thread for each index, while a third one
 * reclaims and walks. */
#include "fixture_progress.h"
#include "metrics/slot_sweep.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/progress_cell.h"
#include "metrics/snapshot.h"
#include "metrics/tags.h"

enum {
    NAMES = 2000,
    WINDOW = 300, /* names that are in fashion; this window moves on */
    MOVES_BY = 10,
    VALUES = 300, /* of a thread in a second */
    SPELLINGS = 4,
    A_FEW = 4 /* seconds by which a series may go later than a quarter too late */
};

static uint64_t seed = 88172645463325252;

typedef struct Model Model;

typedef struct {
    Model *model;
    unsigned number;
    SeriesIndex index;
    SlotSweep sweep;
    uint64_t rng;
    uint32_t added[NAMES]; /* values of this second */
    uint32_t last[NAMES];  /* second of the latest value; 0: none yet */
} Worker;

struct Model {
    Registry *registry;
    Worker worker[2];
    uint32_t expire_after;
    uint32_t now;
    bool ended;
    char name[NAMES][8];
    uint32_t seen[NAMES];         /* what the check before has found; 0: nothing */
    uint32_t before[NAMES];       /* second of the latest value that it knew of; 0: none yet */
    uint32_t position[NAMES];     /* where the series stood then in its kind's walk */
    uint32_t gone;                /* or begun anew, for all to see */
    pthread_barrier_t begin, end; /* of a second */
};

static uint32_t random_below(uint64_t *rng, uint32_t end)
{
    *rng ^= *rng << 13, *rng ^= *rng >> 7, *rng ^= *rng << 17;
    return (uint32_t)((*rng >> 32) * end >> 32);
}

/* ---- what the threads do ---- */

static const char *const spellings[SPELLINGS] = {"a:1,b,c", "c,b,a:1", "b,c,a:1,b", ",c,a:1,,b"};

/* Every second name has tags; the first spelling is canonical. */
static SeriesKey key_of(const Model *m, uint32_t i, uint32_t spelling)
{
    const char *tags = i % 2 == 0 ? "" : spellings[spelling];
    return (SeriesKey){.kind = (SeriesKind)(i / 2 % SERIES_KINDS),
                       .name = m->name[i],
                       .name_length = strlen(m->name[i]),
                       .tags = tags,
                       .tags_length = strlen(tags)};
}

static void record(Worker *w, Slot *slot)
{
    void *shared = ((RefSlot *)slot)->target; /* of shared kinds */
    uint64_t value = random_below(&w->rng, 20);
    switch (slot_kind(slot)) {
    case SERIES_STATS:
        astats_cell_record(&((StatsSlot *)slot)->cell, 1, 1);
        break;
    case SERIES_COUNTER:
        counter_cell_add_integer(&((CounterSlot *)slot)->cell, 1);
        break;
    case SERIES_GAUGE:
        gauge_cell_add(shared, 1, NULL);
        break;
    case SERIES_SET:
        (void)set_cell_add(shared, 1 + value);
        break;
    case SERIES_FLAG:
        flag_cell_set(shared, true);
        break;
    default:
        progress_add_done(shared, 1, 1);
        break;
    }
}

static void one_value(Worker *w)
{
    const Model *m = w->model;
    uint32_t window = m->now * MOVES_BY + w->number * WINDOW / 2;
    uint32_t i = random_below(&w->rng, 30) == 0 ? random_below(&w->rng, NAMES)
                                                : (window + random_below(&w->rng, WINDOW)) % NAMES;
    Slot *slot = NULL;
    SeriesKey key = key_of(m, i, random_below(&w->rng, SPELLINGS));
    uint32_t hash = series_index_hash(&w->index, &key);
    if (series_index_find(&w->index, &key, hash, &slot) != 0)
        return; /* the check will find that it is missing */
    record(w, slot);
    w->added[i]++;
    w->last[i] = m->now;
}

/* As a worker does it: values, a piece, values, until the sweep has done this second's part. */
static void one_second(Worker *w)
{
    bool more = true;
    series_index_tick(&w->index, w->model->now);
    memset(w->added, 0, sizeof w->added);
    for (uint32_t i = 0; i < VALUES || more; i++) {
        if (i < VALUES)
            one_value(w);
        if (more && random_below(&w->rng, VALUES / 6) == 0)
            more = slot_sweep_step(&w->sweep, &w->index);
    }
}

/* ---- the check ---- */

static bool is_counted(SeriesKind kind)
{
    return kind != SERIES_SET && kind != SERIES_FLAG;
}

/* => how many values the series has had since it began; of sets and flags: 1. */
static uint32_t values_in(const SeriesView *view)
{
    switch (view->kind) {
    case SERIES_STATS:
        return (uint32_t)view->value.stats.count;
    case SERIES_COUNTER:
        return (uint32_t)view->value.counter.integer;
    case SERIES_GAUGE:
        return (uint32_t)view->value.gauge;
    case SERIES_PROGRESS:
        return (uint32_t)view->value.progress.done;
    default:
        return 1;
    }
}

static uint32_t added(const Model *m, uint32_t i)
{
    return m->worker[0].added[i] + m->worker[1].added[i];
}

static uint32_t latest(const Model *m, uint32_t i)
{
    uint32_t one = m->worker[0].last[i];
    uint32_t other = m->worker[1].last[i];
    return one > other ? one : other;
}

static bool knows(const Worker *w, uint32_t i)
{
    const SeriesKey key = key_of(w->model, i, 0);
    return series_index_lookup(&w->index, &key, series_index_hash(&w->index, &key)) != NULL;
}

/* A series goes on with what it had, unless it may have expired: then it may also have begun anew. */
static void check_name(Model *m, uint32_t i, uint32_t shown)
{
    uint32_t most = is_counted(key_of(m, i, 0).kind) ? UINT32_MAX : 1;
    uint32_t fresh = added(m, i) < most ? added(m, i) : most;
    uint32_t all = m->seen[i] + added(m, i) < most ? m->seen[i] + added(m, i) : most;
    bool may_have_gone = m->before[i] == 0 || m->now - m->before[i] > m->expire_after;
    if (shown != all && !(may_have_gone && shown == fresh))
        fail_msg("n%u at %u: %u values shown; before %u and %u more, the one before these at %u", i,
                 m->now, shown, m->seen[i], added(m, i), m->before[i]);
    uint32_t grace = m->expire_after + m->expire_after / 4 + A_FEW;
    for (int who = 0; who < 2; who++) {
        const Worker *w = &m->worker[who];
        uint32_t idle = w->last[i] == 0 ? UINT32_MAX : m->now - w->last[i];
        if (idle <= m->expire_after)
            assert_true(knows(w, i));
        else if (idle > grace)
            assert_false(knows(w, i));
    }
    m->before[i] = latest(m, i);
    if (m->now - m->before[i] > grace)
        assert_int_equal(0, shown);
    m->gone += m->seen[i] > 0 && shown != all;
    m->seen[i] = shown;
}

/* Each alias leads to the slot that the canonical spelling finds. */
static void check_aliases(const Worker *w)
{
    uint32_t count = 0;
    for (const Slot *alias = w->index.first_alias; alias != NULL; alias = alias->next) {
        char tags[SERIES_TAGS_MAX];
        SeriesKey key = slot_key(alias);
        key.tags_length = tags_canonical(key.tags, key.tags_length, tags);
        key.tags = tags;
        uint32_t hash = series_index_hash(&w->index, &key);
        const Slot *slot = series_index_lookup(&w->index, &key, hash);
        assert_non_null(slot);
        assert_ptr_equal(slot, ((const RefSlot *)alias)->target);
        assert_true(slot_is_alias(alias) && slot->touched >= alias->touched);
        count++;
    }
    assert_int_equal(count, w->index.aliases);
}

/* => the number of the name, whose id is exactly what it should be. */
static uint32_t number_of(const Model *m, const SeriesView *view)
{
    uint32_t i = 0;
    for (size_t at = 1; at < view->name_length && i < NAMES; at++)
        i = i * 10 + (uint32_t)(view->id[at] - '0');
    assert_in_range(i, 0, NAMES - 1);
    SeriesKey key = key_of(m, i, 0);
    size_t mark = key.tags_length > 0 ? 2 : 0;
    assert_int_equal(view->kind, key.kind);
    assert_int_equal(view->name_length, key.name_length);
    assert_int_equal(view->id_length, key.name_length + mark + key.tags_length);
    assert_memory_equal(view->id, key.name, key.name_length);
    assert_memory_equal(view->id + key.name_length, "|#", mark);
    assert_memory_equal(view->id + key.name_length + mark, key.tags, key.tags_length);
    return i;
}

/* Reads the series of a kind. Those that were there before stand in the order of before, and those that
 * are new come after them. (Of sets and flags nobody can tell.) */
static void check_walk(Model *m, SeriesKind kind, uint32_t *shown)
{
    SnapshotCursor cursor;
    SeriesView view;
    const SnapshotFilter all = {0};
    uint32_t position = 1;
    uint32_t last = 0;
    snapshot_begin(&cursor, m->registry, kind, &all);
    while (snapshot_next(&cursor, &view)) {
        uint32_t i = number_of(m, &view);
        assert_int_equal(0, shown[i]);
        shown[i] = values_in(&view);
        assert_int_not_equal(0, shown[i]);
        bool is_old = m->seen[i] > 0 && shown[i] == m->seen[i] + added(m, i);
        if (is_counted(kind)) {
            uint32_t before = is_old ? m->position[i] : UINT32_MAX;
            assert_true(before >= last);
            last = before;
        }
        m->position[i] = position++;
    }
    assert_int_equal(position - 1, registry_count(m->registry, kind));
}

static void check(Model *m)
{
    static uint32_t shown[NAMES];
    memset(shown, 0, sizeof shown);
    for (int kind = 0; kind < SERIES_KINDS; kind++)
        check_walk(m, (SeriesKind)kind, shown);
    for (uint32_t i = 0; i < NAMES; i++)
        check_name(m, i, shown[i]);
    for (int who = 0; who < 2; who++)
        check_aliases(&m->worker[who]);
}

/* ---- seconds ---- */

static void *be_a_worker(void *argument)
{
    Worker *w = argument;
    for (;;) {
        pthread_barrier_wait(&w->model->begin);
        if (w->model->ended)
            return NULL;
        one_second(w);
        pthread_barrier_wait(&w->model->end);
    }
}

/* Meanwhile. */
static void reclaim_and_walk(Model *m)
{
    registry_reclaim(m->registry);
    for (int kind = 0; kind < SERIES_KINDS; kind++) {
        SnapshotCursor cursor;
        SeriesView view;
        const SnapshotFilter all = {0};
        snapshot_begin(&cursor, m->registry, (SeriesKind)kind, &all);
        for (int i = 0; snapshot_next(&cursor, &view); i++) {
            (void)number_of(m, &view);
            if (i == 20)
                registry_reclaim(m->registry);
        }
    }
    registry_reclaim(m->registry);
}

static void pass_a_second(Model *m, bool threads)
{
    m->now++;
    if (threads) {
        pthread_barrier_wait(&m->begin);
        reclaim_and_walk(m);
        pthread_barrier_wait(&m->end);
    } else {
        one_second(&m->worker[0]);
        one_second(&m->worker[1]);
        registry_reclaim(m->registry);
    }
    check(m);
}

static Model *model_init(uint32_t expire_after)
{
    Model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->expire_after = expire_after;
    m->now = 1000;
    for (uint32_t i = 0; i < NAMES; i++)
        (void)snprintf(m->name[i], sizeof m->name[i], "n%u", i);
    assert_int_equal(0, registry_create(&m->registry, NAMES));
    registry_set_expire_after(m->registry, expire_after);
    for (unsigned who = 0; who < 2; who++) {
        Worker *w = &m->worker[who];
        w->model = m;
        w->number = who;
        w->rng = seed ^ (UINT64_C(0x9e3779b97f4a7c15) * (who + 1));
        assert_int_equal(0, series_index_init(&w->index, m->registry));
    }
    return m;
}

static void model_fini(Model *m)
{
    for (int who = 0; who < 2; who++)
        series_index_fini(&m->worker[who].index);
    registry_destroy(m->registry);
    free(m);
}

static void run(uint32_t expire_after, uint32_t seconds, bool threads)
{
    pthread_t thread[2];
    size_t halfway[2] = {0};
    Model *m = model_init(expire_after);
    assert_int_equal(0, pthread_barrier_init(&m->begin, NULL, 3));
    assert_int_equal(0, pthread_barrier_init(&m->end, NULL, 3));
    for (int who = 0; threads && who < 2; who++)
        assert_int_equal(0, pthread_create(&thread[who], NULL, be_a_worker, &m->worker[who]));
    for (uint32_t s = 0; s < seconds; s++) {
        pass_a_second(m, threads);
        for (int who = 0; s == seconds / 2 && who < 2; who++)
            halfway[who] = m->worker[who].index.arena.used;
    }
    m->ended = true;
    if (threads)
        pthread_barrier_wait(&m->begin);
    for (int who = 0; threads && who < 2; who++)
        assert_int_equal(0, pthread_join(thread[who], NULL));
    for (int who = 0; who < 2; who++)
        assert_in_range(m->worker[who].index.arena.used, 1, halfway[who] + halfway[who] / 8);
    print_message(
        "# %u s: %llu expired, %u seen to; %u buckets; %zu bytes halfway, %zu at the end\n",
        expire_after, (unsigned long long)registry_expired(m->registry), m->gone,
        m->worker[0].index.table.count, halfway[0], m->worker[0].index.arena.used);
    assert_true(m->gone > NAMES && registry_expired(m->registry) >= m->gone);
    pthread_barrier_destroy(&m->begin);
    pthread_barrier_destroy(&m->end);
    model_fini(m);
}

static void test_in_one_thread(void **state)
{
    (void)state;
    run(2, 200, false);
    run(20, 300, false);
    run(64, 400, false);
}

static void test_with_three_threads(void **state)
{
    (void)state;
    run(3, 200, true);
    run(33, 300, true);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0) | 1;
    print_message("# seed %llu (first argument)\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_one_thread),
        cmocka_unit_test(test_with_three_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
