#include "metrics/arena_generation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixture_arenas.h"

enum {
    FILES = 2
};

typedef struct {
    FixtureFolder folder;
} Bench;

/* Makes a generation, and stops after so many steps: files with roots, and that it is ready. */
static void make_some(const Bench *b, uint64_t generation, int steps)
{
    static const ArenaKind kinds[FILES] = {ARENA_SERIES, ARENA_HAND};
    ArenaStore *store;
    Arena arena[FILES] = {{0}};
    assert_int_equal(0, arena_store_create(&store, b->folder.fd, generation));
    for (int i = 0; i < FILES && i < steps; i++) {
        assert_int_equal(0, arena_store_open(store, kinds[i], 1 << 20, &arena[i]));
        void *root = arena_alloc(&arena[i], 4096, 4096);
        assert_non_null(root);
        arena_set_root(&arena[i], root);
    }
    if (steps > FILES)
        arena_store_ready(store);
    for (uint32_t i = 0; i < FILES; i++)
        arena_fini(&arena[i]);
    arena_store_close(store);
}

static void make(const Bench *b, uint64_t generation)
{
    make_some(b, generation, FILES + 1);
}

static int setup(void **state)
{
    Bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    fixture_folder_open(&b->folder);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    Bench *b = *state;
    fixture_folder_close(&b->folder);
    free(b);
    return 0;
}

static ArenaGeneration find(const Bench *b, CheckpointReason *reason)
{
    ArenaGeneration found;
    strcpy(reason->text, "no reason");
    assert_int_equal(0, arena_generation_find(b->folder.fd, &found, reason));
    return found;
}

/* Generation `counts` does; 0: none. And the sweep leaves it alone. */
static void expect(const Bench *b, uint64_t counts, uint64_t highest)
{
    CheckpointReason reason;
    char name[ARENA_NAME_SIZE];
    ArenaGeneration found = find(b, &reason);
    assert_int_equal(counts != 0, found.found);
    assert_int_equal(counts, found.counts);
    assert_int_equal(highest, found.highest);
    assert_int_equal(0, found.error);
    arena_generation_sweep(b->folder.fd, &found);
    assert_int_equal(counts != 0 ? FILES : 0, fixture_folder_each(&b->folder, "arena.", NULL));
    if (counts != 0)
        assert_int_equal(0, faccessat(b->folder.fd, arena_name(counts, 0, name), F_OK, 0));
}

static void expect_damaged(const Bench *b, uint64_t generation, const char *why)
{
    CheckpointReason reason;
    ArenaGeneration found = find(b, &reason);
    assert_true(found.found);
    assert_int_equal(generation, found.counts);
    assert_int_equal(-EBADMSG, found.error);
    assert_string_equal(why, reason.text);
}

static void put(const Bench *b, uint64_t generation, size_t at, const void *bytes, size_t length)
{
    char name[ARENA_NAME_SIZE];
    int fd = openat(b->folder.fd, arena_name(generation, 0, name), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(length, pwrite(fd, bytes, length, (off_t)at));
    close(fd);
}

/* ---- which one ---- */

static void test_the_latest_that_is_ready(void **state)
{
    Bench *b = *state;
    expect(b, 0, 0);
    make(b, 3);
    expect(b, 3, 3);
    make(b, 12);
    make(b, 7);
    expect(b, 12, 12);
    make_some(b, 13, FILES); /* all but ready */
    expect(b, 12, 13);
    fixture_folder_empty(&b->folder);
    make_some(b, 13, FILES);
    expect(b, 0, 13);
}

/* The first file of a generation as a kill may have left it: none of this is damage. */
static void test_what_was_only_begun(void **state)
{
    Bench *b = *state;
    static const char zeroes[ARENA_HEAD_BYTES];
    static const size_t written[] = {0, 8, offsetof(ArenaHead, birth_hash),
                                     offsetof(ArenaHead, root)};
    make(b, 1);
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        make_some(b, 2, 1);
        put(b, 2, written[i], zeroes, sizeof zeroes - written[i]);
        expect(b, 1, 2);
    }
    close(openat(b->folder.fd, "arena.2.0", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    expect(b, 1, 2);
}

static void test_what_no_kill_leaves(void **state)
{
    Bench *b = *state;
    static const char why[] = "the head of the first arena is damaged";
    static const char zeroes[ARENA_HEAD_BYTES];
    static const uint32_t odd = 1;
    static const size_t ready = offsetof(ArenaHead, ready);
    make(b, 1);
    put(b, 1, ready, zeroes, 4);
    expect_damaged(b, 1, why);
    put(b, 1, ready, &odd, sizeof odd);
    expect_damaged(b, 1, why);
    static const uint32_t unready = ARENA_UNREADY;
    put(b, 1, ready, &unready, sizeof unready); /* that is for 32 flipped bits to say */
    put(b, 1, offsetof(ArenaHead, root), zeroes, 8);
    expect_damaged(b, 1, why);
    put(b, 1, 0, zeroes, sizeof zeroes);
    expect_damaged(b, 1, why); /* as there is a second file */
    make(b, 2);
    put(b, 2, 0, "x", 1);
    put(b, 1, 0, "x", 1);
    expect_damaged(b, 2, "an arena's head does not match its checksum");
}

/* Nor is the first file one that was only begun, if it is another one's. */
static void test_the_first_file_is_another_ones(void **state)
{
    Bench *b = *state;
    make(b, 1);
    assert_int_equal(0, unlinkat(b->folder.fd, "arena.1.0", 0));
    assert_int_equal(0, linkat(b->folder.fd, "arena.1.1", b->folder.fd, "arena.1.0", 0));
    expect_damaged(b, 1, "another arena stands in the first one's place");
}

/* Of two generations one is damaged: nothing has been recorded since there were two. */
static void test_a_sound_one_counts_beside_a_damaged_one(void **state)
{
    Bench *b = *state;
    for (uint64_t damaged = 2; damaged <= 8; damaged += 3) {
        make(b, 5);
        if (damaged != 5)
            make(b, damaged);
        else
            make(b, 6);
        put(b, damaged, 0, "hello", 5);
        expect(b, damaged == 5 ? 6 : 5, damaged == 8 ? 8 : damaged == 5 ? 6 : 5);
        fixture_folder_empty(&b->folder);
    }
}

static void test_what_is_no_arena_stays(void **state)
{
    Bench *b = *state;
    static const char *const names[] = {"arena.1", "arena.2.x", "checkpoint", "lock"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        close(openat(b->folder.fd, names[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    CheckpointReason reason;
    ArenaGeneration found = find(b, &reason);
    assert_false(found.found);
    arena_generation_sweep(b->folder.fd, &found);
    assert_int_equal(4, fixture_folder_each(&b->folder, "", NULL));
}

static void expect_unreadable(const Bench *b, int error)
{
    CheckpointReason reason;
    ArenaGeneration found = find(b, &reason);
    assert_true(found.found);
    assert_int_equal(9, found.counts);
    assert_int_equal(error, found.error);
    assert_string_not_equal("no reason", reason.text);
}

/* Nobody knows what that is: a person has to look. */
static void test_no_file_under_an_arenas_name(void **state)
{
    Bench *b = *state;
    make(b, 1);
    assert_int_equal(0, symlinkat("elsewhere", b->folder.fd, "arena.9.0"));
    expect_unreadable(b, -ELOOP);
    assert_int_equal(0, unlinkat(b->folder.fd, "arena.9.0", 0));
    assert_int_equal(0, mkfifoat(b->folder.fd, "arena.9.0", 0600));
    expect_unreadable(b, -ESPIPE); /* it does not wait for a writer */
    assert_int_equal(0, unlinkat(b->folder.fd, "arena.9.0", 0));
    assert_int_equal(0, mkdirat(b->folder.fd, "arena.9.0", 0700));
    expect_unreadable(b, -EISDIR);
}

static void test_a_directory_that_cannot_be_read(void **state)
{
    (void)state;
    ArenaGeneration found;
    CheckpointReason reason;
    assert_int_equal(-EBADF, arena_generation_find(-1, &found, &reason));
    assert_string_equal("cannot look for arenas: Bad file descriptor", reason.text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_latest_that_is_ready),
        TEST(test_what_was_only_begun),
        TEST(test_what_no_kill_leaves),
        TEST(test_the_first_file_is_another_ones),
        TEST(test_a_sound_one_counts_beside_a_damaged_one),
        TEST(test_what_is_no_arena_stays),
        TEST(test_no_file_under_an_arenas_name),
        TEST(test_a_directory_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
