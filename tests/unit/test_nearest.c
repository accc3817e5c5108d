#include "base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_distances(void **state)
{
    (void)state;
    assert_int_equal(0, nearest_distance("", ""));
    assert_int_equal(3, nearest_distance("", "abc"));
    assert_int_equal(3, nearest_distance("abc", ""));
    assert_int_equal(0, nearest_distance("udp", "udp"));
    assert_int_equal(1, nearest_distance("upd", "up"));
    assert_int_equal(1, nearest_distance("udp", "upd"));
    assert_int_equal(1, nearest_distance("ab", "ba"));
    assert_int_equal(2, nearest_distance("abcd", "badc"));
    assert_int_equal(3, nearest_distance("ca", "abc")); /* each byte is moved once at most */
    assert_int_equal(3, nearest_distance("kitten", "sitting"));
    assert_int_equal(3, nearest_distance("sitting", "kitten"));
}

static void test_the_nearest_word(void **state)
{
    (void)state;
    static const char *const words[] = {"send", "get", "watch", "progress", "h", NULL};
    assert_string_equal("get", nearest_word("gte", words));
    assert_string_equal("send", nearest_word("sent", words));
    assert_string_equal("progress", nearest_word("progess", words));
    assert_string_equal("progress", nearest_word("progress", words));
    assert_null(nearest_word("list", words));
    assert_null(nearest_word("put", words)); /* "get" is two of three away */
    assert_null(nearest_word("", words));
    assert_null(nearest_word("x", words)); /* not "h" */
}

/* The longest words that can be compared, and one more byte. */
static void test_long_words(void **state)
{
    (void)state;
    char longest[NEAREST_LENGTH + 1];
    char longer[NEAREST_LENGTH + 2];
    memset(longest, 'a', sizeof longest);
    memset(longer, 'a', sizeof longer);
    longest[NEAREST_LENGTH] = longer[NEAREST_LENGTH + 1] = '\0';
    const char *const words[] = {longest, NULL};
    assert_ptr_equal(longest, nearest_word(longest, words));
    assert_int_equal(1, nearest_distance(longer, longest));
    assert_null(nearest_word(longer, words));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distances),
        cmocka_unit_test(test_the_nearest_word),
        cmocka_unit_test(test_long_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
