/* AtomicStats with many threads, and without memory. The library is compiled into this file, so that
 * what it calls can be made to fail here. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool memory_is_short;
static int mutex_error;
static pthread_barrier_t *allocate_together; /* who allocates meets the others here */

static void *scarce_aligned_alloc(size_t alignment, size_t size)
{
    if (allocate_together != NULL)
        pthread_barrier_wait(allocate_together);
    if (!memory_is_short)
        return aligned_alloc(alignment, size);
    errno = ENOMEM;
    return NULL;
}

static int scarce_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    return mutex_error != 0 ? mutex_error : pthread_mutex_init(mutex, attributes);
}

#define aligned_alloc scarce_aligned_alloc
#define pthread_mutex_init scarce_mutex_init
#include <atomicstats/stats.h>

#include "fixture_stats.h"
#undef aligned_alloc
#undef pthread_mutex_init

enum {
    CROWD_MAX = 100
};

static void expect_summary(AtomicStatsSummary expected, const AtomicStats *s)
{
    AtomicStatsSummary actual = summary_of(s);
    expect_double("count", expected.count, actual.count);
    expect_double("sum", expected.sum, actual.sum);
    expect_double("mean", expected.mean, actual.mean);
    expect_double("min", expected.min, actual.min);
    expect_double("max", expected.max, actual.max);
    /* Merging rounds, by how the records fell on the cells; but 0 is 0. */
    if (!(fabs(actual.stddev - expected.stddev) <= 1e-14 * expected.stddev))
        expect_double("stddev", expected.stddev, actual.stddev);
}

static AtomicStats *create(void)
{
    AtomicStats *s = astats_create();
    if (s == NULL)
        abort();
    return s;
}

typedef struct {
    AtomicStats *stats;
    pthread_barrier_t *all_done;
    double value;
    int records;
} Job;

static void *record_and_stay(void *arg)
{
    const Job *job = arg;
    for (int i = 0; i < job->records; i++)
        astats_record(job->stats, job->value);
    pthread_barrier_wait(job->all_done); /* so that no two of them had the same number */
    return NULL;
}

/* Each of `crowd` threads records `records` times `value`, all of them alive at once. */
static void record_at_once(AtomicStats *s, int crowd, int records, double value)
{
    pthread_t thread[CROWD_MAX];
    pthread_barrier_t all_done;
    Job job = {s, &all_done, value, records};
    pthread_barrier_init(&all_done, NULL, (unsigned)crowd);
    for (int i = 0; i < crowd; i++)
        assert_int_equal(0, pthread_create(&thread[i], NULL, record_and_stay, &job));
    for (int i = 0; i < crowd; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&all_done);
}

static uint64_t records_in(const AstatsCell *cell)
{
    AstatsCellState state;
    double shift;
    return astats_cell_snapshot(cell, &state, &shift);
}

static void test_tenths_split_over_threads(void **state)
{
    (void)state;
    AtomicStats *s = create();
    record_at_once(s, 4, 2500000, 0.1);
    AtomicStatsSummary actual = summary_of(s);
    assert_true(fabs(actual.sum - 1000000) <= 2 * 0x1p-33); /* ulps */
    expect_summary((AtomicStatsSummary){1e7, actual.sum, 0.1, 0.1, 0.1, 0}, s);
    astats_destroy(s);
}

/* 8 cells are part of the object, 8 more come with the first segment, 16 with the second. */
static void test_more_threads_than_the_object_has_cells(void **state)
{
    (void)state;
    static const int crowds[] = {1, 7, 8, 9, 16, 17, 25, 33, 64, 65, CROWD_MAX};
    for (size_t i = 0; i < sizeof crowds / sizeof *crowds; i++) {
        AtomicStats *s = create();
        record_at_once(s, crowds[i], 100, 7);
        double n = crowds[i] * 100.0;
        expect_summary((AtomicStatsSummary){n, 7 * n, 7, 7, 7, 0}, s);
        assert_int_equal(0, records_in(&s->shared));
        record_at_once(s, crowds[i], 100, 9); /* the same cells go on */
        expect_summary((AtomicStatsSummary){2 * n, 16 * n, 8, 7, 9, 1}, s);
        astats_destroy(s);
    }
}

static void test_threads_one_after_the_other_share_a_cell(void **state)
{
    (void)state;
    AtomicStats *s = create();
    for (int i = 0; i < 500; i++)
        record_at_once(s, 1, 2, i & 1);
    expect_summary((AtomicStatsSummary){1000, 500, 0.5, 0, 1, 0.5}, s);
    int used = 0;
    for (int i = 0; i < ASTATS_FIRST_SEGMENT_; i++)
        used += records_in(&s->first[i].cell) != 0;
    assert_int_equal(1, used);
    astats_destroy(s);
}

static void test_no_memory_to_create(void **state)
{
    (void)state;
    memory_is_short = true;
    errno = 0;
    assert_null(astats_create());
    assert_int_equal(ENOMEM, errno);
    memory_is_short = false;
    mutex_error = EAGAIN;
    errno = 0;
    assert_null(astats_create());
    assert_int_equal(EAGAIN, errno);
    mutex_error = 0;
}

static void test_no_memory_for_a_segment(void **state)
{
    (void)state;
    AtomicStats *s = create();
    memory_is_short = true;
    record_at_once(s, 20, 500, 7);
    expect_summary((AtomicStatsSummary){10000, 70000, 7, 7, 7, 0}, s);
    uint64_t shared = records_in(&s->shared);
    assert_true(shared >= UINT64_C(12) * 500); /* of 20 threads at most 8 had a cell */
    memory_is_short = false;
    record_at_once(s, 20, 500, 9);
    expect_summary((AtomicStatsSummary){20000, 160000, 8, 7, 9, 1}, s);
    assert_true(shared == records_in(&s->shared)); /* there is memory again */
    astats_destroy(s);
}

/* Two threads find the same segment missing and both allocate it: one of them has to throw its own
 * away and record into the other's. */
static void test_two_threads_allocate_the_same_segment(void **state)
{
    (void)state;
    AtomicStats *s = create();
    /* relaxed: no other thread runs. The two get the numbers 8 and 9. */
    uint64_t saved =
        atomic_fetch_or_explicit(&astats_threads_.used[0], UINT64_C(0xff), memory_order_relaxed);
    pthread_barrier_t both;
    pthread_barrier_init(&both, NULL, 2);
    allocate_together = &both;
    record_at_once(s, 2, 100, 7);
    allocate_together = NULL;
    pthread_barrier_destroy(&both);
    atomic_store_explicit(&astats_threads_.used[0], saved, memory_order_relaxed);
    expect_summary((AtomicStatsSummary){200, 1400, 7, 7, 7, 0}, s);
    assert_int_equal(0, records_in(&s->shared));
    astats_destroy(s);
}

static void test_no_number_left(void **state)
{
    (void)state;
    /* relaxed: no other thread runs. */
    static uint64_t saved[ASTATS_THREAD_WORDS_];
    for (int i = 0; i < ASTATS_THREAD_WORDS_; i++)
        saved[i] =
            atomic_exchange_explicit(&astats_threads_.used[i], UINT64_MAX, memory_order_relaxed);
    AtomicStats *s = create();
    record_at_once(s, 10, 5000, 7);
    expect_summary((AtomicStatsSummary){50000, 350000, 7, 7, 7, 0}, s);
    assert_true(50000 == records_in(&s->shared));
    for (int i = 0; i < ASTATS_THREAD_WORDS_; i++)
        atomic_store_explicit(&astats_threads_.used[i], saved[i], memory_order_relaxed);
    record_at_once(s, 10, 5000, 7);
    expect_summary((AtomicStatsSummary){100000, 700000, 7, 7, 7, 0}, s);
    assert_true(50000 == records_in(&s->shared));
    astats_destroy(s);
}

/* A destructor of a key made after the library's runs after the thread's number was given back. */
static void record_late(void *s)
{
    astats_record(s, 9);
}

typedef struct {
    AtomicStats *stats;
    pthread_key_t key;
} Ending;

static void *record_also_when_ending(void *arg)
{
    const Ending *ending = arg;
    astats_record(ending->stats, 7);
    pthread_setspecific(ending->key, ending->stats);
    return NULL;
}

static void test_recording_in_a_destructor_after_ours(void **state)
{
    (void)state;
    Ending ending = {.stats = create()};
    astats_record(ending.stats, 8); /* makes the library's key, if nobody has */
    assert_int_equal(0, pthread_key_create(&ending.key, record_late));
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        assert_int_equal(0, pthread_create(&thread, NULL, record_also_when_ending, &ending));
        pthread_join(thread, NULL);
    }
    pthread_key_delete(ending.key);
    expect_summary((AtomicStatsSummary){101, 808, 8, 7, 9, sqrt(100.0 / 101)}, ending.stats);
    assert_int_equal(0, records_in(&ending.stats->shared));
    astats_destroy(ending.stats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tenths_split_over_threads),
        cmocka_unit_test(test_more_threads_than_the_object_has_cells),
        cmocka_unit_test(test_threads_one_after_the_other_share_a_cell),
        cmocka_unit_test(test_no_memory_to_create),
        cmocka_unit_test(test_no_memory_for_a_segment),
        cmocka_unit_test(test_two_threads_allocate_the_same_segment),
        cmocka_unit_test(test_no_number_left),
        cmocka_unit_test(test_recording_in_a_destructor_after_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
