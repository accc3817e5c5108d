#include "base/thread.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>

#include <cmocka.h>

/* What the child saw, read after the join; the barrier keeps it alive while the parent looks. */
typedef struct {
    pthread_barrier_t barrier;
    sigset_t mask;
    pthread_t self;
    Thread *own;
    int own_join;
} Seen;

static void *look_around(void *argument)
{
    Seen *seen = argument;
    pthread_sigmask(SIG_SETMASK, NULL, &seen->mask);
    seen->self = pthread_self();
    pthread_barrier_wait(&seen->barrier);
    if (seen->own)
        seen->own_join = thread_join(seen->own);
    pthread_barrier_wait(&seen->barrier);
    return NULL;
}

static void test_start_and_join(void **state)
{
    (void)state;
    Seen seen;
    memset(&seen, 0, sizeof seen);
    pthread_barrier_init(&seen.barrier, NULL, 2);
    sigset_t before;
    sigset_t after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);

    Thread thread = {0};
    assert_int_equal(thread_start(&thread, "a name much too long", look_around, &seen), 0);
    assert_true(thread.running);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    char name[64];
    assert_int_equal(pthread_getname_np(thread.handle, name, sizeof name), 0);
    assert_string_equal("a name much too", name);
    assert_int_equal(thread_start(&thread, "again", look_around, &seen), -EBUSY);

    pthread_barrier_wait(&seen.barrier);
    pthread_barrier_wait(&seen.barrier);
    assert_int_equal(thread_join(&thread), 0);
    assert_false(thread.running);
    assert_int_equal(thread_join(&thread), 0);
    assert_true(pthread_equal(seen.self, thread.handle) != 0);
    pthread_barrier_destroy(&seen.barrier);

    /* glibc keeps two signals below SIGRTMIN to itself; SIGKILL and SIGSTOP cannot be blocked. */
    for (int sig = 1; sig < SIGRTMAX; sig++)
        if (sig != SIGKILL && sig != SIGSTOP && (sig < 32 || sig >= SIGRTMIN) &&
            sigismember(&seen.mask, sig) != 1)
            fail_msg("signal %d: expected blocked in the thread, got open", sig);
    for (int sig = 1; sig < SIGRTMAX; sig++)
        if (sigismember(&before, sig) != sigismember(&after, sig))
            fail_msg("signal %d in the parent: expected %d, got %d", sig, sigismember(&before, sig),
                     sigismember(&after, sig));
}

static void test_join_itself(void **state)
{
    (void)state;
    Seen seen;
    memset(&seen, 0, sizeof seen);
    pthread_barrier_init(&seen.barrier, NULL, 2);
    Thread thread = {0};
    seen.own = &thread;
    assert_int_equal(thread_start(&thread, "self", look_around, &seen), 0);
    pthread_barrier_wait(&seen.barrier);
    pthread_barrier_wait(&seen.barrier);
    assert_int_equal(thread_join(&thread), 0);
    assert_int_equal(seen.own_join, -EDEADLK);
    pthread_barrier_destroy(&seen.barrier);
}

static void test_zeroed(void **state)
{
    (void)state;
    Thread thread = {0};
    assert_int_equal(thread_join(&thread), 0);
    assert_false(thread.running);
}

static void *return_argument(void *argument)
{
    return argument;
}

/* A thread may be over before its creator has named it. */
static void test_many_short_ones(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        Thread threads[4] = {{0}};
        for (int i = 0; i < 4; i++)
            assert_int_equal(thread_start(&threads[i], "short", return_argument, NULL), 0);
        for (int i = 0; i < 4; i++)
            assert_int_equal(thread_join(&threads[i]), 0);
    }
}

static void *slacks(void *argument)
{
    int *slack = argument;
    slack[0] = prctl(PR_GET_TIMERSLACK);
    thread_sleep_exactly();
    slack[1] = prctl(PR_GET_TIMERSLACK);
    return NULL;
}

/* It is the thread's own affair. */
static void test_sleep_exactly(void **state)
{
    (void)state;
    assert_int_equal(0, prctl(PR_SET_TIMERSLACK, 50000UL));
    int slack[2] = {-1, -1};
    Thread thread = {0};
    assert_int_equal(0, thread_start(&thread, "exact", slacks, slack));
    assert_int_equal(0, thread_join(&thread));
    assert_int_equal(50000, slack[0]);
    assert_int_equal(1, slack[1]);
    assert_int_equal(50000, prctl(PR_GET_TIMERSLACK));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_and_join), cmocka_unit_test(test_join_itself),
        cmocka_unit_test(test_zeroed),         cmocka_unit_test(test_many_short_ones),
        cmocka_unit_test(test_sleep_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
