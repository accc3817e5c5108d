#include "metrics/series_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed = 88172645463325252;

typedef struct {
    Arena arena;
    SeriesTable table;
} Bench;

static Bench *fresh(void)
{
    Bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    assert_int_equal(0, arena_init(&bench->arena, (size_t)64 << 20));
    return bench;
}

static void done(Bench *bench)
{
    arena_fini(&bench->arena);
    free(bench);
}

/* What tells the series apart: a byte each, to which Series.id leads. */
enum {
    NUMBERS = 200000
};
static char numbers[NUMBERS];

static uint32_t number_of(const Series *series)
{
    return (uint32_t)(series->id - numbers);
}

static uint32_t append(Bench *bench, SeriesKind kind, uint32_t number)
{
    static const Series zeroes;
    uint32_t place = series_table_take(&bench->table, &bench->arena);
    assert_int_not_equal(0, place);
    Series *series = series_table_at(&bench->table, place);
    assert_memory_equal(&zeroes, series, sizeof zeroes);
    series->kind = (uint8_t)kind;
    series->id = numbers + number;
    series_table_append(&bench->table, place);
    return place;
}

static void take_out(Bench *bench, uint32_t place)
{
    series_table_remove(&bench->table, place);
    memset(series_table_at(&bench->table, place), 0xA5, sizeof(Series)); /* nobody may look */
    series_table_give(&bench->table, place);
}

/* Steps the walk: these numbers, given as digits and letters, and unless `more` nothing else. */
static void expect_walk(SeriesWalk *walk, const char *expected, bool more)
{
    for (; *expected != '\0'; expected++) {
        const Series *series = series_walk_next(walk);
        assert_non_null(series);
        assert_int_equal(*expected - '0', number_of(series));
    }
    if (!more) {
        assert_null(series_walk_next(walk));
        assert_null(series_walk_next(walk));
    }
}

static void expect_all(Bench *bench, SeriesKind kind, const char *expected)
{
    SeriesWalk walk;
    series_walk_begin(&walk, &bench->table, kind);
    expect_walk(&walk, expected, false);
    series_walk_end(&walk);
    assert_null(bench->table.walks);
}

/* ---- places ---- */

static void test_places_lie_where_they_are(void **state)
{
    (void)state;
    enum {
        PLACES = 70000
    };
    Bench *bench = fresh();
    for (uint32_t i = 1; i <= PLACES; i++) {
        assert_int_equal(i, series_table_take(&bench->table, &bench->arena));
        Series *series = series_table_at(&bench->table, i);
        assert_null(series->id);
        assert_int_equal(0, (uintptr_t)series % sizeof(Series));
        series->id = numbers + i;
    }
    for (uint32_t i = 1; i <= PLACES; i++)
        assert_int_equal(i, number_of(series_table_at(&bench->table, i)));
    /* Segments of 1024 * 2^k: as many as are needed. */
    assert_int_equal(sizeof(Series) * 1024 * 127, bench->arena.used);
    done(bench);
}

static void test_places_are_given_again(void **state)
{
    (void)state;
    static const Series zeroes;
    Bench *bench = fresh();
    for (uint32_t i = 1; i <= 1024; i++)
        memset(series_table_at(&bench->table, series_table_take(&bench->table, &bench->arena)),
               0xA5, sizeof(Series));
    size_t used = bench->arena.used;
    static const uint32_t given[] = {1, 1024, 500, 2};
    bool again[1025] = {false};
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 4; i++)
            series_table_give(&bench->table, given[i]);
        memset(again, 0, sizeof again);
        for (size_t i = 0; i < 4; i++) {
            uint32_t place = series_table_take(&bench->table, &bench->arena);
            assert_in_range(place, 1, 1024);
            assert_false(again[place]);
            again[place] = true;
            Series *series = series_table_at(&bench->table, place);
            assert_memory_equal(&zeroes, series, sizeof zeroes);
            memset(series, 0xA5, sizeof *series);
        }
        for (size_t i = 0; i < 4; i++)
            assert_true(again[given[i]]);
    }
    assert_int_equal(used, bench->arena.used);
    assert_int_equal(1025, series_table_take(&bench->table, &bench->arena));
    done(bench);
}

static uint32_t under_way(const Bench *bench)
{
    /* relaxed: one thread. */
    return atomic_load_explicit(&bench->table.under_way, memory_order_relaxed);
}

/* A place is told of from when it leaves one list until it is in another. */
static void test_what_is_under_way(void **state)
{
    (void)state;
    Bench *bench = fresh();
    series_table_init(&bench->table);
    assert_int_equal(series_table_check((uintptr_t)&bench->table), bench->table.check);
    assert_int_not_equal(0, bench->table.check);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(0, under_way(bench));
        uint32_t place = series_table_take(&bench->table, &bench->arena);
        assert_int_equal(1, place);
        assert_int_equal(place, under_way(bench));
        if (round == 1) {
            series_table_give(&bench->table, place);
            continue;
        }
        series_table_append(&bench->table, place);
        assert_int_equal(0, under_way(bench));
        series_table_remove(&bench->table, place);
        assert_int_equal(place, under_way(bench));
        series_table_give(&bench->table, place);
    }
    done(bench);
}

static void test_no_memory(void **state)
{
    (void)state;
    Bench *bench = fresh();
    size_t reserved = bench->arena.reserved;
    bench->arena.reserved = sizeof(Series) * 1024;
    for (uint32_t i = 1; i <= 1024; i++)
        (void)append(bench, SERIES_STATS, i);
    for (int i = 0; i < 3; i++)
        assert_int_equal(0, series_table_take(&bench->table, &bench->arena));
    take_out(bench, 700);
    assert_int_equal(700, append(bench, SERIES_FLAG, 5));
    expect_all(bench, SERIES_FLAG, "5");
    assert_int_equal(0, series_table_take(&bench->table, &bench->arena));
    bench->arena.reserved = reserved;
    assert_int_equal(1025, append(bench, SERIES_FLAG, 6));
    expect_all(bench, SERIES_FLAG, "56");
    done(bench);
}

/* ---- lists and walks ---- */

static void test_each_kind_has_its_list(void **state)
{
    (void)state;
    Bench *bench = fresh();
    for (int kind = 0; kind < SERIES_KINDS; kind++)
        expect_all(bench, (SeriesKind)kind, "");
    for (uint32_t i = 0; i < 12; i++)
        (void)append(bench, (SeriesKind)(i * 5 % SERIES_KINDS), i);
    static const char *const expected[SERIES_KINDS] = {"06", "5;", "4:", "39", "28", "17"};
    for (int kind = 0; kind < SERIES_KINDS; kind++)
        expect_all(bench, (SeriesKind)kind, expected[kind]);
    done(bench);
}

static void test_what_comes_later_is_not_in_the_walk(void **state)
{
    (void)state;
    Bench *bench = fresh();
    SeriesWalk of_none;
    SeriesWalk of_two;
    series_walk_begin(&of_none, &bench->table, SERIES_SET);
    (void)append(bench, SERIES_SET, 1);
    (void)append(bench, SERIES_SET, 2);
    expect_walk(&of_none, "", false);
    series_walk_begin(&of_two, &bench->table, SERIES_SET);
    expect_walk(&of_two, "1", true);
    uint32_t third = append(bench, SERIES_SET, 3);
    expect_walk(&of_two, "2", false);
    take_out(bench, third);
    expect_walk(&of_two, "", false);
    expect_walk(&of_none, "", false);
    series_walk_end(&of_two);
    series_walk_end(&of_none);
    done(bench);
}

/* Adds the digit. */
static void add(char *text, uint32_t digit)
{
    size_t length = strlen(text);
    text[length] = (char)('0' + digit);
    text[length + 1] = '\0';
}

/* Five series, of which some go when the walk has made so many steps. */
static void some_go(unsigned gone, uint32_t steps, bool backwards)
{
    Bench *bench = fresh();
    uint32_t places[5];
    char before[8] = "";
    char after[8] = "";
    char all[8] = "";
    for (uint32_t i = 0; i < 5; i++) {
        places[i] = append(bench, SERIES_GAUGE, i);
        bool stays = (gone & 1U << i) == 0;
        if (i < steps)
            add(before, i);
        else if (stays)
            add(after, i);
        if (stays)
            add(all, i);
    }
    SeriesWalk walk;
    series_walk_begin(&walk, &bench->table, SERIES_GAUGE);
    expect_walk(&walk, before, true);
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t one = backwards ? 4 - i : i;
        if ((gone & 1U << one) != 0)
            take_out(bench, places[one]);
    }
    (void)append(bench, SERIES_GAUGE, 7); /* at a place that was just given back, if any */
    expect_walk(&walk, after, false);
    series_walk_end(&walk);
    add(all, 7);
    expect_all(bench, SERIES_GAUGE, all);
    done(bench);
}

static void test_every_removal_at_every_step(void **state)
{
    (void)state;
    for (unsigned gone = 0; gone < 32; gone++) {
        for (uint32_t steps = 0; steps <= 5; steps++) {
            some_go(gone, steps, false);
            some_go(gone, steps, true);
        }
    }
}

static void test_walks_end_in_any_order(void **state)
{
    (void)state;
    Bench *bench = fresh();
    uint32_t first = append(bench, SERIES_STATS, 1);
    uint32_t second = append(bench, SERIES_STATS, 2);
    (void)append(bench, SERIES_STATS, 3);
    SeriesWalk walks[4];
    for (size_t i = 0; i < 4; i++)
        series_walk_begin(&walks[i], &bench->table, SERIES_STATS);
    series_walk_end(&walks[1]); /* between two others */
    series_walk_end(&walks[1]);
    take_out(bench, first);
    series_walk_end(&walks[3]); /* the newest */
    assert_ptr_equal(&walks[2], bench->table.walks);
    take_out(bench, second);
    expect_walk(&walks[0], "3", false);
    series_walk_end(&walks[0]); /* the oldest */
    expect_walk(&walks[2], "3", false);
    series_walk_end(&walks[2]);
    assert_null(bench->table.walks);
    SeriesWalk zeroed;
    memset(&zeroed, 0, sizeof zeroed);
    series_walk_end(&zeroed);
    done(bench);
}

/* ---- against a model ----
 *
 * Numbers go up in the order of appending. So what a walk has to show next is the least number of
 * those in its list that is above the one that it has shown, and not above the last one that there was
 * when it began. */

enum {
    MODEL_WALKS = 8,
    MODEL_KINDS = 2,
    MODEL_MOST = 60,
    MODEL_STEPS = 400000
};

typedef struct {
    SeriesWalk walk; /* open if .table is set */
    SeriesKind kind;
    uint32_t shown, end; /* numbers */
} ModelWalk;

typedef struct {
    uint32_t number[MODEL_MOST], place[MODEL_MOST];
    uint32_t count;
} ModelList;

typedef struct {
    Bench *bench;
    ModelList list[MODEL_KINDS];
    ModelWalk walks[MODEL_WALKS];
    uint32_t next_number;
    uint32_t moved[3]; /* walks whose next, last, and only one was removed */
    uint64_t rng;
} Model;

static uint32_t random_below(Model *m, uint32_t end)
{
    m->rng ^= m->rng << 13, m->rng ^= m->rng >> 7, m->rng ^= m->rng << 17;
    return (uint32_t)((m->rng >> 32) * end >> 32);
}

static void model_append(Model *m)
{
    SeriesKind kind = (SeriesKind)random_below(m, MODEL_KINDS);
    ModelList *list = &m->list[kind];
    if (list->count == MODEL_MOST)
        return;
    list->number[list->count] = ++m->next_number;
    list->place[list->count++] = append(m->bench, kind, m->next_number);
}

/* Half of the time one that some walk would show next, or last. */
static void model_remove(Model *m)
{
    ModelList *list = &m->list[random_below(m, MODEL_KINDS)];
    const SeriesWalk *walk = &m->walks[random_below(m, MODEL_WALKS)].walk;
    if (list->count == 0)
        return;
    uint32_t i = random_below(m, list->count);
    uint32_t wanted = random_below(m, 4);
    for (uint32_t k = 0; wanted < 2 && k < list->count; k++) {
        if (list->place[k] == (wanted == 0 ? walk->next : walk->last))
            i = k;
    }
    for (size_t w = 0; w < MODEL_WALKS; w++) {
        bool next = m->walks[w].walk.next == list->place[i];
        bool last = m->walks[w].walk.next != 0 && m->walks[w].walk.last == list->place[i];
        m->moved[0] += next && !last;
        m->moved[1] += last && !next;
        m->moved[2] += next && last;
    }
    take_out(m->bench, list->place[i]);
    list->count--;
    size_t behind = (list->count - i) * sizeof(uint32_t);
    memmove(&list->number[i], &list->number[i + 1], behind);
    memmove(&list->place[i], &list->place[i + 1], behind);
}

static void model_begin(Model *m, ModelWalk *w)
{
    w->kind = (SeriesKind)random_below(m, MODEL_KINDS);
    w->shown = 0;
    w->end = m->next_number;
    series_walk_begin(&w->walk, &m->bench->table, w->kind);
}

static void model_step(Model *m, ModelWalk *w)
{
    const ModelList *list = &m->list[w->kind];
    uint32_t i = 0;
    while (i < list->count && list->number[i] <= w->shown)
        i++;
    const Series *series = series_walk_next(&w->walk);
    if (i == list->count || list->number[i] > w->end) {
        assert_null(series);
        if (random_below(m, 4) == 0)
            series_walk_end(&w->walk);
        return;
    }
    assert_non_null(series);
    assert_int_equal(list->number[i], number_of(series));
    w->shown = list->number[i];
}

static void test_random_against_a_model(void **state)
{
    (void)state;
    Model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->rng = seed;
    m->bench = fresh();
    for (uint32_t step = 0; step < MODEL_STEPS && m->next_number < NUMBERS - 1; step++) {
        uint32_t dice = random_below(m, 100);
        uint32_t removals = step / 1000 % 2 == 0 ? 15 : 40; /* ups, and downs to nothing */
        ModelWalk *w = &m->walks[random_below(m, MODEL_WALKS)];
        if (dice < 30)
            model_append(m);
        else if (dice < 30 + removals)
            model_remove(m);
        else if (w->walk.table == NULL)
            model_begin(m, w);
        else if (dice == 99)
            series_walk_end(&w->walk);
        else
            model_step(m, w);
    }
    print_message("# %u series; of walks %u next ones, %u last ones, %u only ones were removed\n",
                  m->next_number, m->moved[0], m->moved[1], m->moved[2]);
    assert_true(m->moved[0] > 1000 && m->moved[1] > 1000 && m->moved[2] > 1000);
    assert_in_range(m->bench->table.used, 1, MODEL_KINDS * MODEL_MOST);
    done(m->bench);
    free(m);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0) | 1;
    print_message("# seed %llu (first argument)\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places_lie_where_they_are),
        cmocka_unit_test(test_places_are_given_again),
        cmocka_unit_test(test_what_is_under_way),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_each_kind_has_its_list),
        cmocka_unit_test(test_what_comes_later_is_not_in_the_walk),
        cmocka_unit_test(test_every_removal_at_every_step),
        cmocka_unit_test(test_walks_end_in_any_order),
        cmocka_unit_test(test_random_against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
