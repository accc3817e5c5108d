/* The library is compiled into this file, so its calls to POSIX can be made to fail here. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fixture_tsan.h"

static bool setspecific_fails;

static int scarce_setspecific(pthread_key_t key, const void *value)
{
    return setspecific_fails ? ENOMEM : pthread_setspecific(key, value);
}

#define pthread_setspecific scarce_setspecific
#include <atomicstats/thread_number.h>
#undef pthread_setspecific

enum {
    ONE_BY_ONE = 1000,
    CROWD = 150 /* into the bitmap's third word */
};

/* TSan takes a thread for ended before the last round of destructors, and ours runs once more after
 * the test's last call: two rounds less. */
enum {
#if FIXTURE_TSAN
    ROUNDS = PTHREAD_DESTRUCTOR_ITERATIONS - 2
#else
    ROUNDS = PTHREAD_DESTRUCTOR_ITERATIONS
#endif
};

static bool in_use(uint32_t number)
{
    /* acquire: pairs with the release in astats_thread_release_(), of a joined thread. */
    uint64_t word = atomic_load_explicit(&astats_threads_.used[number / 64], memory_order_acquire);
    return (word >> (number % 64) & 1) != 0;
}

static unsigned numbers_in_use(void)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < ASTATS_THREADS_MAX; i++)
        n += in_use(i);
    return n;
}

/* The test's own thread is the first to ask, so it has number 0 throughout. */
static int take_number_0(void **state)
{
    (void)state;
    return astats_thread_number_plus_1_() == 1 ? 0 : -1;
}

static void *ask_twice(void *out)
{
    uint32_t first = astats_thread_number_plus_1_();
    uint32_t second = astats_thread_number_plus_1_();
    *(uint32_t *)out = first == second && first == astats_thread_ ? first : UINT32_MAX;
    return NULL;
}

static uint32_t number_of_a_new_thread(void)
{
    uint32_t number_plus_1 = UINT32_MAX;
    pthread_t thread;
    assert_int_equal(0, pthread_create(&thread, NULL, ask_twice, &number_plus_1));
    pthread_join(thread, NULL);
    return number_plus_1;
}

static void test_a_thread_keeps_its_number(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(1, astats_thread_number_plus_1_());
    assert_true(in_use(0));
    assert_int_equal(1, numbers_in_use());
}

static void test_numbers_of_ended_threads_are_used_again(void **state)
{
    (void)state;
    for (int i = 0; i < ONE_BY_ONE; i++) {
        assert_int_equal(2, number_of_a_new_thread());
        assert_false(in_use(1));
    }
    assert_int_equal(1, numbers_in_use());
}

typedef struct {
    pthread_barrier_t *barrier;
    uint32_t number_plus_1;
} Member;

static void *ask_and_stay(void *arg)
{
    Member *me = arg;
    me->number_plus_1 = astats_thread_number_plus_1_();
    pthread_barrier_wait(me->barrier); /* all have asked: nobody's number was free again */
    return NULL;
}

static void test_threads_at_once_have_different_numbers(void **state)
{
    (void)state;
    static Member member[CROWD];
    pthread_t thread[CROWD];
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, CROWD);
    for (int i = 0; i < CROWD; i++) {
        member[i] = (Member){&barrier, 0};
        assert_int_equal(0, pthread_create(&thread[i], NULL, ask_and_stay, &member[i]));
    }
    for (int i = 0; i < CROWD; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&barrier);

    /* Main has 1, so the crowd has exactly 2 to CROWD + 1. */
    bool seen[CROWD + 2] = {false};
    for (int i = 0; i < CROWD; i++) {
        assert_in_range(member[i].number_plus_1, 2, CROWD + 1);
        assert_false(seen[member[i].number_plus_1]);
        seen[member[i].number_plus_1] = true;
    }
    assert_int_equal(1, numbers_in_use());
}

static void test_the_lowest_free_number_is_taken(void **state)
{
    (void)state;
    /* relaxed: no other thread runs. Bits 0..69 in use but for 3, 64 and 66. */
    uint64_t saved = atomic_load_explicit(&astats_threads_.used[0], memory_order_relaxed);
    atomic_store_explicit(&astats_threads_.used[0], ~(UINT64_C(1) << 3), memory_order_relaxed);
    atomic_store_explicit(&astats_threads_.used[1], UINT64_C(0x3a), memory_order_relaxed);
    static const uint32_t expected[] = {4, 65, 67, 71, 72};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_int_equal(expected[i], astats_thread_claim_());
    astats_thread_release_(66);
    astats_thread_release_(3);
    assert_int_equal(4, astats_thread_claim_());
    assert_int_equal(67, astats_thread_claim_());
    atomic_store_explicit(&astats_threads_.used[0], saved, memory_order_relaxed);
    atomic_store_explicit(&astats_threads_.used[1], 0, memory_order_relaxed);
}

static void test_more_threads_than_numbers(void **state)
{
    (void)state;
    /* relaxed: no other thread runs. */
    uint64_t saved = atomic_load_explicit(&astats_threads_.used[0], memory_order_relaxed);
    for (int i = 0; i < ASTATS_THREAD_WORDS_; i++)
        atomic_store_explicit(&astats_threads_.used[i], UINT64_MAX, memory_order_relaxed);
    assert_int_equal(0, number_of_a_new_thread());
    assert_int_equal(ASTATS_THREADS_MAX, numbers_in_use());

    astats_thread_release_(ASTATS_THREADS_MAX - 1);
    assert_int_equal(ASTATS_THREADS_MAX, number_of_a_new_thread());
    assert_int_equal(ASTATS_THREADS_MAX - 1, numbers_in_use());

    atomic_store_explicit(&astats_threads_.used[0], saved, memory_order_relaxed);
    for (int i = 1; i < ASTATS_THREAD_WORDS_; i++)
        atomic_store_explicit(&astats_threads_.used[i], 0, memory_order_relaxed);
}

/* Without a destructor the number would never come back: then there must be none. */
static void test_no_memory_for_the_destructor(void **state)
{
    (void)state;
    setspecific_fails = true;
    assert_int_equal(0, number_of_a_new_thread());
    setspecific_fails = false;
    assert_int_equal(1, numbers_in_use());
    assert_int_equal(2, number_of_a_new_thread());
}

typedef struct {
    pthread_key_t key;
    int rounds; /* how often the destructor asks again */
    uint32_t before[PTHREAD_DESTRUCTOR_ITERATIONS], after[PTHREAD_DESTRUCTOR_ITERATIONS];
    int calls;
} Late;

/* Its key was made after the library's, and glibc runs destructors in the order of the keys. */
static void ask_in_destructor(void *arg)
{
    Late *late = arg;
    if (late->calls == PTHREAD_DESTRUCTOR_ITERATIONS)
        return;
    late->before[late->calls] = astats_thread_;
    late->after[late->calls] = astats_thread_number_plus_1_();
    late->calls++;
    if (late->calls < late->rounds)
        pthread_setspecific(late->key, late);
}

static void *ask_also_when_ending(void *arg)
{
    Late *late = arg;
    astats_thread_number_plus_1_();
    pthread_setspecific(late->key, late);
    return NULL;
}

static void test_asking_in_a_destructor_after_ours(void **state)
{
    (void)state;
    for (int rounds = 1; rounds <= ROUNDS; rounds++) {
        Late late = {.rounds = rounds};
        assert_int_equal(0, pthread_key_create(&late.key, ask_in_destructor));
        assert_true(late.key > astats_threads_.key);
        pthread_t thread;
        assert_int_equal(0, pthread_create(&thread, NULL, ask_also_when_ending, &late));
        pthread_join(thread, NULL);
        pthread_key_delete(late.key);

        assert_int_equal(rounds, late.calls);
        for (int i = 0; i < rounds; i++) {
            assert_int_equal(0, late.before[i]); /* ours had run and given the number back */
            assert_int_equal(2, late.after[i]);
        }
        /* The last round that POSIX promises comes too late for giving it back. */
        bool lost = rounds == PTHREAD_DESTRUCTOR_ITERATIONS;
        assert_int_equal(lost, in_use(1));
        if (lost)
            astats_thread_release_(1);
        assert_int_equal(1, numbers_in_use());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_thread_keeps_its_number),
        cmocka_unit_test(test_numbers_of_ended_threads_are_used_again),
        cmocka_unit_test(test_threads_at_once_have_different_numbers),
        cmocka_unit_test(test_the_lowest_free_number_is_taken),
        cmocka_unit_test(test_more_threads_than_numbers),
        cmocka_unit_test(test_no_memory_for_the_destructor),
        cmocka_unit_test(test_asking_in_a_destructor_after_ours),
    };
    return cmocka_run_group_tests(tests, take_number_0, NULL);
}
