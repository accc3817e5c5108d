#include "metrics/redo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* relaxed, in all of this file: one thread. */

static uint64_t get(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static const RedoStep *latest(const Redo *redo)
{
    return &redo->step[get(&redo->begun) & 1];
}

static void expect(const Redo *redo, uint64_t values, const _Atomic uint64_t *word, uint64_t before,
                   uint64_t values_before)
{
    RedoState read;
    assert_true(redo_read(redo, &read));
    assert_int_equal(values, read.begun);
    assert_int_equal(values_before, read.in);
    assert_true(read.word == (uintptr_t)word);
    if (word != NULL)
        assert_int_equal(before, read.before);
}

static void test_a_new_batch_is_not_zeroes(void **state)
{
    (void)state;
    Redo redo;
    RedoState read;
    memset(&redo, 0, sizeof redo);
    assert_false(redo_read(&redo, &read));
    redo_reset(&redo);
    expect(&redo, 0, NULL, 0, 0);
}

static void test_steps_take_turns(void **state)
{
    (void)state;
    Redo redo;
    _Atomic uint64_t words[2] = {10, 20};
    redo_reset(&redo);
    for (uint64_t n = 0; n < 10; n++) {
        const RedoStep before = *latest(&redo);
        const RedoStep *place = latest(&redo);
        redo_begin(&redo, &words[n % 2], 10 + n, 1);
        expect(&redo, n + 1, &words[n % 2], 10 + n, n);
        /* The one before is still whole: a kill may come before the new one counts. */
        assert_ptr_not_equal(place, latest(&redo));
        assert_memory_equal(&before, place, sizeof before);
    }
}

static void test_many_values_are_one_step(void **state)
{
    (void)state;
    Redo redo;
    _Atomic uint64_t word = 1;
    redo_reset(&redo);
    redo_begin(&redo, &word, 1, 5);
    redo_begin(&redo, &word, 2, 1000000);
    expect(&redo, 1000005, &word, 2, 5);
}

static void test_what_may_be_done_twice_only_counts(void **state)
{
    (void)state;
    Redo redo;
    _Atomic uint64_t word = 1;
    redo_reset(&redo);
    redo_pass(&redo, 3);
    expect(&redo, 3, NULL, 0, 3);
    redo_begin(&redo, &word, 7, 1);
    redo_pass(&redo, 2);
    expect(&redo, 6, &word, 7, 3); /* the step stays the latest one */
}

static void test_a_batch_begins_with_no_step(void **state)
{
    (void)state;
    Redo redo;
    _Atomic uint64_t word = 1;
    redo_reset(&redo);
    for (uint64_t steps = 0; steps < 3; steps++) {
        for (uint64_t i = 0; i < steps; i++)
            redo_begin(&redo, &word, i, 1);
        redo_reset(&redo);
        expect(&redo, 0, NULL, 0, 0);
        for (int r = 0; r < 2; r++)
            assert_true(atomic_load_explicit(&redo.step[r].word, memory_order_relaxed) == 0);
    }
}

static void expect_noticed(Redo *redo, size_t word, uint64_t change)
{
    uint64_t *words = (uint64_t *)(void *)redo;
    RedoState read;
    words[word] ^= change;
    if (redo_read(redo, &read))
        fail_msg("a change of %llx in word %zu goes unnoticed", (unsigned long long)change, word);
    words[word] ^= change;
}

/* Each bit, and zeroes, in what says how far a batch is; the step that is not the latest one says nothing. */
static void test_each_bit_is_guarded(void **state)
{
    (void)state;
    Redo redo;
    _Atomic uint64_t words[2] = {10, 20};
    redo_reset(&redo);
    for (uint64_t n = 0; n < 2000; n = n * 3 / 2 + 1) {
        redo_begin(&redo, &words[n % 2], UINT64_C(0x9abcdef500000000) + n, n % 5 + 1);
        redo_pass(&redo, n % 3);
        size_t step = 3 * (get(&redo.begun) & 1);
        const size_t counts[] = {step, step + 1, step + 2, 6};
        for (size_t i = 0; i < 4; i++) {
            for (int bit = 0; bit < 64; bit++)
                expect_noticed(&redo, counts[i], UINT64_C(1) << bit);
            expect_noticed(&redo, counts[i], ((const uint64_t *)(const void *)&redo)[counts[i]]);
        }
    }
}

static void test_the_most_values(void **state)
{
    (void)state;
    Redo redo;
    RedoState read;
    _Atomic uint64_t word = 1;
    redo_reset(&redo);
    redo_pass(&redo, 4 << 20);
    redo_begin(&redo, &word, 1, 1);
    expect(&redo, (4 << 20) + 1, &word, 1, 4 << 20);
    redo_pass(&redo, REDO_MAX); /* nobody can have sent that */
    assert_false(redo_read(&redo, &read));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_batch_is_not_zeroes),
        cmocka_unit_test(test_steps_take_turns),
        cmocka_unit_test(test_many_values_are_one_step),
        cmocka_unit_test(test_what_may_be_done_twice_only_counts),
        cmocka_unit_test(test_a_batch_begins_with_no_step),
        cmocka_unit_test(test_each_bit_is_guarded),
        cmocka_unit_test(test_the_most_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
