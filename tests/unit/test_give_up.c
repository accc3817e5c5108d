#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "app/app.h"
#include "app/give_up.h"
#include "fixture_tsan.h"

typedef struct {
    int status; /* as waitpid() gives it */
    char said[512];
} End;

/* Runs `body` in a process of its own. => how that ended, and its stderr. */
static End end_of(void (*body)(void))
{
    int ends[2];
    assert_int_equal(0, pipe(ends));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGABRT, SIG_DFL); /* cmocka has its own */
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        give_up_with_reason();
        body();
        _exit(77);
    }
    End end = {0};
    size_t used = 0;
    ssize_t got;
    (void)close(ends[1]);
    while ((got = read(ends[0], end.said + used, sizeof end.said - 1 - used)) > 0)
        used += (size_t)got;
    (void)close(ends[0]);
    assert_int_equal(child, waitpid(child, &end.status, 0));
    return end;
}

static void abort_without_memory(void)
{
    errno = ENOMEM;
    abort();
}

/* TSan keeps signals back until a moment of its own, and abort() does not wait for that. */
static bool holds_signals_back(void)
{
    return FIXTURE_TSAN;
}

static void test_a_shortage_is_told(void **state)
{
    (void)state;
    if (holds_signals_back())
        skip();
    End end = end_of(abort_without_memory);
    assert_true(WIFEXITED(end.status));
    assert_int_equal(APP_EXIT_FAILED, WEXITSTATUS(end.status));
    assert_non_null(strstr(end.said, "a library cannot go on: Cannot allocate memory\n"));
}

/* What this is for: the epoll set gets the only descriptor, the first loop's pipe none. */
static void make_a_loop_without_descriptors(void)
{
    uv_loop_t loop;
    const struct rlimit none = {.rlim_cur = STDERR_FILENO + 2, .rlim_max = STDERR_FILENO + 2};
    (void)setrlimit(RLIMIT_NOFILE, &none);
    (void)uv_loop_init(&loop);
}

static void test_a_loop_without_descriptors_is_told(void **state)
{
    (void)state;
    if (holds_signals_back())
        skip();
    End end = end_of(make_a_loop_without_descriptors);
    assert_true(WIFEXITED(end.status));
    if (WEXITSTATUS(end.status) == 77)
        skip(); /* this libuv returns an error */
    assert_int_equal(APP_EXIT_FAILED, WEXITSTATUS(end.status));
    assert_non_null(strstr(end.said, "a library cannot go on: Too many open files\n"));
}

static void abort_for_another_reason(void)
{
    errno = EINVAL;
    abort();
}

static void be_killed(void)
{
    errno = ENOMEM;
    (void)kill(getpid(), SIGABRT); /* as a watchdog does */
}

static void test_all_else_is_left_alone(void **state)
{
    (void)state;
    void (*const bodies[])(void) = {abort_for_another_reason, be_killed};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        End end = end_of(bodies[i]);
        assert_true(WIFSIGNALED(end.status));
        assert_int_equal(SIGABRT, WTERMSIG(end.status));
        assert_string_equal("", end.said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_shortage_is_told),
        cmocka_unit_test(test_a_loop_without_descriptors_is_told),
        cmocka_unit_test(test_all_else_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
