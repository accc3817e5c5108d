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
    assert_int_equal(29, SET_SMALL);
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
            HllRank to = hll_rank_of(hashes[i]);
            if (hll_rank_at(&expected->hll, to.number) < to.rank)
                hll_raise(&expected->hll, to);
            assert_true((hashes[i] ^ hash_of(i + 1)) << 16 == 0);
            /* relaxed: one thread. */
            atomic_store_explicit(&expected->listed[i], hashes[i], memory_order_relaxed);
        }
        assert_memory_equal(expected, sketch, sizeof *sketch);
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

/* ---- soundness ---- */

/* => a cell with so many values, which gets the sketch when it needs it. It is sound after each. */
static SetCell *sound_cell(uint64_t count, SetSketch *sketch)
{
    SetCell *cell = calloc(1, sizeof *cell);
    assert_non_null(cell);
    memset(sketch, 0, sizeof *sketch);
    set_cell_begin(cell);
    for (uint64_t i = 1; i <= count; i++) {
        assert_true(set_cell_is_sound(cell, (uintptr_t)cell, set_cell_sketch(cell)));
        if (i == SET_SMALL + 1)
            assert_true(set_cell_grow(cell, sketch));
        assert_true(set_cell_is_sound(cell, (uintptr_t)cell, set_cell_sketch(cell)));
        assert_true(set_cell_add(cell, hash_of(i)) && set_cell_add(cell, hash_of(i)));
    }
    assert_true(set_cell_is_sound(cell, (uintptr_t)cell, set_cell_sketch(cell)));
    return cell;
}

/* Each bit of what is read, in a cell and a sketch of one's own. */
static void expect_guarded(const SetCell *cell, const SetSketch *sketch, SetCell *bent_cell,
                           SetSketch *bent)
{
    uintptr_t address = (uintptr_t)cell;
    for (size_t bit = 0; bit < 8 * (sizeof *cell + (sketch != NULL ? sizeof *sketch : 0)); bit++) {
        size_t byte = bit / 8;
        if (bit == 8 * offsetof(SetCell, turn))
            continue; /* says that somebody was at work, which may be */
        if (byte >= offsetof(SetCell, sum) && byte < offsetof(SetCell, small))
            continue; /* counts only then */
        unsigned char *at = byte < sizeof *cell ? (unsigned char *)bent_cell + byte
                                                : (unsigned char *)bent + (byte - sizeof *cell);
        *at ^= (unsigned char)(1U << bit % 8);
        if (set_cell_is_sound(bent_cell, address, sketch != NULL ? bent : NULL))
            fail_msg("bit %zu of byte %zu goes unnoticed", bit % 8, byte);
        *at ^= (unsigned char)(1U << bit % 8);
        if (byte > sizeof *cell + 100)
            bit += 8 * 97 + 1; /* one of many registers and hashes */
    }
    assert_true(set_cell_is_sound(bent_cell, address, sketch != NULL ? bent : NULL));
    assert_false(set_cell_is_sound(bent_cell, address + 8, sketch != NULL ? bent : NULL));
}

static void test_each_bit_is_guarded(void **state)
{
    (void)state;
    static const uint64_t counts[] = {0, 1, SET_SMALL, SET_SMALL + 1, 100, SET_LISTED, 5000};
    SetSketch *sketch = fresh_sketch();
    SetSketch *bent = fresh_sketch();
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        SetCell bent_cell;
        SetCell *cell = sound_cell(counts[i], sketch);
        memcpy(&bent_cell, cell, sizeof bent_cell);
        memcpy(bent, sketch, sizeof *bent);
        expect_guarded(cell, set_cell_sketch(cell), &bent_cell, bent);
        free(cell);
    }
    free(sketch);
    free(bent);
}

/* What no single place tells: the last values gone, two registers or the ends of two lists exchanged. */
static void test_what_is_whole_but_wrong(void **state)
{
    (void)state;
    SetSketch *sketch = fresh_sketch();
    SetSketch *other = fresh_sketch();
    SetCell *few = sound_cell(3, other);
    /* relaxed, all: one thread. */
    atomic_store_explicit(&few->small[2], 0, memory_order_relaxed);
    assert_false(set_cell_is_sound(few, (uintptr_t)few, NULL));
    free(few);
    SetCell *cell = sound_cell(200, sketch);
    SetCell *second = sound_cell(201, other);
    atomic_store_explicit(&sketch->listed[199], 0, memory_order_relaxed);
    assert_false(set_cell_is_sound(cell, (uintptr_t)cell, sketch));
    free(cell);
    cell = sound_cell(200, sketch);
    assert_false(set_cell_is_sound(cell, (uintptr_t)cell, other));
    assert_false(set_cell_is_sound(cell, (uintptr_t)cell, NULL));
    uint32_t a = 0;
    while (hll_rank_at(&sketch->hll, a) == hll_rank_at(&sketch->hll, a + 1))
        a++;
    const HllRank low = {a, hll_rank_at(&sketch->hll, a + 1)};
    const HllRank high = {a + 1, hll_rank_at(&sketch->hll, a)};
    hll_raise(&sketch->hll, low);
    hll_raise(&sketch->hll, high);
    assert_false(set_cell_is_sound(cell, (uintptr_t)cell, sketch));
    free(cell);
    free(second);
    free(sketch);
    free(other);
}

/* A cell, and its sketch, between any two stores of a writer that was killed. The words are taken from what is
 * there before and after one addition. */
static void test_a_writer_that_was_killed(void **state)
{
    (void)state;
    static const uint64_t counts[] = {0, 7, SET_SMALL, 100, 1000};
    SetSketch *sketch = fresh_sketch();
    SetSketch *before = fresh_sketch();
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        SetCell was;
        SetCell *cell = sound_cell(counts[i], sketch);
        uintptr_t address = (uintptr_t)cell;
        uint64_t hash = 1000; /* of a value that raises a register */
        while (hll_rank_at(&sketch->hll, hll_rank_of(hash_of(hash)).number) != 0)
            hash++;
        memcpy(&was, cell, sizeof was);
        memcpy(before, sketch, sizeof *before);
        if (counts[i] == SET_SMALL)
            assert_true(set_cell_grow(cell, sketch));
        else
            assert_true(set_cell_add(cell, hash_of(hash)));
        const SetSketch *after = set_cell_sketch(cell);
        uint64_t taken = turn_take(&was.turn);
        assert_true(
            set_cell_is_sound(&was, address, set_cell_sketch(&was) != NULL ? before : NULL));
        was.sum = atomic_load_explicit(&cell->sum, memory_order_relaxed);
        assert_true(
            set_cell_is_sound(&was, address, set_cell_sketch(&was) != NULL ? before : NULL));
        if (counts[i] != 100) { /* there it is two changes, one after the other */
            Turn ended = {atomic_load_explicit(&cell->turn.word, memory_order_relaxed)};
            atomic_store_explicit(&cell->turn.word, taken, memory_order_relaxed);
            assert_true(set_cell_is_sound(cell, address, after));
            /* Without the turn, nobody was at work. */
            atomic_store_explicit(&cell->turn.word, taken & ~UINT64_C(1), memory_order_relaxed);
            assert_false(set_cell_is_sound(cell, address, after));
            cell->turn = ended;
        }
        assert_true(set_cell_is_sound(cell, address, after));
        free(cell);
    }
    free(sketch);
    free(before);
}

static void test_registers_are_merged(void **state)
{
    (void)state;
    uint8_t registers[HLL_REGISTERS];
    SetSketch *sketch = fresh_sketch();
    SetSketch *other = fresh_sketch();
    SetCell *cell = sound_cell(10000, sketch);
    SetCell *merged = sound_cell(40, other);
    hll_read(&sketch->hll, registers);
    set_cell_merge(merged, registers);
    assert_memory_equal(&sketch->hll, &other->hll, sizeof sketch->hll);
    assert_true(set_cell_is_sound(merged, (uintptr_t)merged, other));
    set_cell_merge(merged, registers);
    assert_true(set_cell_is_sound(merged, (uintptr_t)merged, other));
    free(cell);
    free(merged);
    free(sketch);
    free(other);
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
        cmocka_unit_test(test_each_bit_is_guarded),
        cmocka_unit_test(test_what_is_whole_but_wrong),
        cmocka_unit_test(test_a_writer_that_was_killed),
        cmocka_unit_test(test_registers_are_merged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
