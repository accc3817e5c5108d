#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/stats_query.h"
#include "render/json_stats.h"

static const char *parse(const char *text, StatsQuery *out)
{
    memset(out, 0x5a, sizeof *out);
    return stats_query_parse((UriPart){.data = text, .length = strlen(text)}, out);
}

static StatsQuery expect_good(const char *text)
{
    StatsQuery query;
    assert_null(parse(text, &query));
    return query;
}

static void test_nothing_means_everything(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "&&",
                                        "name=",
                                        "type=",
                                        "type=,,",
                                        "other=1&name",
                                        "=&nme_of=a&time=1",
                                        "page=2&pre=1&namespace_of_series=x"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        StatsQuery query = expect_good(texts[i]);
        assert_int_equal(JSON_STATS_ALL_KINDS, query.kinds);
        assert_int_equal(0, query.glob_length);
        assert_false(query.pretty);
    }
}

static void test_each_section_has_its_bit(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < SERIES_KINDS; kind++) {
        char text[64];
        snprintf(text, sizeof text, "type=%s", series_kind_section((SeriesKind)kind));
        assert_int_equal(1U << kind, expect_good(text).kinds);
    }
}

static void test_types_add_up(void **state)
{
    (void)state;
    unsigned both = 1U << SERIES_STATS | 1U << SERIES_FLAG;
    assert_int_equal(both, expect_good("type=stats,flags").kinds);
    assert_int_equal(both, expect_good("type=flags%2Cstats,").kinds);
    assert_int_equal(both, expect_good("type=stats&type=flags").kinds);
    assert_int_equal(both, expect_good("type=s%74ats&x=y&type=flags,flags").kinds);
}

static void test_pretty(void **state)
{
    (void)state;
    assert_true(expect_good("pretty").pretty);
    assert_true(expect_good("pretty=").pretty);
    assert_true(expect_good("pretty=1").pretty);
    assert_true(expect_good("pretty=true").pretty);
    assert_false(expect_good("pretty=0").pretty);
    assert_false(expect_good("pretty=false").pretty);
    assert_false(expect_good("pretty&pretty=0").pretty);
}

static void expect_glob(const char *text, const char *glob)
{
    StatsQuery query = expect_good(text);
    assert_int_equal(strlen(glob), query.glob_length);
    assert_memory_equal(glob, query.glob, query.glob_length);
}

static void test_names_are_decoded(void **state)
{
    (void)state;
    expect_glob("name=api.*", "api.*");
    expect_glob("name=a+b%2Bc%7C%23d", "a b+c|#d");
    expect_glob("name=first&name=last", "last");
    expect_glob("name=a=b", "a=b");
}

static void expect_bad(const char *text, const char *word)
{
    StatsQuery query;
    const char *wrong = parse(text, &query);
    assert_non_null(wrong);
    assert_non_null(strstr(wrong, word));
}

static void test_refusals_say_why(void **state)
{
    (void)state;
    expect_bad("type=nonsense", "stats, counters, gauges, sets, flags, progress");
    expect_bad("type=stats,Stats", "unknown type");
    expect_bad("type=stat", "unknown type");
    expect_bad("type=%zz", "percent-escape");
    expect_bad("name=%zz", "percent-escape");
    expect_bad("name=%00", "percent-escape");
    expect_bad("nam=a", "did you mean name=GLOB?");
    expect_bad("Name=a", "did you mean name=GLOB?");
    expect_bad("type=stats&types=sets", "did you mean type=stats,counters,…?");
    expect_bad("prety", "did you mean pretty?");
    expect_bad("prittey=1", "did you mean pretty?");
}

static void test_long_values(void **state)
{
    (void)state;
    char text[5 + STATS_QUERY_GLOB_MAX + 2];
    memset(text, 'x', sizeof text);
    memcpy(text, "name=", 5);
    text[5 + STATS_QUERY_GLOB_MAX] = '\0';
    assert_int_equal(STATS_QUERY_GLOB_MAX, expect_good(text).glob_length);
    text[5 + STATS_QUERY_GLOB_MAX] = 'x';
    text[5 + STATS_QUERY_GLOB_MAX + 1] = '\0';
    expect_bad(text, "longer");
    memcpy(text, "type=", 5);
    expect_bad(text, "unknown type");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_means_everything),
        cmocka_unit_test(test_each_section_has_its_bit),
        cmocka_unit_test(test_types_add_up),
        cmocka_unit_test(test_pretty),
        cmocka_unit_test(test_names_are_decoded),
        cmocka_unit_test(test_refusals_say_why),
        cmocka_unit_test(test_long_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
