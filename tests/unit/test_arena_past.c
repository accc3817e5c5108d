#include "metrics/arena_past.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/vfs.h>

#include <cmocka.h>
#include <linux/magic.h>

#include "fixture_arenas.h"

enum {
    FILES = 3,
    FILE_BYTES = 1 << 16
};

typedef struct {
    FixtureFolder folder;
    uint64_t base[FILES]; /* where they were */
    uint64_t word[FILES]; /* addresses of words that hold 100 + the file's number */
} Bench;

static void make(Bench *b, uint64_t generation)
{
    static const ArenaKind kinds[FILES] = {ARENA_SERIES, ARENA_HAND, ARENA_SLOTS};
    ArenaStore *store;
    Arena arena[FILES];
    assert_int_equal(0, arena_store_create(&store, b->folder.fd, generation));
    for (uint32_t i = 0; i < FILES; i++) {
        assert_int_equal(0, arena_store_open(store, kinds[i], 1 << 20, &arena[i]));
        uint64_t *words = arena_alloc(&arena[i], 4096, 4096);
        assert_non_null(words);
        assert_int_equal(0, arena_fill(&arena[i], words, 4096));
        words[0] = 100 + i;
        b->base[i] = (uintptr_t)arena[i].base;
        b->word[i] = (uintptr_t)words;
        arena_set_root(&arena[i], words);
    }
    arena_store_ready(store);
    for (uint32_t i = 0; i < FILES; i++)
        arena_fini(&arena[i]);
    arena_store_close(store);
}

static int setup(void **state)
{
    Bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    fixture_folder_open(&b->folder);
    make(b, 1);
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

/* Opens, and closes again. => the result */
static int result_of(const Bench *b, CheckpointReason *reason)
{
    ArenaPast *past = NULL;
    uint64_t next;
    strcpy(reason->text, "no reason");
    int error = arena_past_open(&past, b->folder.fd, &next, reason);
    arena_past_close(past);
    return error;
}

static ArenaPast *open_it(const Bench *b)
{
    ArenaPast *past = NULL;
    CheckpointReason reason;
    uint64_t next;
    if (arena_past_open(&past, b->folder.fd, &next, &reason) != 0)
        fail_msg("%s", reason.text);
    assert_non_null(past);
    return past;
}

static void expect_damaged(const Bench *b, const char *why)
{
    CheckpointReason reason;
    assert_int_equal(-EBADMSG, result_of(b, &reason));
    assert_string_equal(why, reason.text);
}

static int open_arena(const Bench *b, const char *name)
{
    int fd = openat(b->folder.fd, name, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void put(const Bench *b, const char *name, off_t at, const void *bytes, size_t length)
{
    int fd = open_arena(b, name);
    assert_int_equal(length, pwrite(fd, bytes, length, at));
    close(fd);
}

static void cut(const Bench *b, const char *name, off_t length)
{
    int fd = open_arena(b, name);
    assert_int_equal(0, ftruncate(fd, length));
    close(fd);
}

/* ---- addresses ---- */

static void test_what_stood_there(void **state)
{
    Bench *b = *state;
    ArenaPast *past = open_it(b);
    assert_int_equal(FILES, arena_past_files(past));
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < FILES; i++) {
            const uint64_t *word = arena_past_at(past, b->word[i], 8, 8);
            assert_non_null(word);
            assert_int_equal(100 + i, *word);
        }
    }
    assert_int_equal(ARENA_SERIES, arena_past_kind(past, 0));
    assert_int_equal(ARENA_HAND, arena_past_kind(past, 1));
    assert_int_equal(ARENA_SLOTS, arena_past_kind(past, 2));
    arena_past_close(past);
    arena_past_close(NULL);
}

static void test_the_bounds_of_a_file(void **state)
{
    Bench *b = *state;
    ArenaPast *past = open_it(b);
    uint64_t begin = b->base[2] + ARENA_HEAD_BYTES;
    uint64_t end = b->base[2] + FILE_BYTES;
    assert_non_null(arena_past_at(past, begin, 1, 1));
    assert_non_null(arena_past_at(past, begin, FILE_BYTES - ARENA_HEAD_BYTES, 1));
    assert_non_null(arena_past_at(past, end - 1, 1, 1));
    assert_non_null(arena_past_at(past, end - 8, 8, 8));
    assert_non_null(arena_past_at(past, end, 0, 1)); /* nothing of it is read */
    static const size_t too_many[] = {FILE_BYTES - ARENA_HEAD_BYTES + 1, FILE_BYTES, SIZE_MAX - 8};
    for (size_t i = 0; i < sizeof too_many / sizeof *too_many; i++)
        assert_null(arena_past_at(past, begin, too_many[i], 1));
    assert_null(arena_past_at(past, begin - 1, 1, 1)); /* the head is nobody's */
    assert_null(arena_past_at(past, b->base[2], 8, 8));
    assert_null(arena_past_at(past, b->base[2] - 8, 8, 8));
    assert_null(arena_past_at(past, end, 1, 1));
    assert_null(arena_past_at(past, end - 7, 8, 1));
    assert_null(arena_past_at(past, 0, 1, 1));
    assert_null(arena_past_at(past, UINT64_MAX, 1, 1));
    assert_null(arena_past_at(past, UINT64_MAX - 7, 8, 8));
    assert_null(arena_past_at(past, b->word[2] + 4, 8, 8));
    assert_non_null(arena_past_at(past, b->word[2] + 4, 8, 4));
    arena_past_close(past);
}

static void test_roots(void **state)
{
    Bench *b = *state;
    ArenaPast *past = open_it(b);
    uintptr_t address;
    const uint64_t *root = arena_past_root(past, 1, ARENA_HAND, 8, &address);
    assert_non_null(root);
    assert_int_equal(101, *root);
    assert_true(address == b->word[1]);
    assert_null(arena_past_root(past, 1, ARENA_SLOTS, 8, NULL));
    assert_null(arena_past_root(past, 2, ARENA_SLOTS, FILE_BYTES, NULL));
    arena_past_close(past);
}

static void test_crashes_are_counted(void **state)
{
    Bench *b = *state;
    for (uint32_t round = 0; round < 3; round++) {
        ArenaPast *past = open_it(b);
        assert_int_equal(round, arena_past_crashes(past, 1));
        assert_int_equal(0, arena_past_crashes(past, 0));
        arena_past_crashed(past, 1);
        assert_int_equal(round + 1, arena_past_crashes(past, 1));
        arena_past_close(past);
    }
}

/* ---- what is wrong with files ---- */

static void test_a_file_is_missing(void **state)
{
    Bench *b = *state;
    assert_int_equal(0, unlinkat(b->folder.fd, "arena.1.2", 0));
    expect_damaged(b, "an arena is missing");
}

static void test_a_file_is_another_ones(void **state)
{
    Bench *b = *state;
    static const char why[] = "an arena is cut off, or stands in another one's place";
    assert_int_equal(0, renameat(b->folder.fd, "arena.1.1", b->folder.fd, "aside"));
    assert_int_equal(0, linkat(b->folder.fd, "arena.1.2", b->folder.fd, "arena.1.1", 0));
    expect_damaged(b, why);
    assert_int_equal(0, renameat(b->folder.fd, "aside", b->folder.fd, "arena.1.1"));
    cut(b, "arena.1.1", 20);
    expect_damaged(b, "an arena is cut off");
    cut(b, "arena.1.1", 0);
    expect_damaged(b, why);
}

static void test_a_head_is_damaged(void **state)
{
    Bench *b = *state;
    static const char why[] = "an arena's head does not match its checksum";
    put(b, "arena.1.2", offsetof(ArenaBirth, base), "x", 1);
    expect_damaged(b, why);
    put(b, "arena.1.0", 1, "x", 1);
    expect_damaged(b, why);
}

static void test_a_count_of_files_that_cannot_be(void **state)
{
    Bench *b = *state;
    static const uint32_t counts[] = {0, 1025, UINT32_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        put(b, "arena.1.0", offsetof(ArenaHead, files), &counts[i], sizeof counts[i]);
        expect_damaged(b, "an arena's head is of no use");
    }
}

/* Makes the first file's head say something else, with a checksum that fits. */
static void forge(const Bench *b, size_t at, const void *bytes, size_t length)
{
    ArenaHead head;
    int fd = open_arena(b, "arena.1.0");
    assert_int_equal(sizeof head, pread(fd, &head, sizeof head, 0));
    memcpy((char *)&head + at, bytes, length);
    head.birth_hash = arena_birth_hash(&head.birth);
    assert_int_equal(sizeof head, pwrite(fd, &head, sizeof head, 0));
    close(fd);
}

static void test_another_version_stays_as_it_is(void **state)
{
    Bench *b = *state;
    CheckpointReason reason;
    static const uint32_t other = 77;
    forge(b, offsetof(ArenaBirth, version), &other, sizeof other);
    assert_int_equal(-EPROTONOSUPPORT, result_of(b, &reason));
    assert_non_null(strstr(reason.text, "another version of this program"));
    static const uint32_t right = ARENA_VERSION;
    forge(b, offsetof(ArenaBirth, version), &right, sizeof right);
    forge(b, offsetof(ArenaBirth, layout), &other, sizeof other);
    assert_int_equal(-EPROTONOSUPPORT, result_of(b, &reason));
    assert_int_equal(FILES, fixture_folder_each(&b->folder, "arena.1.", NULL));
}

static void test_an_earlier_boot_on_a_disk(void **state)
{
    Bench *b = *state;
    CheckpointReason reason;
    struct statfs fs;
    static const uint8_t boot[16] = {1, 2, 3};
    assert_int_equal(0, fstatfs(b->folder.fd, &fs));
    forge(b, offsetof(ArenaBirth, boot_id), boot, sizeof boot);
    if (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC) {
        assert_int_equal(0, result_of(b, &reason)); /* it is no disk */
        return;
    }
    assert_int_equal(-ESTALE, result_of(b, &reason));
    assert_string_equal("its arenas are of an earlier boot of the machine", reason.text);
    assert_int_equal(FILES, fixture_folder_each(&b->folder, "arena.1.", NULL));
}

/* ---- away with it ---- */

static void test_moved_aside_and_removed(void **state)
{
    Bench *b = *state;
    for (int round = 0; round < 2; round++) { /* a second time over the first one's */
        ArenaPast *past = open_it(b);
        arena_past_move_aside(past);
        arena_past_close(past);
        assert_int_equal(FILES, fixture_folder_each(&b->folder, "damaged.", NULL));
        assert_int_equal(0, fixture_folder_each(&b->folder, "arena.", NULL));
        make(b, 2);
    }
    ArenaPast *past = open_it(b);
    arena_past_remove(past);
    assert_int_equal(0, fixture_folder_each(&b->folder, "arena.", NULL));
    assert_non_null(arena_past_at(past, b->word[0], 8, 8)); /* as long as it is open */
    arena_past_close(past);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_stood_there),
        TEST(test_the_bounds_of_a_file),
        TEST(test_roots),
        TEST(test_crashes_are_counted),
        TEST(test_a_file_is_missing),
        TEST(test_a_file_is_another_ones),
        TEST(test_a_head_is_damaged),
        TEST(test_a_count_of_files_that_cannot_be),
        TEST(test_another_version_stays_as_it_is),
        TEST(test_an_earlier_boot_on_a_disk),
        TEST(test_moved_aside_and_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
