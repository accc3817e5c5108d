#include "metrics/intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_reason_names(void **state)
{
    (void)state;
    static const struct {
        RejectReason reason;
        const char *name;
    } expected[] = {
        {REJECT_BAD_NAME, "bad_name"},     {REJECT_BAD_VALUE, "bad_value"},
        {REJECT_BAD_TYPE, "bad_type"},     {REJECT_BAD_RATE, "bad_rate"},
        {REJECT_BAD_TAGS, "bad_tags"},     {REJECT_TOO_LONG, "too_long"},
        {REJECT_OVER_LIMIT, "over_limit"},
    };
    assert_int_equal(REJECT_REASONS, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_string_equal(expected[i].name, reject_reason_name(expected[i].reason));
}

static void test_rejected_total_is_the_sum_of_all_reasons(void **state)
{
    (void)state;
    IntakeCounts counts;
    memset(&counts, 0, sizeof counts);
    assert_true(0 == intake_rejected_total(&counts));
    uint64_t expected = 0;
    for (unsigned i = 0; i < REJECT_REASONS; i++) {
        counts.rejected[i] = UINT64_C(1) << (5 * i + 10);
        expected += counts.rejected[i];
    }
    counts.ignored = counts.lines = counts.values = counts.dropped_kernel = 77;
    assert_true(expected == intake_rejected_total(&counts));
}

/* Every field, seen as one array of 64-bit words: a field that is added later and forgotten in
 * intake_add() fails here. */
static void test_add_adds_every_field(void **state)
{
    (void)state;
    enum {
        WORDS = sizeof(IntakeCounts) / sizeof(uint64_t)
    };
    uint64_t total_words[WORDS];
    uint64_t part_words[WORDS];
    for (uint64_t i = 0; i < WORDS; i++) {
        total_words[i] = (i + 1) << 40;
        part_words[i] = i + 3;
    }
    IntakeCounts total;
    IntakeCounts part;
    memcpy(&total, total_words, sizeof total);
    memcpy(&part, part_words, sizeof part);
    intake_add(&total, &part);
    memcpy(total_words, &total, sizeof total);
    for (uint64_t i = 0; i < WORDS; i++)
        assert_true((((i + 1) << 40) | (i + 3)) == total_words[i]);
    assert_memory_equal(part_words, &part, sizeof part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reason_names),
        cmocka_unit_test(test_rejected_total_is_the_sum_of_all_reasons),
        cmocka_unit_test(test_add_adds_every_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
