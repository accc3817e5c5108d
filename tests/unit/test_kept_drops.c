#include "ingest/kept_drops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint64_t drops_of(const KeptDrops *kept)
{
    uint64_t drops;
    assert_true(kept_drops_read(kept, (uintptr_t)kept, &drops));
    return drops;
}

static void test_the_highest_stays(void **state)
{
    (void)state;
    static const uint64_t notes[][2] = {{0, 0},
                                        {1, 1},
                                        {1, 1},
                                        {7, 7},
                                        {3, 7},
                                        {UINT32_MAX, UINT32_MAX},
                                        {UINT64_C(1) << 39, UINT64_C(1) << 39}};
    KeptDrops kept = 0;
    kept_drops_begin(&kept);
    assert_int_equal(0, drops_of(&kept));
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        kept_drops_note(&kept, notes[i][0]);
        assert_int_equal(notes[i][1], drops_of(&kept));
    }
}

static void test_more_than_it_holds(void **state)
{
    (void)state;
    KeptDrops kept = 0;
    kept_drops_begin(&kept);
    kept_drops_note(&kept, KEPT_DROPS_MAX + 1);
    assert_int_equal(KEPT_DROPS_MAX, drops_of(&kept));
    kept_drops_note(&kept, UINT64_MAX);
    assert_int_equal(KEPT_DROPS_MAX, drops_of(&kept));
}

static void test_each_bit_is_guarded(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {0, 1, 1000000, KEPT_DROPS_MAX};
    uint64_t drops;
    KeptDrops zero = 0;
    assert_false(kept_drops_read(&zero, (uintptr_t)&zero, &drops));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        KeptDrops kept = 0;
        kept_drops_begin(&kept);
        kept_drops_note(&kept, numbers[i]);
        assert_false(kept_drops_read(&kept, (uintptr_t)&kept + 8, &drops));
        for (int bit = 0; bit < 64; bit++) {
            /* relaxed: one thread. */
            KeptDrops bent = atomic_load_explicit(&kept, memory_order_relaxed) ^ UINT64_C(1) << bit;
            assert_false(kept_drops_read(&bent, (uintptr_t)&kept, &drops));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_highest_stays),
        cmocka_unit_test(test_more_than_it_holds),
        cmocka_unit_test(test_each_bit_is_guarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
