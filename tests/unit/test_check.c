#include <atomicstats/check.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/counter_cell.h"
#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/progress_cell.h"

static void test_each_bit_of_each_word_counts(void **state)
{
    (void)state;
    uint64_t words[20];
    for (size_t i = 0; i < 20; i++)
        words[i] = i * UINT64_C(0x123456789abcdef);
    for (size_t count = 1; count <= 20; count++) {
        uint32_t check = astats_check(0x7f0000001000, 5, words, count);
        for (size_t bit = 0; bit < 64 * count; bit++) {
            words[bit / 64] ^= UINT64_C(1) << bit % 64;
            assert_int_not_equal(check, astats_check(0x7f0000001000, 5, words, count));
            words[bit / 64] ^= UINT64_C(1) << bit % 64;
        }
        assert_int_not_equal(check, astats_check(0x7f0000001040, 5, words, count));
        assert_int_not_equal(check, astats_check(0x7f0000001000, 6, words, count));
        /* Two that are equal do not make up for one another. */
        uint64_t zeroed[20];
        for (size_t i = 0; i < count; i++) {
            for (size_t k = 0; k < i; k++) {
                memcpy(zeroed, words, sizeof words);
                zeroed[i] = zeroed[k] = 560;
                uint32_t equal = astats_check(0x7f0000001000, 5, zeroed, count);
                zeroed[i] = zeroed[k] = 0;
                assert_int_not_equal(equal, astats_check(0x7f0000001000, 5, zeroed, count));
            }
        }
        if (count >= 2) {
            uint64_t swapped[20];
            memcpy(swapped, words, sizeof words);
            swapped[0] = words[1];
            swapped[1] = words[0];
            assert_int_not_equal(check, astats_check(0x7f0000001000, 5, swapped, count));
        }
    }
}

static void test_a_seq_leaves_zero_out_and_keeps_its_turns(void **state)
{
    (void)state;
    assert_int_equal(1, astats_check_next(0));
    assert_int_equal(8, astats_check_next(astats_check_word(7, 0xffffffff)));
    assert_int_equal(2, astats_check_next(UINT32_MAX)); /* after an odd one comes an even one */
    assert_true(astats_check_word(3, 9) == UINT64_C(0x900000003));
}

typedef bool (*IsSound)(const void *cell, uintptr_t address);

static bool stats_sound(const void *cell, uintptr_t address)
{
    AstatsCellState state;
    double shift;
    uint64_t seq = astats_cell_snapshot(cell, &state, &shift);
    return seq != 0 && astats_cell_is_sound(seq, address, &state, shift);
}

static bool counter_sound(const void *cell, uintptr_t address)
{
    return counter_cell_is_sound(cell, address);
}

static bool gauge_sound(const void *cell, uintptr_t address)
{
    return gauge_cell_is_sound(cell, address);
}

static bool progress_sound(const void *cell, uintptr_t address)
{
    return progress_cell_is_sound(cell, address);
}

static bool flag_sound(const void *cell, uintptr_t address)
{
    return flag_cell_is_sound(cell, address);
}

/* Whatever bit of what counts is another one, it is noticed; and so it is if the cell has been moved. */
static void expect_guarded(const void *cell, size_t bytes, size_t unused_from, size_t unused_to,
                           IsSound is_sound)
{
    bool is_turn = is_sound == gauge_sound || is_sound == progress_sound;
    unsigned char copy[256];
    uintptr_t address = (uintptr_t)cell;
    assert_in_range(bytes, 8, sizeof copy);
    memcpy(copy, cell, bytes);
    assert_true(is_sound(cell, address));
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        if (bit / 8 >= unused_from && bit / 8 < unused_to)
            continue;
        if (bit == 0 && is_turn)
            continue; /* says that somebody has it, who may have been killed then */
        _Alignas(16) unsigned char bent[256];
        memcpy(bent, copy, bytes);
        bent[bit / 8] ^= (unsigned char)(1U << bit % 8);
        if (is_sound(bent, address))
            fail_msg("bit %zu of byte %zu goes unnoticed", bit % 8, bit / 8);
    }
    assert_false(is_sound(cell, address + 64));
}

/* A cell of which somebody has made zeroes is not one that is empty. */
static bool fresh_stats_sound(const void *cell, uintptr_t address)
{
    uint64_t seq;
    memcpy(&seq, cell, sizeof seq);
    return seq == astats_cell_fresh_(address);
}

static void test_stats(void **state)
{
    (void)state;
    AstatsCell cell = {0};
    AstatsCellState none;
    double unused;
    assert_false(fresh_stats_sound(&cell, (uintptr_t)&cell));
    assert_int_equal(0, astats_cell_snapshot(&cell, &none, &unused));
    astats_cell_begin_checked(&cell);
    assert_int_equal(0, astats_cell_snapshot(&cell, &none, &unused));
    expect_guarded(&cell, sizeof cell, 8, sizeof cell, fresh_stats_sound);
    for (int i = 0; i < 3; i++) {
        astats_cell_record_(&cell, 1.5 * i - 1, 2, true);
        size_t stale = offsetof(AstatsCell, copy) + (i % 2 == 0 ? 0 : sizeof(AstatsCellCopy));
        expect_guarded(&cell, sizeof cell, stale, stale + sizeof(AstatsCellCopy), stats_sound);
    }
    AstatsCell restored = {0};
    AstatsCellState was = {0};
    double shift = 0;
    (void)astats_cell_snapshot(&cell, &was, &shift);
    astats_cell_restore(&restored, &was, shift);
    assert_true(stats_sound(&restored, (uintptr_t)&restored));
}

static void test_counters(void **state)
{
    (void)state;
    CounterCell cell = {0};
    assert_false(counter_cell_is_sound(&cell, (uintptr_t)&cell));
    counter_cell_begin(&cell);
    assert_false(counter_cell_was_written(&cell));
    expect_guarded(&cell, sizeof cell, offsetof(CounterCell, copy) + sizeof(CounterCopy),
                   sizeof cell, counter_sound);
    counter_cell_add_integer(&cell, 42);
    expect_guarded(&cell, sizeof cell, offsetof(CounterCell, copy),
                   offsetof(CounterCell, copy) + sizeof(CounterCopy), counter_sound);
    counter_cell_add_double(&cell, 0.25);
    expect_guarded(&cell, sizeof cell, offsetof(CounterCell, copy) + sizeof(CounterCopy),
                   sizeof cell, counter_sound);
}

static void test_shared_cells(void **state)
{
    (void)state;
    GaugeCell gauge = {0};
    assert_false(gauge_cell_is_sound(&gauge, (uintptr_t)&gauge));
    gauge_cell_begin(&gauge);
    expect_guarded(&gauge, sizeof gauge, 16, sizeof gauge, gauge_sound);
    gauge_cell_set(&gauge, -3.5, NULL);
    expect_guarded(&gauge, sizeof gauge, 8, 16, gauge_sound);
    assert_true(gauge_cell_is_sound(&gauge, (uintptr_t)&gauge));
    ProgressCell progress = {0};
    assert_false(progress_cell_is_sound(&progress, (uintptr_t)&progress));
    progress_cell_begin(&progress);
    expect_guarded(&progress, sizeof progress, 8 + 8 * PROGRESS_FIELDS, sizeof progress,
                   progress_sound);
    const ProgressChange change = {.has_done = true, .has_total = true, .done = 3, .total = 9};
    progress_cell_change(&progress, &change, 1000, NULL);
    expect_guarded(&progress, sizeof progress, 8, 8 + 8 * PROGRESS_FIELDS, progress_sound);
}

static void test_flags(void **state)
{
    (void)state;
    FlagCell cell = {0};
    assert_false(flag_sound(&cell, (uintptr_t)&cell));
    flag_cell_begin(&cell);
    expect_guarded(&cell, sizeof cell, 0, 0, flag_sound);
    for (int value = 0; value < 2; value++) {
        flag_cell_set(&cell, value != 0);
        expect_guarded(&cell, sizeof cell, 0, 0, flag_sound);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_bit_of_each_word_counts),
        cmocka_unit_test(test_a_seq_leaves_zero_out_and_keeps_its_turns),
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_shared_cells),
        cmocka_unit_test(test_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
