#include "metrics/blocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed = 88172645463325252;

static bool is_all(const unsigned char *memory, size_t bytes, unsigned char value)
{
    for (size_t i = 0; i < bytes; i++) {
        if (memory[i] != value)
            return false;
    }
    return true;
}

static void test_memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    static const size_t units[] = {8, 32, 64, 4096};
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        Arena arena;
        Blocks blocks;
        assert_int_equal(0, arena_init(&arena, (size_t)64 << 20));
        assert_non_null(arena_alloc(&arena, 1, 1)); /* so that nothing is aligned by luck */
        blocks_init(&blocks, &arena, units[u]);
        for (int round = 0; round < 2; round++) { /* fresh ones, then used ones */
            for (size_t bytes = 1; bytes <= BLOCKS_SIZES * units[u]; bytes += 1 + bytes / 3) {
                unsigned char *block = blocks_take(&blocks, bytes);
                assert_non_null(block);
                assert_int_equal(0, (uintptr_t)block % units[u]);
                assert_true(is_all(block, bytes, 0));
                memset(block, 0xA5, bytes);
                blocks_give(&blocks, block, bytes);
            }
        }
        arena_fini(&arena);
    }
}

static void test_the_largest_and_none(void **state)
{
    (void)state;
    Arena arena;
    Blocks blocks;
    assert_int_equal(0, arena_init(&arena, (size_t)1 << 20));
    blocks_init(&blocks, &arena, 8);
    const size_t largest = (size_t)BLOCKS_SIZES * 8;
    static const size_t refused[] = {0, SIZE_MAX, SIZE_MAX - 6, SIZE_MAX - 7, SIZE_MAX - 8};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_null(blocks_take(&blocks, refused[i]));
    assert_null(blocks_take(&blocks, largest + 1));
    assert_int_equal(0, arena.used);
    void *block = blocks_take(&blocks, largest);
    assert_non_null(block);
    assert_int_equal(largest, arena.used);
    blocks_give(&blocks, block, largest);
    assert_ptr_equal(block, blocks_take(&blocks, largest - 7));
    blocks_give(&blocks, NULL, 8);
    assert_int_equal(0, blocks.free_bytes);
    arena_fini(&arena);
}

/* What is rounded to the same number of units has the same list; the latest goes first. */
static void test_a_block_is_taken_again_for_its_size(void **state)
{
    (void)state;
    Arena arena;
    Blocks blocks;
    assert_int_equal(0, arena_init(&arena, (size_t)1 << 20));
    blocks_init(&blocks, &arena, 32);
    void *first = blocks_take(&blocks, 33);
    void *second = blocks_take(&blocks, 64);
    void *other = blocks_take(&blocks, 65);
    size_t used = arena.used;
    assert_int_equal(64 + 64 + 96, used);
    blocks_give(&blocks, first, 33);
    assert_int_equal(64, blocks.free_bytes);
    blocks_give(&blocks, second, 64);
    blocks_give(&blocks, other, 65);
    assert_int_equal(used, blocks.free_bytes);

    void *small = blocks_take(&blocks, 32); /* nothing of its size has come back */
    assert_int_equal(used + 32, arena.used);
    assert_true(small != first && small != second && small != other);
    used = arena.used;
    assert_ptr_equal(second, blocks_take(&blocks, 40));
    assert_ptr_equal(other, blocks_take(&blocks, 96));
    assert_ptr_equal(first, blocks_take(&blocks, 64));
    assert_int_equal(0, blocks.free_bytes);
    assert_int_equal(used, arena.used);
    arena_fini(&arena);
}

/* Sizes are few, and none is much more than what was asked for. */
static void test_sizes(void **state)
{
    (void)state;
    Arena arena;
    Blocks blocks;
    size_t sizes = 0;
    assert_int_equal(0, arena_init(&arena, (size_t)1 << 20));
    blocks_init(&blocks, &arena, 8);
    for (size_t bytes = 1; bytes <= (size_t)BLOCKS_SIZES * 8; bytes++) {
        size_t used = arena.used;
        void *block = blocks_take(&blocks, bytes);
        assert_non_null(block);
        blocks_give(&blocks, block, bytes);
        size_t size = arena.used - used; /* 0: the one of a byte less will do */
        sizes += size > 0;
        assert_true(size == 0 || size < bytes + 8 + bytes / 4);
    }
    assert_in_range(sizes, 8, 8 + 4 * 5);
    assert_int_equal(arena.used, blocks.free_bytes);
    arena_fini(&arena);
}

static void test_a_full_arena(void **state)
{
    (void)state;
    Arena arena;
    Blocks blocks;
    assert_int_equal(0, arena_init(&arena, (size_t)2 << 20));
    blocks_init(&blocks, &arena, 4096);
    void *last = NULL;
    size_t count = 0;
    for (void *block; (block = blocks_take(&blocks, 4096)) != NULL; count++)
        last = block;
    assert_int_equal(((size_t)2 << 20) / 4096, count);
    blocks_give(&blocks, last, 4096);
    assert_null(blocks_take(&blocks, 4097));
    assert_ptr_equal(last, blocks_take(&blocks, 4096));
    assert_null(blocks_take(&blocks, 1));
    arena_fini(&arena);
}

/* ---- against a model: what is held, and what was written into it ---- */

enum {
    HELD = 300,
    STEPS = 200000
};

typedef struct {
    unsigned char *memory;
    size_t bytes;
    Blocks *of;
    unsigned char value;
} Held;

static uint32_t random_below(uint64_t *rng, uint32_t end)
{
    *rng ^= *rng << 13, *rng ^= *rng >> 7, *rng ^= *rng << 17;
    return (uint32_t)((*rng >> 32) * end >> 32);
}

static void model_take(Held *held, Blocks *of, uint64_t *rng)
{
    uint32_t most = of->unit == 8 ? 200 : 160;
    *held = (Held){NULL, 1 + random_below(rng, most), of, (unsigned char)random_below(rng, 256)};
    held->memory = blocks_take(of, held->bytes);
    assert_non_null(held->memory);
    assert_int_equal(0, (uintptr_t)held->memory % of->unit);
    assert_true(is_all(held->memory, held->bytes, 0));
    memset(held->memory, held->value, held->bytes);
}

/* Two kinds of blocks in one arena: nothing overlaps, and the arena stops growing. */
static void test_random_against_a_model(void **state)
{
    (void)state;
    Arena arena;
    Blocks kinds[2];
    static Held held[HELD];
    uint64_t rng = seed;
    size_t halfway = 0;
    assert_int_equal(0, arena_init(&arena, (size_t)64 << 20));
    blocks_init(&kinds[0], &arena, 8);
    blocks_init(&kinds[1], &arena, 32);
    for (uint32_t step = 0; step < STEPS; step++) {
        Held *one = &held[random_below(&rng, HELD)];
        if (one->memory == NULL) {
            model_take(one, &kinds[random_below(&rng, 2)], &rng);
        } else {
            assert_true(is_all(one->memory, one->bytes, one->value));
            blocks_give(one->of, one->memory, one->bytes);
            one->memory = NULL;
        }
        if (step == STEPS / 2)
            halfway = arena.used;
    }
    print_message("# %zu bytes halfway, %zu at the end\n", halfway, arena.used);
    /* Chance has it that once more are held of one size than ever before. */
    assert_in_range(arena.used, halfway, halfway + halfway / 8);
    size_t free_bytes = kinds[0].free_bytes + kinds[1].free_bytes;
    size_t held_bytes = 0;
    for (size_t i = 0; i < HELD; i++) {
        if (held[i].memory == NULL)
            continue;
        assert_true(is_all(held[i].memory, held[i].bytes, held[i].value));
        held_bytes += held[i].bytes;
    }
    /* The rest was lost to sizes and alignment. */
    assert_in_range(held_bytes + free_bytes, arena.used * 3 / 4, arena.used);
    arena_fini(&arena);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0) | 1;
    print_message("# seed %llu (first argument)\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_zeroed_and_aligned),
        cmocka_unit_test(test_the_largest_and_none),
        cmocka_unit_test(test_a_block_is_taken_again_for_its_size),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_a_full_arena),
        cmocka_unit_test(test_random_against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
