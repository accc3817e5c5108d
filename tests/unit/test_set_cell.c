#include "metrics/set_cell.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t hash_of(uint64_t i)
{
    uint64_t z = i * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static SetSketch *fresh_sketch(void)
{
    SetSketch *sketch = calloc(1, sizeof *sketch);
    assert_non_null(sketch);
    return sketch;
}

static void fill(SetCell *cell, uint64_t count)
{
    for (uint64_t i = 1; i <= count; i++)
        assert_true(set_cell_add(cell, hash_of(i)));
}

static void test_zeroed_memory_is_an_empty_set(void **state)
{
    (void)state;
    SetCell cell;
    memset(&cell, 0, sizeof cell);
    assert_true(0 == set_cell_count(&cell));
}

static void test_exact_while_small(void **state)
{
    (void)state;
    SetCell cell;
    memset(&cell, 0, sizeof cell);
    for (uint64_t i = 1; i <= SET_SMALL; i++) {
        assert_true(set_cell_add(&cell, hash_of(i)));
        assert_true((double)i == set_cell_count(&cell));
        for (uint64_t again = 1; again <= i; again++)
            assert_true(set_cell_add(&cell, hash_of(again)));
        assert_true((double)i == set_cell_count(&cell));
    }
    assert_int_equal(31, SET_SMALL);
}

/* What does not fit is said not to be in, as often as one asks; what is in, still is. */
static void test_full_without_a_sketch(void **state)
{
    (void)state;
    SetCell cell;
    memset(&cell, 0, sizeof cell);
    fill(&cell, SET_SMALL);
    assert_false(set_cell_add(&cell, hash_of(SET_SMALL + 1)));
    assert_false(set_cell_add(&cell, hash_of(SET_SMALL + 1)));
    assert_true(SET_SMALL == set_cell_count(&cell));
    assert_true(set_cell_add(&cell, hash_of(1)));
    assert_true(set_cell_add(&cell, hash_of(SET_SMALL)));
}

/* 0 is what a free place holds; it must be a value like any other. */
static void test_the_hash_0_is_a_value(void **state)
{
    (void)state;
    SetCell cell;
    memset(&cell, 0, sizeof cell);
    assert_true(set_cell_add(&cell, 0));
    assert_true(1 == set_cell_count(&cell));
    assert_true(set_cell_add(&cell, 0));
    assert_true(1 == set_cell_count(&cell));
    assert_true(set_cell_add(&cell, hash_of(1)));
    assert_true(2 == set_cell_count(&cell));
}

static void test_growth_keeps_what_was_in(void **state)
{
    (void)state;
    for (uint64_t before = 0; before <= SET_SMALL; before++) {
        SetCell cell;
        memset(&cell, 0, sizeof cell);
        fill(&cell, before);
        SetSketch *sketch = fresh_sketch();
        assert_true(set_cell_grow(&cell, sketch));
        assert_true((double)before == set_cell_count(&cell));
        /* In the sketch as well, not only in the places. */
        SetSketch *expected = fresh_sketch();
        uint64_t hashes[SET_LISTED];
        assert_int_equal(before, set_cell_hashes(&cell, NULL, hashes));
        for (uint64_t i = 0; i < before; i++) {
            hll_add(&expected->hll, hashes[i]);
            assert_true((hashes[i] ^ hash_of(i + 1)) << 16 == 0);
            /* relaxed: one thread. */
            atomic_store_explicit(&expected->listed[i], hashes[i], memory_order_relaxed);
        }
        assert_memory_equal(expected, sketch, sizeof *sketch);
        assert_true(set_cell_is_sound(&cell, sketch));
        /* relaxed: one thread. A place in which somebody has scribbled. */
        atomic_store_explicit(&sketch->listed[before], 7, memory_order_relaxed);
        assert_false(set_cell_is_sound(&cell, sketch));
        free(expected);
        free(sketch);
    }
}

static void test_a_second_sketch_is_refused(void **state)
{
    (void)state;
    SetCell cell;
    memset(&cell, 0, sizeof cell);
    fill(&cell, SET_SMALL);
    SetSketch *first = fresh_sketch();
    SetSketch *second = fresh_sketch();
    SetSketch *empty = fresh_sketch();
    assert_true(set_cell_grow(&cell, first));
    assert_false(set_cell_grow(&cell, second));
    assert_true(set_cell_add(&cell, hash_of(SET_SMALL + 1)));
    assert_memory_equal(empty, second, sizeof *empty);
    assert_true(SET_SMALL + 1 == set_cell_count(&cell));
    free(first);
    free(second);
    free(empty);
}

/* Few values leave no room for an estimate: one collision of 32 hashes would be 3 %. */
static void test_exact_while_listed(void **state)
{
    (void)state;
    SetSketch *sketch = fresh_sketch();
    for (uint64_t stream = 1; stream <= 200; stream++) {
        SetCell cell;
        memset(&cell, 0, sizeof cell);
        memset(sketch, 0, sizeof *sketch);
        for (uint64_t i = 1; i < SET_LISTED; i++) {
            uint64_t hash = hash_of(stream << 32 | i);
            if (i == SET_SMALL + 1)
                assert_true(set_cell_grow(&cell, sketch));
            assert_true(set_cell_add(&cell, hash) && set_cell_add(&cell, hash));
            assert_true((double)i == set_cell_count(&cell));
        }
    }
    free(sketch);
}

/* Where the estimate takes over, and beyond: within 2 %, and the same when all values come again. */
static void test_beyond_the_list(void **state)
{
    (void)state;
    static const uint64_t counts[] = {255, 256, 257, 300, 500, 1000, 10000, 100000};
    SetSketch *sketch = fresh_sketch();
    for (uint64_t stream = 1; stream <= 20; stream++) {
        SetCell cell;
        memset(&cell, 0, sizeof cell);
        memset(sketch, 0, sizeof *sketch);
        assert_true(set_cell_grow(&cell, sketch));
        double before = 0;
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            for (uint64_t k = 0; k < 2 * counts[i]; k++) {
                assert_true(set_cell_add(&cell, hash_of(stream << 32 | (1 + k % counts[i]))));
                if (k == counts[i] - 1)
                    before = set_cell_count(&cell);
            }
            double count = set_cell_count(&cell);
            if (!(fabs(count / (double)counts[i] - 1) < 0.02) || count != before)
                fail_msg("expected %d within 2 %%, got %.1f, then %.1f", (int)counts[i], before,
                         count);
        }
    }
    free(sketch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_memory_is_an_empty_set),
        cmocka_unit_test(test_exact_while_small),
        cmocka_unit_test(test_full_without_a_sketch),
        cmocka_unit_test(test_the_hash_0_is_a_value),
        cmocka_unit_test(test_growth_keeps_what_was_in),
        cmocka_unit_test(test_a_second_sketch_is_refused),
        cmocka_unit_test(test_exact_while_listed),
        cmocka_unit_test(test_beyond_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
