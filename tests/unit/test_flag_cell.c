#include "metrics/flag_cell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_zeroed_memory_is_not_set(void **state)
{
    (void)state;
    FlagCell cell;
    memset(&cell, 0, sizeof cell);
    for (int poison = 0; poison <= 1; poison++) {
        bool value = poison;
        assert_false(flag_cell_get(&cell, &value));
        assert_int_equal(poison, value);
    }
}

static void test_the_last_value_wins(void **state)
{
    (void)state;
    static const bool values[] = {false, false, true, true, false, true};
    FlagCell cell;
    memset(&cell, 0, sizeof cell);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        flag_cell_set(&cell, values[i]);
        bool value = !values[i];
        assert_true(flag_cell_get(&cell, &value));
        assert_int_equal(values[i], value);
    }
}

/* Set to false is known to be false. */
static void test_false_is_a_value(void **state)
{
    (void)state;
    FlagCell cell;
    memset(&cell, 0, sizeof cell);
    flag_cell_set(&cell, false);
    bool value = true;
    assert_true(flag_cell_get(&cell, &value));
    assert_false(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_memory_is_not_set),
        cmocka_unit_test(test_the_last_value_wins),
        cmocka_unit_test(test_false_is_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
