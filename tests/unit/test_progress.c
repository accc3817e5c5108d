#include <atomicstats/progress.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum {
    THREADS = 4,
    UNITS = 50000
};

static void test_starts_with_nothing_done(void **state)
{
    (void)state;
    AtomicProgress p;
    astats_progress_init(&p, 12);
    assert_true(0 == astats_progress_done(&p));
    assert_true(12 == astats_progress_total(&p));
    assert_true(0.0 == astats_progress_fraction(&p));
}

static void test_add_returns_the_new_done(void **state)
{
    (void)state;
    static const struct {
        int64_t before, add, expected;
    } table[] = {
        {0, 3, 3},
        {3, 4, 7},
        {7, -2, 5},
        {0, -1, -1},
        {INT64_MAX, 1, INT64_MIN},
        {INT64_MIN, -1, INT64_MAX},
        {INT64_MIN, INT64_MIN, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        AtomicProgress p;
        astats_progress_init(&p, 100);
        astats_progress_set_done(&p, table[i].before);
        assert_true(table[i].before == astats_progress_done(&p));
        assert_true(table[i].expected == astats_progress_add(&p, table[i].add));
        assert_true(table[i].expected == astats_progress_done(&p));
        assert_true(100 == astats_progress_total(&p));
    }
}

static void test_fraction(void **state)
{
    (void)state;
    static const struct {
        int64_t done, total;
        double expected;
    } table[] = {
        {0, 4, 0.0},    {1, 4, 0.25},      {4, 4, 1.0},
        {6, 4, 1.5}, /* more than was announced */
        {-1, 4, -0.25}, {1, 3, 1.0 / 3.0}, {INT64_MAX, INT64_MAX, 1.0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        AtomicProgress p;
        astats_progress_init(&p, table[i].total);
        astats_progress_set_done(&p, table[i].done);
        assert_true(table[i].expected == astats_progress_fraction(&p));
    }
}

static void test_unknown_total_has_no_fraction(void **state)
{
    (void)state;
    AtomicProgress p;
    astats_progress_init(&p, 0);
    assert_true(isnan(astats_progress_fraction(&p)));
    assert_true(5 == astats_progress_add(&p, 5));
    assert_true(isnan(astats_progress_fraction(&p)));

    astats_progress_set_total(&p, 10);
    assert_true(10 == astats_progress_total(&p));
    assert_true(5 == astats_progress_done(&p));
    assert_true(0.5 == astats_progress_fraction(&p));

    astats_progress_set_total(&p, 0);
    assert_true(isnan(astats_progress_fraction(&p)));
}

static void *add_units(void *arg)
{
    AtomicProgress *p = arg;
    for (int i = 0; i < UNITS; i++)
        astats_progress_add(p, 1);
    return NULL;
}

static void test_no_unit_is_lost_between_threads(void **state)
{
    (void)state;
    AtomicProgress p;
    astats_progress_init(&p, (int64_t)THREADS * UNITS);
    pthread_t thread[THREADS];
    for (int t = 0; t < THREADS; t++)
        assert_int_equal(0, pthread_create(&thread[t], NULL, add_units, &p));
    int64_t previous = 0;
    double fraction = 0;
    int wrong = 0;
    while (fraction < 1) {
        int64_t done = astats_progress_done(&p);
        fraction = astats_progress_fraction(&p);
        wrong += done < previous || fraction > 1;
        previous = done;
    }
    for (int t = 0; t < THREADS; t++)
        pthread_join(thread[t], NULL);
    assert_int_equal(0, wrong);
    assert_true((int64_t)THREADS * UNITS == astats_progress_done(&p));
    assert_true(1.0 == astats_progress_fraction(&p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_with_nothing_done),
        cmocka_unit_test(test_add_returns_the_new_done),
        cmocka_unit_test(test_fraction),
        cmocka_unit_test(test_unknown_total_has_no_fraction),
        cmocka_unit_test(test_no_unit_is_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
