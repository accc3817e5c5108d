#include <atomicstats/counter.h>

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    THREADS = 4,
    ROUNDS = 50000
};

static void test_init_and_set_are_read_back(void **state)
{
    (void)state;
    const int64_t values[] = {0, 1, -1, 42, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        AtomicCounter c;
        astats_counter_init(&c, values[i]);
        assert_true(values[i] == astats_counter_get(&c));
        astats_counter_set(&c, ~values[i]);
        assert_true(~values[i] == astats_counter_get(&c));
    }
}

static void test_add_returns_the_new_value(void **state)
{
    (void)state;
    static const struct {
        int64_t initial, delta, expected;
    } table[] = {
        {0, 0, 0},
        {0, 5, 5},
        {5, -7, -2},
        {-1, 1, 0},
        {INT64_MAX - 1, 1, INT64_MAX},
        {INT64_MAX, 1, INT64_MIN},
        {INT64_MAX, INT64_MAX, -2},
        {INT64_MIN, -1, INT64_MAX},
        {INT64_MIN, INT64_MIN, 0},
        {0, INT64_MIN, INT64_MIN},
        {-1, INT64_MIN, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        AtomicCounter c;
        astats_counter_init(&c, table[i].initial);
        assert_true(table[i].expected == astats_counter_add(&c, table[i].delta));
        assert_true(table[i].expected == astats_counter_get(&c));
    }
}

static void test_increment_returns_the_new_value_and_wraps(void **state)
{
    (void)state;
    AtomicCounter c;
    astats_counter_init(&c, -1);
    assert_true(0 == astats_counter_increment(&c));
    assert_true(1 == astats_counter_increment(&c));
    assert_true(1 == astats_counter_get(&c));
    astats_counter_set(&c, INT64_MAX);
    assert_true(INT64_MIN == astats_counter_increment(&c));
    assert_true(INT64_MIN == astats_counter_get(&c));
}

static void test_compare_and_swap(void **state)
{
    (void)state;
    AtomicCounter c;
    astats_counter_init(&c, 10);

    int64_t expected = 10;
    assert_true(astats_counter_compare_and_swap(&c, &expected, 20));
    assert_true(10 == expected);
    assert_true(20 == astats_counter_get(&c));

    assert_false(astats_counter_compare_and_swap(&c, &expected, 30));
    assert_true(20 == expected);
    assert_true(20 == astats_counter_get(&c));

    /* To the value it has: a swap like any other. */
    assert_true(astats_counter_compare_and_swap(&c, &expected, 20));
    assert_true(20 == astats_counter_get(&c));
}

typedef struct {
    AtomicCounter *counter;
    int64_t *returned; /* ROUNDS of them */
} Incrementer;

static void *increment_many(void *arg)
{
    Incrementer *me = arg;
    for (int i = 0; i < ROUNDS; i++)
        me->returned[i] = astats_counter_increment(me->counter);
    return NULL;
}

/* As they all return the new value, no two threads may have got the same one. */
static void test_every_increment_returns_another_value(void **state)
{
    (void)state;
    AtomicCounter c;
    astats_counter_init(&c, 0);
    int64_t *returned = calloc((size_t)THREADS * ROUNDS, sizeof *returned);
    char *seen = calloc((size_t)THREADS * ROUNDS + 1, 1);
    assert_non_null(returned);
    assert_non_null(seen);

    pthread_t thread[THREADS];
    Incrementer job[THREADS];
    for (size_t t = 0; t < THREADS; t++) {
        job[t] = (Incrementer){&c, &returned[t * ROUNDS]};
        assert_int_equal(0, pthread_create(&thread[t], NULL, increment_many, &job[t]));
    }
    for (int t = 0; t < THREADS; t++)
        pthread_join(thread[t], NULL);

    assert_true((int64_t)THREADS * ROUNDS == astats_counter_get(&c));
    for (size_t i = 0; i < (size_t)THREADS * ROUNDS; i++) {
        assert_in_range(returned[i], 1, (LargestIntegralType)THREADS * ROUNDS);
        assert_int_equal(0, seen[returned[i]]);
        seen[returned[i]] = 1;
    }
    free(seen);
    free(returned);
}

typedef struct {
    AtomicCounter owner; /* 0: free */
    int64_t guarded;     /* plain: only the owner may touch it, TSan watches */
} Owned;

static void *own_and_add(void *arg)
{
    Owned *owned = arg;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t expected = 0;
        while (!astats_counter_compare_and_swap(&owned->owner, &expected, 1)) {
            expected = 0;
            sched_yield();
        }
        owned->guarded++;
        expected = 1;
        if (!astats_counter_compare_and_swap(&owned->owner, &expected, 0))
            owned->guarded = -1; /* somebody took it from its owner: the total will be wrong */
    }
    return NULL;
}

static void test_compare_and_swap_hands_ownership_over(void **state)
{
    (void)state;
    Owned owned = {.guarded = 0};
    astats_counter_init(&owned.owner, 0);
    pthread_t thread[THREADS];
    for (int t = 0; t < THREADS; t++)
        assert_int_equal(0, pthread_create(&thread[t], NULL, own_and_add, &owned));
    for (int t = 0; t < THREADS; t++)
        pthread_join(thread[t], NULL);
    assert_true((int64_t)THREADS * ROUNDS == owned.guarded);
    assert_true(0 == astats_counter_get(&owned.owner));
}

static void test_is_lock_free_and_8_bytes(void **state)
{
    (void)state;
    AtomicCounter c;
    astats_counter_init(&c, 0);
    assert_true(atomic_is_lock_free(&c.value));
    assert_int_equal(8, sizeof c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init_and_set_are_read_back),
        cmocka_unit_test(test_add_returns_the_new_value),
        cmocka_unit_test(test_increment_returns_the_new_value_and_wraps),
        cmocka_unit_test(test_compare_and_swap),
        cmocka_unit_test(test_every_increment_returns_another_value),
        cmocka_unit_test(test_compare_and_swap_hands_ownership_over),
        cmocka_unit_test(test_is_lock_free_and_8_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
