#include "metrics/turn.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum {
    CHECK = 0x12345678
};

static void test_turns_are_counted(void **state)
{
    (void)state;
    Turn turn;
    memset(&turn, 0, sizeof turn);
    for (uint64_t n = 0; n < 5; n++) {
        assert_int_equal(2 * n, turn_seq(turn_seen(&turn)));
        assert_int_equal(n > 0, turn_was_written(turn_seen(&turn)));
        assert_true(turn_is_sound(turn_seen(&turn), n > 0 ? CHECK : 0));
        assert_false(turn_is_sound(turn_seen(&turn), CHECK + 1));
        assert_int_equal(n % 2, turn_copy(turn_seen(&turn)));
        uint64_t word = turn_take(&turn);
        assert_int_equal(2 * n + 1, (uint32_t)word);
        assert_int_equal(2 * n + 2, turn_next(word));
        assert_int_equal(n % 2, turn_copy(word)); /* what is current stays so */
        assert_true(word == turn_seen(&turn));
        assert_true(turn_is_sound(word, n > 0 ? CHECK : 0));
        turn_write();
        turn_end(&turn, word, CHECK);
    }
    assert_int_equal(10, turn_seq(turn_seen(&turn)));
}

/* After 2^31 turns the seq begins anew, but never says that nobody has written. */
static void test_the_seq_runs_over(void **state)
{
    (void)state;
    Turn turn;
    /* relaxed: one thread. */
    atomic_store_explicit(&turn.word, UINT32_MAX - 1, memory_order_relaxed);
    assert_int_equal(1, turn_copy(turn_seen(&turn)));
    for (unsigned n = 0; n < 4; n++) {
        uint64_t seen = turn_seen(&turn);
        uint64_t word = turn_take(&turn);
        turn_write();
        turn_end(&turn, word, CHECK);
        assert_int_equal(n % 2, turn_copy(turn_seen(&turn))); /* by turns, as ever */
        assert_true(turn_was_written(turn_seen(&turn)));
        assert_false(turn_still(&turn, seen));
    }
}

/* A reader is not disturbed by a turn that is taken, only by one that has ended. */
static void test_what_a_reader_sees(void **state)
{
    (void)state;
    Turn turn;
    memset(&turn, 0, sizeof turn);
    uint64_t seen = turn_seen(&turn);
    assert_true(turn_still(&turn, seen));
    uint64_t word = turn_take(&turn);
    assert_true(turn_still(&turn, seen));
    assert_true(turn_still(&turn, turn_seen(&turn)));
    turn_end(&turn, word, CHECK);
    assert_false(turn_still(&turn, seen));
    assert_false(turn_still(&turn, word));
    assert_true(turn_still(&turn, turn_seen(&turn)));
}

typedef struct {
    Turn turn;
    uint64_t guarded; /* by the turn */
    _Atomic bool waiting;
} Shared;

static void *take_one(void *argument)
{
    Shared *shared = argument;
    /* relaxed: the main thread only waits for it. */
    atomic_store_explicit(&shared->waiting, true, memory_order_relaxed);
    uint64_t word = turn_take(&shared->turn);
    shared->guarded *= 2;
    turn_end(&shared->turn, word, CHECK);
    return NULL;
}

/* Who waits gets its turn when the other one's has ended, and finds what that has written. */
static void test_a_writer_waits_for_the_other(void **state)
{
    (void)state;
    Shared shared;
    pthread_t thread;
    memset(&shared, 0, sizeof shared);
    uint64_t word = turn_take(&shared.turn);
    assert_int_equal(0, pthread_create(&thread, NULL, take_one, &shared));
    /* relaxed: as above. */
    while (!atomic_load_explicit(&shared.waiting, memory_order_relaxed))
        sched_yield();
    for (int i = 0; i < 1000; i++)
        sched_yield(); /* it spins, and sleeps */
    shared.guarded = 21;
    turn_end(&shared.turn, word, CHECK);
    assert_int_equal(0, pthread_join(thread, NULL));
    assert_int_equal(42, shared.guarded);
    assert_int_equal(4, turn_seq(turn_seen(&shared.turn)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns_are_counted),
        cmocka_unit_test(test_the_seq_runs_over),
        cmocka_unit_test(test_what_a_reader_sees),
        cmocka_unit_test(test_a_writer_waits_for_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
