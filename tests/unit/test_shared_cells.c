#include "metrics/shared_cells.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "fixture_progress.h"
#include "fixture_registry.h"
#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/progress_cell.h"

static const SeriesKind shared_kinds[] = {SERIES_GAUGE, SERIES_SET, SERIES_FLAG, SERIES_PROGRESS};

enum {
    SHARED_KINDS = sizeof shared_kinds / sizeof *shared_kinds
};

typedef struct {
    Arena arena;
    Blocks blocks;
    SharedCells cells;
} Bench;

static Bench *fresh(void)
{
    Bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    assert_int_equal(0, arena_init(&bench->arena, (size_t)64 << 20));
    assert_non_null(arena_alloc(&bench->arena, 1, 1)); /* so that nothing is aligned by luck */
    blocks_init(&bench->blocks, &bench->arena, sizeof(int64_t));
    bench->cells.blocks = &bench->blocks;
    return bench;
}

static void done(Bench *bench)
{
    arena_fini(&bench->arena);
    free(bench);
}

/* Adds `count` values to a set, which gets a sketch when it needs one. */
static void fill_set(Bench *bench, SetCell *cell, uint64_t count)
{
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t hash = hash_fixed(&i, sizeof i);
        if (set_cell_add(cell, hash))
            continue;
        assert_int_equal(0, shared_cells_grow_set(&bench->cells, cell));
        assert_true(set_cell_add(cell, hash));
    }
}

static void expect_new(SeriesKind kind, const void *cell)
{
    bool flag;
    ProgressValue progress;
    assert_int_equal(0, (uintptr_t)cell % sizeof(int64_t));
    switch (kind) {
    case SERIES_GAUGE:
        assert_true(isnan(gauge_cell_get(cell)));
        break;
    case SERIES_SET:
        assert_true(set_cell_count(cell) == 0);
        break;
    case SERIES_FLAG:
        assert_false(flag_cell_get(cell, &flag));
        break;
    case SERIES_PROGRESS:
        assert_false(progress_cell_read(cell, &progress));
        break;
    default:
        fail();
    }
}

/* Records `number` into a cell, in a way that expect_number() can read. */
static void record(Bench *bench, SeriesKind kind, void *cell, uint32_t number)
{
    if (kind == SERIES_GAUGE) {
        gauge_cell_set(cell, number, NULL);
    } else if (kind == SERIES_SET) {
        fill_set(bench, cell, number % 200);
    } else if (kind == SERIES_FLAG) {
        flag_cell_set(cell, number % 2);
    } else {
        progress_set_done(cell, number, 1);
        progress_set_total(cell, INT64_MAX, 2);
    }
}

static void expect_number(SeriesKind kind, const void *cell, uint32_t number)
{
    bool flag = number % 2 == 0;
    ProgressValue progress;
    if (kind == SERIES_GAUGE) {
        assert_true(gauge_cell_get(cell) == number);
    } else if (kind == SERIES_SET) {
        assert_true(set_cell_count(cell) == number % 200);
    } else if (kind == SERIES_FLAG) {
        assert_true(flag_cell_get(cell, &flag));
        assert_int_equal(number % 2, flag);
    } else {
        assert_true(progress_cell_read(cell, &progress));
        assert_int_equal(number, progress.done);
        assert_int_equal(INT64_MAX, progress.total);
    }
}

static void test_which_kinds(void **state)
{
    (void)state;
    assert_false(series_kind_is_shared(SERIES_STATS));
    assert_false(series_kind_is_shared(SERIES_COUNTER));
    for (size_t k = 0; k < SHARED_KINDS; k++)
        assert_true(series_kind_is_shared(shared_kinds[k]));
}

/* The first time out of the arena, then out of what was given back, full of the kind's own values or
 * of another one's. */
static void test_a_cell_is_new_each_time(void **state)
{
    (void)state;
    Bench *bench = fresh();
    for (uint32_t round = 0; round < 50; round++) {
        void *cells[SHARED_KINDS];
        for (size_t k = 0; k < SHARED_KINDS; k++) {
            cells[k] = shared_cells_take(&bench->cells, shared_kinds[k]);
            assert_non_null(cells[k]);
            expect_new(shared_kinds[k], cells[k]);
        }
        for (size_t k = 0; k < SHARED_KINDS; k++)
            record(bench, shared_kinds[k], cells[k], 150 + round);
        for (size_t k = 0; k < SHARED_KINDS; k++) {
            expect_number(shared_kinds[k], cells[k], 150 + round);
            shared_cells_give(&bench->cells, shared_kinds[k], cells[k]);
        }
    }
    shared_cells_give(&bench->cells, SERIES_SET, NULL);
    shared_cells_give(&bench->cells, SERIES_FLAG, NULL);
    done(bench);
}

static void test_a_cell_is_used_again(void **state)
{
    (void)state;
    Bench *bench = fresh();
    for (size_t k = 0; k < SHARED_KINDS; k++) {
        void *cell = shared_cells_take(&bench->cells, shared_kinds[k]);
        void *other = shared_cells_take(&bench->cells, shared_kinds[k]);
        size_t used = bench->arena.used;
        assert_ptr_not_equal(cell, other);
        shared_cells_give(&bench->cells, shared_kinds[k], cell);
        assert_ptr_equal(cell, shared_cells_take(&bench->cells, shared_kinds[k]));
        assert_int_equal(used, bench->arena.used);
    }
    done(bench);
}

static void test_a_set_grows_once(void **state)
{
    (void)state;
    Bench *bench = fresh();
    SetCell *set = shared_cells_take(&bench->cells, SERIES_SET);
    fill_set(bench, set, SET_SMALL);
    size_t used = bench->arena.used;
    assert_false(set_cell_add(set, 77));
    assert_int_equal(0, shared_cells_grow_set(&bench->cells, set));
    assert_true(bench->arena.used >= used + sizeof(SetSketch));
    used = bench->arena.used;
    assert_true(set_cell_count(set) == SET_SMALL);
    assert_true(set_cell_add(set, 77));
    assert_int_equal(0, shared_cells_grow_set(&bench->cells, set)); /* another thread came first */
    assert_true(set_cell_count(set) == SET_SMALL + 1);
    assert_int_equal(used, bench->arena.used);
    done(bench);
}

/* Sketches go from set to set, without what was in them. */
static void test_sketches_are_used_again(void **state)
{
    (void)state;
    enum {
        SETS = 5
    };
    Bench *bench = fresh();
    size_t used = 0;
    for (int round = 0; round < 20; round++) {
        SetCell *sets[SETS];
        for (size_t i = 0; i < SETS; i++)
            sets[i] = shared_cells_take(&bench->cells, SERIES_SET);
        for (size_t i = 0; i < SETS; i++) {
            fill_set(bench, sets[i], round % 2 == 0 ? 100000 : 40 + i);
            const SetSketch *sketch = atomic_load_explicit(&sets[i]->sketch, memory_order_relaxed);
            assert_int_equal(0, (uintptr_t)sketch % 64);
        }
        for (size_t i = 0; i < SETS; i++) {
            double count = set_cell_count(sets[i]);
            if (round % 2 == 0)
                assert_true(count > 98000 && count < 102000);
            else
                assert_true(count == 40 + (double)i);
            shared_cells_give(&bench->cells, SERIES_SET, sets[i]);
        }
        if (round == 0)
            used = bench->arena.used;
    }
    assert_int_equal(used, bench->arena.used);
    done(bench);
}

/* Cells of all kinds in use at once, in a changing order: none overlaps another, and memory does not
 * grow from round to round. */
static void test_no_two_overlap(void **state)
{
    (void)state;
    enum {
        CELLS = 1000
    };
    Bench *bench = fresh();
    static void *cells[CELLS];
    size_t used = 0;
    for (uint32_t round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < CELLS; i++) {
            SeriesKind kind = shared_kinds[(i + round) % SHARED_KINDS];
            cells[i] = shared_cells_take(&bench->cells, kind);
            record(bench, kind, cells[i], i);
        }
        for (uint32_t i = 0; i < CELLS; i++)
            expect_number(shared_kinds[(i + round) % SHARED_KINDS], cells[i], i);
        for (uint32_t i = 0; i < CELLS; i++) {
            uint32_t turned = (i * 7 + round) % CELLS; /* 7 and 1000 have no divisor in common */
            shared_cells_give(&bench->cells, shared_kinds[(turned + round) % SHARED_KINDS],
                              cells[turned]);
        }
        if (round == SHARED_KINDS) /* by then each kind has had the numbers of each */
            used = bench->arena.used;
    }
    assert_int_equal(used, bench->arena.used);
    done(bench);
}

static void test_no_memory(void **state)
{
    (void)state;
    Bench *bench = fresh();
    SetCell *set = shared_cells_take(&bench->cells, SERIES_SET);
    SetCell *grown = shared_cells_take(&bench->cells, SERIES_SET);
    fill_set(bench, grown, 100);
    fill_set(bench, set, SET_SMALL);
    bench->arena.reserved = bench->arena.used;
    for (size_t k = 0; k < SHARED_KINDS; k++)
        assert_null(shared_cells_take(&bench->cells, shared_kinds[k]));
    assert_int_equal(-ENOMEM, shared_cells_grow_set(&bench->cells, set));
    assert_false(set_cell_add(set, 77));
    assert_true(set_cell_count(set) == SET_SMALL);
    /* What another one gives back will do. */
    shared_cells_give(&bench->cells, SERIES_SET, grown);
    assert_int_equal(0, shared_cells_grow_set(&bench->cells, set));
    assert_true(set_cell_add(set, 77));
    assert_true(set_cell_count(set) == SET_SMALL + 1);
    assert_ptr_equal(grown, shared_cells_take(&bench->cells, SERIES_SET));
    expect_new(SERIES_SET, grown);
    done(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_kinds),
        cmocka_unit_test(test_a_cell_is_new_each_time),
        cmocka_unit_test(test_a_cell_is_used_again),
        cmocka_unit_test(test_a_set_grows_once),
        cmocka_unit_test(test_sketches_are_used_again),
        cmocka_unit_test(test_no_two_overlap),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
