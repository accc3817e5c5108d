#include "metrics/pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect_zeroed_and_writable(unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i += 4096) {
        assert_int_equal(0, bytes[i]);
        bytes[i] = 0xA5;
    }
    assert_int_equal(0, bytes[length - 1] & ~0xA5);
    bytes[length - 1] = 1;
}

/* Sizes around a page, around the size from which huge pages are asked for, and a large one. */
static void test_maps_zeroed_memory(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 4096, 4097, PAGES_HUGE_FROM - 1, PAGES_HUGE_FROM, 50000001};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *bytes = pages_map(sizes[i]);
        assert_non_null(bytes);
        assert_int_equal(0, (uintptr_t)bytes % 4096);
        if (sizes[i] >= PAGES_HUGE_FROM)
            assert_int_equal(0, (uintptr_t)bytes % PAGES_HUGE);
        expect_zeroed_and_writable(bytes, sizes[i]);
        pages_unmap(bytes, sizes[i]);
    }
    pages_unmap(NULL, 5);
}

static void test_reserves_aligned_and_commits_in_parts(void **state)
{
    (void)state;
    const size_t size = 64 * PAGES_HUGE;
    char *bytes = pages_reserve(size);
    assert_non_null(bytes);
    assert_int_equal(0, (uintptr_t)bytes % PAGES_HUGE);
    assert_int_equal(0, pages_commit(bytes, 4096));
    assert_int_equal(0, pages_commit(bytes + size - PAGES_HUGE, PAGES_HUGE));
    pages_prefer_huge(bytes + size - PAGES_HUGE, PAGES_HUGE);
    memset(bytes, 1, 4096);
    memset(bytes + size - PAGES_HUGE, 1, PAGES_HUGE);
    pages_unmap(bytes, size);
}

static void test_says_when_there_is_none(void **state)
{
    (void)state;
    assert_null(pages_reserve(SIZE_MAX));
    assert_null(pages_reserve(SIZE_MAX - PAGES_HUGE));
    assert_null(pages_map(SIZE_MAX));
    assert_null(pages_map((size_t)1 << 60));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_maps_zeroed_memory),
        cmocka_unit_test(test_reserves_aligned_and_commits_in_parts),
        cmocka_unit_test(test_says_when_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
