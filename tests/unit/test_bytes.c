#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    LONGEST = 70
};

/* Copies that end where their memory ends, so that a sanitizer sees a byte too many. */
static char *copy_of(const char *bytes, size_t length)
{
    char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    return copy;
}

static void test_each_bit_of_each_byte_counts(void **state)
{
    (void)state;
    char bytes[LONGEST];
    for (size_t i = 0; i < LONGEST; i++)
        bytes[i] = (char)(i * 37 + 11);
    for (size_t length = 0; length <= LONGEST; length++) {
        char *a = copy_of(bytes, length);
        char *b = copy_of(bytes, length);
        assert_true(bytes_equal(a, b, length));
        for (size_t bit = 0; bit < 8 * length; bit++) {
            b[bit / 8] = (char)(b[bit / 8] ^ 1 << bit % 8);
            assert_false(bytes_equal(a, b, length));
            b[bit / 8] = a[bit / 8];
        }
        free(b);
        free(a);
    }
}

static void test_what_lies_behind_does_not_count(void **state)
{
    (void)state;
    char a[LONGEST + 1] = {0};
    char b[LONGEST + 1] = {0};
    for (size_t length = 0; length < LONGEST; length++) {
        b[length] = 1;
        assert_true(bytes_equal(a, b, length));
        assert_false(bytes_equal(a, b, length + 1));
        b[length] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_bit_of_each_byte_counts),
        cmocka_unit_test(test_what_lies_behind_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
