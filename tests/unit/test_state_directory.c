#include "ingest/state_directory.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/log.h"
#include "fixture_arenas.h"

typedef struct {
    FixtureFolder parent;
    char path[80]; /* in it; not there yet */
} Bench;

static int setup(void **state)
{
    Bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    log_set_level(LOG_LEVEL_ERROR);
    fixture_folder_open(&b->parent);
    (void)snprintf(b->path, sizeof b->path, "%s/state", b->parent.path);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    Bench *b = *state;
    (void)unlinkat(b->parent.fd, "state/lock", 0);
    fixture_folder_close(&b->parent);
    free(b);
    return 0;
}

static void test_made_locked_and_left(void **state)
{
    Bench *b = *state;
    StateDirectory d;
    struct stat file;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(0, state_directory_open(&d, b->path));
        assert_ptr_equal(b->path, d.path);
        assert_int_equal(0, fstatat(d.fd, "lock", &file, 0));
        assert_int_equal(0, stat(b->path, &file));
        assert_int_equal(0, file.st_mode & 07); /* for nobody else to read */
        state_directory_close(&d);
        assert_int_equal(-1, d.fd);
        assert_int_equal(-1, d.lock_fd);
        state_directory_close(&d);
    }
}

static void test_one_at_a_time(void **state)
{
    Bench *b = *state;
    StateDirectory first;
    StateDirectory second;
    assert_int_equal(0, state_directory_open(&first, b->path));
    assert_int_equal(-EBUSY, state_directory_open(&second, b->path));
    assert_int_equal(-1, second.fd);
    state_directory_close(&second);
    state_directory_close(&first);
    assert_int_equal(0, state_directory_open(&second, b->path));
    state_directory_close(&second);
}

/* A kill lets go of the lock. */
static void test_a_killed_one_holds_nothing(void **state)
{
    Bench *b = *state;
    StateDirectory d;
    int status;
    int ready[2];
    char byte;
    assert_int_equal(0, pipe(ready));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (state_directory_open(&d, b->path) != 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            (void)pause();
    }
    assert_int_equal(1, read(ready[0], &byte, 1));
    assert_int_equal(-EBUSY, state_directory_open(&d, b->path));
    assert_int_equal(0, kill(child, SIGKILL));
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_int_equal(0, state_directory_open(&d, b->path));
    state_directory_close(&d);
    close(ready[0]);
    close(ready[1]);
}

static void test_what_cannot_be_opened(void **state)
{
    Bench *b = *state;
    StateDirectory d;
    char path[100];
    (void)snprintf(path, sizeof path, "%s/no/such", b->parent.path);
    assert_int_equal(-ENOENT, state_directory_open(&d, path));
    close(openat(b->parent.fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    (void)snprintf(path, sizeof path, "%s/file", b->parent.path);
    assert_int_equal(-ENOTDIR, state_directory_open(&d, path));
    assert_int_equal(0, mkdirat(b->parent.fd, "state", 0700));
    assert_int_equal(0, mkdirat(b->parent.fd, "state/lock", 0700));
    assert_int_equal(-EISDIR, state_directory_open(&d, b->path));
    assert_int_equal(-1, d.fd);
    assert_int_equal(0, unlinkat(b->parent.fd, "state/lock", AT_REMOVEDIR));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_made_locked_and_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_killed_one_holds_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_opened, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
