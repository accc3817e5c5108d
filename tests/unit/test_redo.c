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

static uint64_t begun(const Redo *redo)
{
    return get(&redo->begun) >> 1;
}

static const RedoStep *latest(const Redo *redo)
{
    return &redo->step[get(&redo->begun) & 1];
}

static void expect(const Redo *redo, uint64_t values, const _Atomic uint64_t *word, uint64_t before,
                   uint64_t values_before)
{
    assert_int_equal(values, begun(redo));
    assert_true(atomic_load_explicit(&latest(redo)->word, memory_order_relaxed) == (uintptr_t)word);
    assert_int_equal(before, get(&latest(redo)->before));
    assert_int_equal(values_before, get(&latest(redo)->values));
}

static void test_zeroed_memory_is_a_beginning(void **state)
{
    (void)state;
    Redo redo;
    memset(&redo, 0, sizeof redo);
    expect(&redo, 0, NULL, 0, 0);
}

static void test_steps_take_turns(void **state)
{
    (void)state;
    Redo redo;
    _Atomic uint64_t words[2] = {10, 20};
    memset(&redo, 0, sizeof redo);
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
    memset(&redo, 0, sizeof redo);
    redo_begin(&redo, &word, 1, 5);
    redo_begin(&redo, &word, 2, 1000000);
    expect(&redo, 1000005, &word, 2, 5);
}

static void test_what_may_be_done_twice_only_counts(void **state)
{
    (void)state;
    Redo redo;
    _Atomic uint64_t word = 1;
    memset(&redo, 0, sizeof redo);
    redo_pass(&redo, 3);
    expect(&redo, 3, NULL, 0, 0);
    redo_begin(&redo, &word, 7, 1);
    redo_pass(&redo, 2);
    expect(&redo, 6, &word, 7, 3); /* the step stays the latest one */
}

static void test_a_batch_begins_with_no_step(void **state)
{
    (void)state;
    Redo redo;
    _Atomic uint64_t word = 1;
    memset(&redo, 0, sizeof redo);
    for (uint64_t steps = 0; steps < 3; steps++) {
        for (uint64_t i = 0; i < steps; i++)
            redo_begin(&redo, &word, i, 1);
        redo_reset(&redo);
        assert_int_equal(0, get(&redo.begun));
        for (int r = 0; r < 2; r++)
            assert_true(atomic_load_explicit(&redo.step[r].word, memory_order_relaxed) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_memory_is_a_beginning),
        cmocka_unit_test(test_steps_take_turns),
        cmocka_unit_test(test_many_values_are_one_step),
        cmocka_unit_test(test_what_may_be_done_twice_only_counts),
        cmocka_unit_test(test_a_batch_begins_with_no_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
