#include "metrics/arena.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    MIB = 1 << 20
};

static Arena *fresh(size_t bytes)
{
    Arena *arena = malloc(sizeof *arena);
    assert_non_null(arena);
    memset(arena, 0xa5, sizeof *arena);
    assert_int_equal(0, arena_init(arena, bytes));
    return arena;
}

static void done(Arena *arena)
{
    arena_fini(arena);
    assert_null(arena->base);
    arena_fini(arena); /* a second time, as of a zeroed one */
    free(arena);
}

static bool is_zero(const char *memory, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (memory[i] != 0)
            return false;
    }
    return true;
}

static void test_a_zeroed_arena_is_given_back(void **state)
{
    (void)state;
    Arena arena;
    memset(&arena, 0, sizeof arena);
    arena_fini(&arena);
    assert_null(arena.base);
}

static void test_memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    Arena *arena = fresh((size_t)8 * MIB);
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        for (size_t bytes = 1; bytes < 200; bytes += 33) {
            char *memory = arena_alloc(arena, bytes, alignment);
            assert_non_null(memory);
            assert_int_equal(0, (uintptr_t)memory % alignment);
            assert_true(is_zero(memory, bytes));
            memset(memory, 0xff, bytes);
        }
    }
    done(arena);
}

/* Nothing moves and nothing overlaps: each piece keeps what was written into it. */
static void test_pieces_stay_where_they_are(void **state)
{
    (void)state;
    enum {
        PIECES = 20000
    };
    Arena *arena = fresh((size_t)64 * MIB);
    uint32_t **pieces = malloc(PIECES * sizeof *pieces);
    assert_non_null(pieces);
    for (uint32_t i = 0; i < PIECES; i++) {
        size_t words = 1 + i * 7 % 500;
        pieces[i] = arena_alloc(arena, words * sizeof(uint32_t), sizeof(uint32_t));
        assert_non_null(pieces[i]);
        for (size_t w = 0; w < words; w++)
            pieces[i][w] = i;
    }
    for (uint32_t i = 0; i < PIECES; i++) {
        size_t words = 1 + i * 7 % 500;
        for (size_t w = 0; w < words; w++)
            assert_int_equal(i, pieces[i][w]);
    }
    free(pieces);
    done(arena);
}

static void test_the_end_of_the_range(void **state)
{
    (void)state;
    Arena *arena = fresh((size_t)2 * MIB);
    assert_null(arena_alloc(arena, 2 * MIB + 1, 1));
    assert_null(arena_alloc(arena, SIZE_MAX, 1));
    char *first = arena_alloc(arena, 2 * MIB - 100, 1);
    assert_non_null(first);
    assert_null(arena_alloc(arena, 101, 1));
    assert_null(arena_alloc(arena, SIZE_MAX - 10, 1));
    assert_null(arena_alloc(arena, 65, 64)); /* 36 of the 100 bytes are padding */
    char *rest = arena_alloc(arena, 64, 64);
    assert_ptr_equal(first + ((size_t)2 * MIB - 64), rest);
    first[0] = rest[63] = 1;
    assert_null(arena_alloc(arena, 1, 1));
    assert_null(arena_alloc(arena, 1, 4096));
    done(arena);
}

/* A range of addresses larger than the machine's memory costs nothing until it is touched. */
static void test_a_huge_range(void **state)
{
    (void)state;
    Arena *arena = fresh((size_t)64 << 30);
    char *first = arena_alloc(arena, 1, 1);
    assert_non_null(first);
    /* One step of the page tables over 1 GiB, of which only the end is touched. */
    char *big = arena_alloc(arena, (size_t)1 << 30, 4096);
    assert_non_null(big);
    big[((size_t)1 << 30) - 1] = 1;
    char *next = arena_alloc(arena, 1, 1);
    assert_ptr_equal(big + ((size_t)1 << 30), next);
    *next = 1;
    done(arena);
}

static void test_more_than_there_are_addresses(void **state)
{
    (void)state;
    Arena arena;
    memset(&arena, 0xa5, sizeof arena);
    Arena before = arena;
    assert_true(arena_init(&arena, SIZE_MAX / 2) < 0);
    assert_memory_equal(&before, &arena, sizeof arena);
}

static void test_what_is_taken_back_is_zeroed_again(void **state)
{
    (void)state;
    Arena arena;
    assert_int_equal(0, arena_init(&arena, 1 << 20));
    char *kept = arena_alloc(&arena, 10, 1);
    memset(kept, 1, 10);
    size_t used = arena.used;
    char *first = arena_alloc(&arena, 100, 32);
    memset(first, 0xA5, 100);
    arena_rewind(&arena, used);
    char *second = arena_alloc(&arena, 100, 32);
    assert_ptr_equal(first, second);
    for (int i = 0; i < 100; i++)
        assert_int_equal(0, second[i]);
    for (int i = 0; i < 10; i++)
        assert_int_equal(1, kept[i]);
    arena_fini(&arena);
}

/* ---- in a file ---- */

/* => a file without a name, which is gone when it is closed. */
static int unnamed_file(void)
{
    char path[] = "/tmp/atomicstatsd-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(0, unlink(path));
    return fd;
}

static void test_what_is_written_is_in_the_file(void **state)
{
    (void)state;
    Arena arena;
    static char bytes[100000];
    int fd = unnamed_file();
    int other = dup(fd);
    assert_int_equal(0, arena_init_file(&arena, (size_t)64 * MIB, fd));
    for (int piece = 1; piece <= 100; piece++) { /* in steps of both sizes, and past huge pages */
        char *memory = arena_alloc(&arena, 100000, 64);
        assert_non_null(memory);
        assert_true(is_zero(memory, 100000));
        memset(memory, piece, 100000);
        assert_int_equal(100000, pread(other, bytes, 100000, memory - arena.base));
        assert_memory_equal(memory, bytes, 100000);
        struct stat file;
        assert_int_equal(0, fstat(other, &file));
        assert_int_equal(arena.committed, file.st_size);
        assert_true(file.st_blocks * 512 >= file.st_size); /* there, not only promised */
    }
    arena_fini(&arena);
    assert_int_equal(-1, fcntl(fd, F_GETFD)); /* it was the arena's */
    assert_int_equal(100000, pread(other, bytes, 100000, 0));
    assert_int_equal(1, bytes[99999]);
    close(other);
}

static void test_a_file_of_holes(void **state)
{
    (void)state;
    Arena arena;
    struct stat file;
    assert_int_equal(0, arena_init_file(&arena, (size_t)64 * MIB, unnamed_file()));
    arena.sparse = true;
    char *memory = arena_alloc(&arena, (size_t)4 * MIB, 4096);
    assert_non_null(memory);
    assert_int_equal(0, fstat(arena.fd, &file));
    assert_int_equal(0, file.st_blocks);
    assert_int_equal(0, arena_fill(&arena, memory + MIB, MIB));
    assert_int_equal(0, fstat(arena.fd, &file));
    assert_in_range(file.st_blocks * 512, MIB, 2 * MIB);
    memory[MIB] = memory[2 * MIB - 1] = 1;
    arena_fini(&arena);
}

/* A full disk is an allocation that fails, and no more than that. RLIMIT_FSIZE stands in for it. */
static void test_a_file_that_cannot_grow(void **state)
{
    (void)state;
    Arena arena;
    struct rlimit usual;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(0, arena_init_file(&arena, (size_t)64 * MIB, unnamed_file()));
    assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &usual));
    const struct rlimit small = {MIB, usual.rlim_max};
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &small));
    char *first = arena_alloc(&arena, MIB - 100, 1);
    char *second = arena_alloc(&arena, 101, 1);
    char *third = arena_alloc(&arena, 100, 1);
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &usual));
    assert_non_null(first);
    assert_null(second);
    assert_ptr_equal(first + MIB - 100, third);
    memset(first, 1, MIB);
    char *fourth = arena_alloc(&arena, 101, 1);
    assert_ptr_equal(first + MIB, fourth);
    assert_true(is_zero(fourth, 101));
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_zeroed_arena_is_given_back),
        cmocka_unit_test(test_memory_is_zeroed_and_aligned),
        cmocka_unit_test(test_pieces_stay_where_they_are),
        cmocka_unit_test(test_the_end_of_the_range),
        cmocka_unit_test(test_a_huge_range),
        cmocka_unit_test(test_what_is_taken_back_is_zeroed_again),
        cmocka_unit_test(test_more_than_there_are_addresses),
        cmocka_unit_test(test_what_is_written_is_in_the_file),
        cmocka_unit_test(test_a_file_of_holes),
        cmocka_unit_test(test_a_file_that_cannot_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
