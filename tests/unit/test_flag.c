#include <atomicstats/flag.h>

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    THREADS = 4,
    FLAGS = 20000,
    MESSAGES = 2000
};

static void test_init_and_set_are_read_back(void **state)
{
    (void)state;
    for (int initial = 0; initial <= 1; initial++) {
        AtomicFlag f;
        astats_flag_init(&f, initial != 0);
        assert_int_equal(initial, astats_flag_get(&f));
        for (int value = 0; value <= 1; value++) {
            astats_flag_set(&f, value != 0);
            assert_int_equal(value, astats_flag_get(&f));
        }
    }
}

static void test_swap_returns_the_old_value(void **state)
{
    (void)state;
    for (int initial = 0; initial <= 1; initial++) {
        for (int value = 0; value <= 1; value++) {
            AtomicFlag f;
            astats_flag_init(&f, initial != 0);
            assert_int_equal(initial, astats_flag_swap(&f, value != 0));
            assert_int_equal(value, astats_flag_get(&f));
        }
    }
}

typedef struct {
    AtomicFlag *flags;
    pthread_barrier_t *start;
    uint8_t won[FLAGS];
} Swapper;

static void *swap_all(void *arg)
{
    Swapper *me = arg;
    pthread_barrier_wait(me->start);
    for (int i = 0; i < FLAGS; i++)
        me->won[i] = !astats_flag_swap(&me->flags[i], true);
    return NULL;
}

static void test_one_of_many_swaps_wins(void **state)
{
    (void)state;
    static AtomicFlag flags[FLAGS];
    static Swapper job[THREADS];
    pthread_barrier_t start;
    pthread_t thread[THREADS];
    pthread_barrier_init(&start, NULL, THREADS);
    for (int i = 0; i < FLAGS; i++)
        astats_flag_init(&flags[i], false);
    for (int t = 0; t < THREADS; t++) {
        job[t].flags = flags;
        job[t].start = &start;
        assert_int_equal(0, pthread_create(&thread[t], NULL, swap_all, &job[t]));
    }
    for (int t = 0; t < THREADS; t++)
        pthread_join(thread[t], NULL);
    pthread_barrier_destroy(&start);

    for (int i = 0; i < FLAGS; i++) {
        int winners = 0;
        for (int t = 0; t < THREADS; t++)
            winners += job[t].won[i];
        assert_int_equal(1, winners);
        assert_true(astats_flag_get(&flags[i]));
    }
}

typedef struct {
    AtomicFlag full;
    int64_t message; /* plain: the flag alone hands it over, TSan watches */
} Mailbox;

static void *send_messages(void *arg)
{
    Mailbox *box = arg;
    for (int64_t i = 1; i <= MESSAGES; i++) {
        while (astats_flag_get(&box->full))
            sched_yield();
        box->message = i;
        astats_flag_set(&box->full, true);
    }
    return NULL;
}

static void test_set_announces_what_was_written_before(void **state)
{
    (void)state;
    Mailbox box = {.message = 0};
    astats_flag_init(&box.full, false);
    pthread_t sender;
    assert_int_equal(0, pthread_create(&sender, NULL, send_messages, &box));
    int64_t wrong = 0;
    for (int64_t i = 1; i <= MESSAGES; i++) {
        while (!astats_flag_get(&box.full))
            sched_yield();
        wrong += box.message != i;
        astats_flag_set(&box.full, false);
    }
    pthread_join(sender, NULL);
    assert_int_equal(0, wrong);
    assert_false(astats_flag_get(&box.full));
}

static void test_is_lock_free_and_1_byte(void **state)
{
    (void)state;
    AtomicFlag f;
    astats_flag_init(&f, false);
    assert_true(atomic_is_lock_free(&f.value));
    assert_int_equal(1, sizeof f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init_and_set_are_read_back),
        cmocka_unit_test(test_swap_returns_the_old_value),
        cmocka_unit_test(test_one_of_many_swaps_wins),
        cmocka_unit_test(test_set_announces_what_was_written_before),
        cmocka_unit_test(test_is_lock_free_and_1_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
