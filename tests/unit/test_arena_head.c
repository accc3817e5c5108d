#include "metrics/arena_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_names_and_back(void **state)
{
    (void)state;
    static const struct {
        uint64_t generation;
        uint32_t number;
        const char *name;
    } rows[] = {
        {0, 0, "arena.0.0"},
        {1, 12, "arena.1.12"},
        {UINT64_MAX, UINT32_MAX, "arena.18446744073709551615.4294967295"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[ARENA_NAME_SIZE];
        uint64_t generation;
        uint32_t number;
        assert_string_equal(rows[i].name, arena_name(rows[i].generation, rows[i].number, name));
        assert_true(arena_name_read(rows[i].name, &generation, &number));
        assert_true(rows[i].generation == generation);
        assert_int_equal(rows[i].number, number);
    }
}

static void test_what_is_no_name(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "arena",
        "arena.",
        "arena.1",
        "arena.1.",
        "arena..1",
        "arena.1.2.3",
        "arena.1.2 ",
        "arena. 1.2",
        "arena.+1.2",
        "arena.-1.0",
        "arena.01.2",
        "arena.1.02",
        "arena.1.x",
        "arena.0x1.2",
        "Arena.1.2",
        "arena.18446744073709551616.0",
        "arena.1.4294967296",
        "arena.1.99999999999999999999999999999999999999999999999999999999999999",
        "checkpoint",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint64_t generation;
        uint32_t number;
        if (arena_name_read(names[i], &generation, &number))
            fail_msg("\"%s\" is taken for a name", names[i]);
    }
}

/* Each field of a birth, and each bit of it, is in its hash. */
static void test_a_birth_has_one_hash(void **state)
{
    (void)state;
    ArenaBirth birth;
    memset(&birth, 0, sizeof birth);
    birth.magic = ARENA_MAGIC;
    const uint64_t hash = arena_birth_hash(&birth);
    assert_true(hash == arena_birth_hash(&birth));
    for (size_t bit = 0; bit < 8 * sizeof birth; bit++) {
        ArenaBirth other = birth;
        ((unsigned char *)&other)[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_true(hash != arena_birth_hash(&other));
    }
}

static void test_the_magic_number_can_be_read(void **state)
{
    (void)state;
    const uint64_t magic = ARENA_MAGIC;
    assert_memory_equal("ATSAREN1", &magic, sizeof magic);
}

static void test_the_boot_and_the_layout_stay_the_same(void **state)
{
    (void)state;
    uint8_t first[16];
    uint8_t second[16];
    memset(first, 0xa5, sizeof first);
    memset(second, 0x5a, sizeof second);
    assert_int_equal(0, arena_boot_id(first));
    assert_int_equal(0, arena_boot_id(second));
    assert_memory_equal(first, second, sizeof first);
    assert_int_not_equal(0, arena_layout());
    assert_int_equal(arena_layout(), arena_layout());
}

static void test_numbers_and_back(void **state)
{
    (void)state;
    assert_int_equal(0, arena_number(0)); /* what zeroed memory says */
    for (uint32_t number = 0; number <= ARENA_NUMBER_MAX; number++) {
        uint32_t word = arena_number(number);
        assert_int_equal(number, arena_number_read(word));
        for (int bit = 0; bit < 32; bit++)
            assert_int_equal(UINT32_MAX, arena_number_read(word ^ UINT32_C(1) << bit));
    }
    assert_int_equal(UINT32_MAX, arena_number_read(arena_number(ARENA_NUMBER_MAX + 1)));
    assert_int_equal(UINT32_MAX, arena_number_read(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_back),
        cmocka_unit_test(test_what_is_no_name),
        cmocka_unit_test(test_numbers_and_back),
        cmocka_unit_test(test_a_birth_has_one_hash),
        cmocka_unit_test(test_the_magic_number_can_be_read),
        cmocka_unit_test(test_the_boot_and_the_layout_stay_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
