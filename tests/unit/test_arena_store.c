#include "metrics/arena_store.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "fixture_arenas.h"

static int setup(void **state)
{
    FixtureFolder *d = calloc(1, sizeof *d);
    assert_non_null(d);
    fixture_folder_open(d);
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    fixture_folder_close(*state);
    free(*state);
    return 0;
}

/* A generation of two files. */
static void make(const FixtureFolder *d, uint64_t generation, bool ready)
{
    ArenaStore *store;
    Arena series;
    Arena slots;
    assert_int_equal(0, arena_store_create(&store, d->fd, generation));
    assert_int_equal(0, arena_store_open(store, ARENA_SERIES, 1 << 20, &series));
    arena_set_root(&series, series.base + ARENA_HEAD_BYTES);
    assert_int_equal(0, arena_store_open(store, ARENA_SLOTS, 1 << 20, &slots));
    if (ready)
        arena_store_ready(store);
    arena_fini(&series);
    arena_fini(&slots);
    arena_store_close(store);
}

static bool is_there(const FixtureFolder *d, const char *name)
{
    return faccessat(d->fd, name, F_OK, 0) == 0;
}

/* => how many files the generation has that counts; 0: none does. */
static uint32_t found(const FixtureFolder *d, uint64_t *next)
{
    ArenaPast *past;
    CheckpointReason reason;
    assert_int_equal(0, arena_past_open(&past, d->fd, next, &reason));
    uint32_t files = past != NULL ? arena_past_files(past) : 0;
    arena_past_close(past);
    return files;
}

static void test_without_a_store_there_is_no_file(void **state)
{
    FixtureFolder *d = *state;
    Arena arena;
    assert_int_equal(0, arena_store_open(NULL, ARENA_SLOTS, 1 << 20, &arena));
    assert_int_equal(-1, arena.fd);
    arena_set_root(&arena, &arena); /* there is nowhere to say it */
    char *memory = arena_alloc(&arena, 100, 8);
    assert_ptr_equal(arena.base, memory);
    memory[99] = 1;
    arena_fini(&arena);
    arena_store_close(NULL);
    assert_int_equal(0, fixture_folder_each(d, "", NULL));
}

static void test_what_is_not_ready_is_removed(void **state)
{
    FixtureFolder *d = *state;
    uint64_t next;
    make(d, 7, false);
    assert_true(is_there(d, "arena.7.0") && is_there(d, "arena.7.1"));
    assert_int_equal(0, found(d, &next));
    assert_int_equal(8, next);
    assert_int_equal(0, fixture_folder_each(d, "", NULL));
    assert_int_equal(0, found(d, &next));
    assert_int_equal(1, next);
}

static void test_the_latest_that_is_ready_counts(void **state)
{
    FixtureFolder *d = *state;
    uint64_t next;
    make(d, 1, true);
    assert_int_equal(2, found(d, &next));
    make(d, 2, false);
    assert_int_equal(2, found(d, &next));
    assert_int_equal(3, next);
    assert_true(is_there(d, "arena.1.0") && !is_there(d, "arena.2.1"));
    make(d, 2, true);
    make(d, 10, true); /* 10 is more than 2 */
    assert_int_equal(2, found(d, &next));
    assert_int_equal(11, next);
    assert_int_equal(2, fixture_folder_each(d, "", NULL));
    assert_true(is_there(d, "arena.10.0") && is_there(d, "arena.10.1"));
}

static void test_no_file_is_written_over(void **state)
{
    FixtureFolder *d = *state;
    ArenaStore *store;
    Arena arena;
    make(d, 1, true);
    assert_int_equal(0, arena_store_create(&store, d->fd, 1));
    assert_int_equal(-EEXIST, arena_store_open(store, ARENA_SERIES, 1 << 20, &arena));
    arena_store_close(store);
    uint64_t next;
    assert_int_equal(2, found(d, &next));
}

static void test_removed_for_good(void **state)
{
    FixtureFolder *d = *state;
    ArenaStore *store;
    Arena arena;
    uint64_t next;
    make(d, 3, true);
    assert_int_equal(0, arena_store_create(&store, d->fd, 4));
    assert_int_equal(0, arena_store_open(store, ARENA_SERIES, 1 << 20, &arena));
    arena_store_ready(store);
    assert_int_equal(0, arena_store_remove(store));
    assert_int_equal(-ENOENT, arena_store_remove(store));
    assert_int_equal(2, fixture_folder_each(d, "", NULL)); /* the other one's stay */
    arena_fini(&arena);
    arena_store_close(store);
    assert_int_equal(2, found(d, &next));
}

/* What a kill in the middle of arena_store_remove() leaves is nobody's. */
static void test_removed_in_part(void **state)
{
    FixtureFolder *d = *state;
    uint64_t next;
    make(d, 5, true);
    assert_int_equal(0, unlinkat(d->fd, "arena.5.0", 0));
    assert_int_equal(0, found(d, &next));
    assert_int_equal(0, fixture_folder_each(d, "", NULL));
}

/* A disk that takes no more: RLIMIT_FSIZE is the same for one file. */
static void test_no_room_for_a_file(void **state)
{
    FixtureFolder *d = *state;
    ArenaStore *store;
    Arena arena;
    struct rlimit usual;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &usual));
    const struct rlimit small = {1024, usual.rlim_max};
    assert_int_equal(0, arena_store_create(&store, d->fd, 1));
    for (int kind = 0; kind < ARENA_KINDS; kind++) {
        assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &small));
        int error = arena_store_open(store, (ArenaKind)kind, 1 << 20, &arena);
        assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &usual));
        assert_int_equal(-ENOSPC, error);
        assert_int_equal(0, fixture_folder_each(d, "", NULL));
    }
    assert_int_equal(0, arena_store_open(store, ARENA_SERIES, 1 << 20, &arena));
    arena_fini(&arena);
    arena_store_close(store);
}

/* ---- killed after each instruction ---- */

static void copy(const FixtureFolder *from, const FixtureFolder *to, const char *name)
{
    static char bytes[1 << 16];
    int in = openat(from->fd, name, O_RDONLY | O_CLOEXEC);
    int out = openat(to->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(in >= 0 && out >= 0);
    ssize_t length = read(in, bytes, sizeof bytes);
    assert_int_equal(length, write(out, bytes, (size_t)length));
    close(in);
    close(out);
}

/* => whether the head of the new file is another one than before. */
static bool has_changed(const FixtureFolder *d, char before[static sizeof(ArenaHead)])
{
    char now[sizeof(ArenaHead)];
    int fd = openat(d->fd, "arena.2.0", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    memset(now, 0, sizeof now);
    ssize_t length = pread(fd, now, sizeof now, 0);
    close(fd);
    bool changed = length > 0 && memcmp(now, before, sizeof now) != 0;
    memcpy(before, now, sizeof now);
    return changed;
}

/* While the next generation is made, the one before counts, however far it has come. */
static void test_killed_while_it_is_made(void **state)
{
    FixtureFolder *d = *state;
    FixtureFolder look;
    char before[sizeof(ArenaHead)] = "";
    ArenaStore *store;
    Arena arena;
    uint64_t next;
    int status;
    int states = 0;
    make(d, 1, true);
    fixture_folder_open(&look);
    copy(d, &look, "arena.1.0");
    copy(d, &look, "arena.1.1");
    assert_int_equal(0, arena_store_create(&store, d->fd, 2));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(77);
        (void)raise(SIGSTOP);
        _exit(arena_store_open(store, ARENA_SERIES, 1 << 20, &arena) == 0 ? 0 : 1);
    }
    assert_int_equal(child, waitpid(child, &status, 0));
    bool traced = WIFSTOPPED(status);
    while (WIFSTOPPED(status)) {
        if (has_changed(d, before)) {
            states++;
            copy(d, &look, "arena.2.0");
            assert_int_equal(2, found(&look, &next));
            assert_true(is_there(&look, "arena.1.0"));
        }
        assert_int_equal(0, ptrace(PTRACE_SINGLESTEP, child, NULL, NULL));
        assert_int_equal(child, waitpid(child, &status, 0));
    }
    arena_store_close(store);
    fixture_folder_close(&look);
    if (!traced)
        skip();
    assert_int_equal(0, WEXITSTATUS(status));
    assert_true(states >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_without_a_store_there_is_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_ready_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_latest_that_is_ready_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_file_is_written_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_removed_for_good, setup, teardown),
        cmocka_unit_test_setup_teardown(test_removed_in_part, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_room_for_a_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_while_it_is_made, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
