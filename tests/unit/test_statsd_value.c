#include "ingest/statsd_value.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture_line.h"

static void test_numbers(void **state)
{
    (void)state;
    static const LineCase cases[] = {
        LINE("a:0", "stats a = 0"),
        LINE("a:-0", "stats a = -0"),
        LINE("a:+7", "stats a = 7"),
        LINE("a:007", "stats a = 7"),
        LINE("a:1.", "stats a = 1"),
        LINE("a:.5", "stats a = 0.5"),
        LINE("a:-.5e1", "stats a = -5"),
        LINE("a:1E+3", "stats a = 1000"),
        LINE("a:1e-400", "stats a = 0"),
        LINE("a:5e-324", "stats a = 4.9406564584124654e-324"),
        LINE("a:1.7976931348623157e308", "stats a = 1.7976931348623157e+308"),
        LINE("a:1e309", "bad_value"),
        LINE("a:-1e309", "bad_value"),
        LINE("a:", "bad_value"),
        LINE("a:.", "bad_value"),
        LINE("a:+", "bad_value"),
        LINE("a:-", "bad_value"),
        LINE("a:+-1", "bad_value"),
        LINE("a:1e", "bad_value"),
        LINE("a:1e+", "bad_value"),
        LINE("a:e5", "bad_value"),
        LINE("a:1.2.3", "bad_value"),
        LINE("a:1,5", "bad_value"),
        LINE("a:0x10", "bad_value"),
        LINE("a:nan", "bad_value"),
        LINE("a:inf", "bad_value"),
        LINE("a:-Infinity", "bad_value"),
        LINE("a: 1", "bad_value"),
        LINE("a:1 ", "bad_value"),
        LINE("a:1\0", "bad_value"),
        LINE("a:1ms", "bad_value"),
        LINE("a:true", "bad_value"),
        LINE("a:5/10", "bad_value"),
    };
    LINE_EXPECT_ALL(cases);
    LINE_EXPECT_ALL_WITH(cases, "|ms");
}

static void test_counters_are_exact(void **state)
{
    (void)state;
    static const LineCase cases[] = {
        LINE("a:9223372036854775807|c", "counter a = 9223372036854775807"),
        LINE("a:-9223372036854775808|c", "counter a = -9223372036854775808"),
        LINE("a:+9007199254740993|c", "counter a = 9007199254740993"),
        LINE("a:9223372036854775808|c", "counter a = ~9.2233720368547758e+18"),
        LINE("a:-9223372036854775809|c", "counter a = ~-9.2233720368547758e+18"),
        LINE("a:1e3|c", "counter a = 1000"),
        LINE("a:5.000|c", "counter a = 5"),
        LINE("a:-0|c", "counter a = 0"),
        LINE("a:0.1|c", "counter a = ~0.10000000000000001"),
        LINE("a:1e300|c", "counter a = ~1.0000000000000001e+300"),
        LINE("a:1.00000000000000000001|c", "counter a = ~1"),
        LINE("a:|c", "bad_value"),
        LINE("a:x|c", "bad_value"),
        LINE("a:1e309|c", "bad_value"),
    };
    LINE_EXPECT_ALL(cases);
}

static void test_gauges(void **state)
{
    (void)state;
    static const LineCase cases[] = {
        LINE("a:5|g", "gauge a = 5"),      LINE("a:+5|g", "gauge a = by 5"),
        LINE("a:-5|g", "gauge a = by -5"), LINE("a:-0|g", "gauge a = by -0"),
        LINE("a:.5|g", "gauge a = 0.5"),   LINE("a:-.5e1|g", "gauge a = by -5"),
        LINE("a:--5|g", "bad_value"),      LINE("a:- 5|g", "bad_value"),
        LINE("a:|g", "bad_value"),         LINE("a:5:+1:-2:7|g", "gauge a = 5 by 1 by -2 7"),
        LINE("a:1e309|g", "bad_value"),
    };
    LINE_EXPECT_ALL(cases);
}

static void test_packed(void **state)
{
    (void)state;
    static const LineCase cases[] = {
        LINE("a:1:2:3", "stats a = 1 2 3"),
        LINE("a:1:2.5:-3|ms|#x", "stats a|#x = 1 2.5 -3"),
        LINE("a:1:2|h", "stats a = 1 2"),
        LINE("a:1:2|d", "stats a = 1 2"),
        LINE("a:1:0.5:-3|c", "counter a = 1 ~0.5 -3"),
        LINE("a:1:2|c|@0.5", "counter a = ~2 ~4"),
        LINE("a:1:|ms", "bad_value"),
        LINE("a::1|ms", "bad_value"),
        LINE("a:1::2|ms", "bad_value"),
        LINE("a::|ms", "bad_value"),
        LINE("a:1:x|c", "bad_value"),
        LINE("a:1:2:1e309|ms", "bad_value"),
        LINE("a:1:2|s", "set a = \"1:2\""),
        LINE("a:1:0|f", "bad_value"),
        LINE("a:1:2|p", "bad_value"),
    };
    LINE_EXPECT_ALL(cases);
}

static void test_sets(void **state)
{
    (void)state;
    static const LineCase cases[] = {
        LINE("a:anna|s", "set a = \"anna\""),
        LINE("a: x |s", "set a = \" x \""),
        LINE("a::|s", "set a = \":\""),
        LINE("a::::x|s", "set a = \":::x\""),
        LINE("a:\x01\xff|s", "set a = \"\x01\xff\""),
        LINE("a:b\r|s", "set a = \"b\r\""),
        LINE("a:#x@y|s", "set a = \"#x@y\""),
        LINE("a:|s", "bad_value"),
        LINE("a:|s|#x", "bad_value"),
    };
    LINE_EXPECT_ALL(cases);
    ParsedLine parsed; /* a zero byte is one like the others */
    line_parse(&parsed, "a:\0b\0|s", 7);
    assert_int_equal(STATSD_SAMPLE, parsed.verdict);
    assert_int_equal(3, parsed.line.values[0].integer);
    assert_ptr_equal(parsed.bytes + 2, parsed.line.values[0].as.text);
    line_free(&parsed);
}

static void test_flags(void **state)
{
    (void)state;
    static const LineCase cases[] = {
        LINE("a:1|f", "flag a = 1"),     LINE("a:0|f", "flag a = 0"),
        LINE("a:true|f", "flag a = 1"),  LINE("a:false|f", "flag a = 0"),
        LINE("a:|f", "bad_value"),       LINE("a:2|f", "bad_value"),
        LINE("a:01|f", "bad_value"),     LINE("a:1.0|f", "bad_value"),
        LINE("a:+1|f", "bad_value"),     LINE("a:True|f", "bad_value"),
        LINE("a:TRUE|f", "bad_value"),   LINE("a:tru|f", "bad_value"),
        LINE("a:truee|f", "bad_value"),  LINE("a: true|f", "bad_value"),
        LINE("a:true\0|f", "bad_value"), LINE("a:on|f", "bad_value"),
    };
    LINE_EXPECT_ALL(cases);
}

static void test_progress(void **state)
{
    (void)state;
    static const LineCase cases[] = {
        LINE("a:5|p", "progress a = done 5"),
        LINE("a:0|p", "progress a = done 0"),
        LINE("a:007|p", "progress a = done 7"),
        LINE("a:+5|p", "progress a = more 5"),
        LINE("a:+0|p", "progress a = more 0"),
        LINE("a:/10|p", "progress a = total 10"),
        LINE("a:/0|p", "progress a = total 0"),
        LINE("a:5/10|p", "progress a = done 5 total 10"),
        LINE("a:11/10|p", "progress a = done 11 total 10"),
        LINE("a:9223372036854775807|p", "progress a = done 9223372036854775807"),
        LINE("a:+9223372036854775807|p", "progress a = more 9223372036854775807"),
        LINE("a:1/9223372036854775807|p", "progress a = done 1 total 9223372036854775807"),
        LINE("a:00000000000000000000000000000000005|p", "progress a = done 5"),
        LINE("a:9223372036854775808|p", "bad_value"),
        LINE("a:18446744073709551617|p", "bad_value"),
        LINE("a:/9223372036854775808|p", "bad_value"),
        LINE("a:1/9223372036854775808|p", "bad_value"),
        LINE("a:99999999999999999999999|p", "bad_value"),
        LINE("a:|p", "bad_value"),
        LINE("a:+|p", "bad_value"),
        LINE("a:/|p", "bad_value"),
        LINE("a:5/|p", "bad_value"),
        LINE("a:-5|p", "bad_value"),
        LINE("a:++5|p", "bad_value"),
        LINE("a:+5/10|p", "bad_value"),
        LINE("a:5/+10|p", "bad_value"),
        LINE("a:5/-10|p", "bad_value"),
        LINE("a:5//10|p", "bad_value"),
        LINE("a:5/10/|p", "bad_value"),
        LINE("a:1.0|p", "bad_value"),
        LINE("a:1e3|p", "bad_value"),
        LINE("a: 5|p", "bad_value"),
        LINE("a:5\0|p", "bad_value"),
    };
    LINE_EXPECT_ALL(cases);
}

static void test_rates(void **state)
{
    (void)state;
    static const LineCase cases[] = {
        LINE("a:3|ms|@1", "stats a = 3"),
        LINE("a:3|ms|@+1", "stats a = 3"),
        LINE("a:3|ms|@1.000", "stats a = 3"),
        LINE("a:3|ms|@1e0", "stats a = 3"),
        LINE("a:3|ms|@0.1", "stats a = 3 x 10"),
        LINE("a:3|ms|@.1", "stats a = 3 x 10"),
        LINE("a:3|ms|@1e-1", "stats a = 3 x 10"),
        LINE("a:3:4|ms|@0.5", "stats a = 3 4 x 2"),
        LINE("a:3|ms|@0.3", "stats a = 3 x 3.3333333333333335"),
        LINE("a:3|ms|@1e-300", "stats a = 3 x 9.999999999999999e+299"),
        LINE("a:3|c|@1", "counter a = 3"),
        LINE("a:3|c|@0.1", "counter a = ~30"),
        LINE("a:-3:4|c|@0.5", "counter a = ~-6 ~8"),
        LINE("a:1|c|@0.3", "counter a = ~3.3333333333333335"),
        /* Checked, and without effect. */
        LINE("a:3|g|@0.1", "gauge a = 3"),
        LINE("a:3|s|@0.1", "set a = \"3\""),
        LINE("a:1|f|@0.1", "flag a = 1"),
        LINE("a:3|p|@0.1", "progress a = done 3"),
        LINE("a:3|g|@0", "bad_rate"),
        LINE("a:3|s|@2", "bad_rate"),
        LINE("a:1|f|@x", "bad_rate"),
        LINE("a:3|p|@", "bad_rate"),
        LINE("a:3|ms|@", "bad_rate"),
        LINE("a:3|ms|@0", "bad_rate"),
        LINE("a:3|ms|@-0", "bad_rate"),
        LINE("a:3|ms|@-1", "bad_rate"),
        LINE("a:3|ms|@-0.5", "bad_rate"),
        LINE("a:3|ms|@1.0000001", "bad_rate"),
        LINE("a:3|ms|@2", "bad_rate"),
        LINE("a:3|ms|@1e400", "bad_rate"),
        LINE("a:3|ms|@1e-320", "bad_rate"), /* its inverse overflows */
        LINE("a:3|ms|@1e-400", "bad_rate"),
        LINE("a:3|ms|@nan", "bad_rate"),
        LINE("a:3|ms|@inf", "bad_rate"),
        LINE("a:3|ms|@0x1p-1", "bad_rate"),
        LINE("a:3|ms|@0,5", "bad_rate"),
        LINE("a:3|ms|@ 0.5", "bad_rate"),
        LINE("a:3|ms|@0.5 ", "bad_rate"),
        LINE("a:3|ms|@0.5\0", "bad_rate"),
        LINE("a:3|ms|@@0.5", "bad_rate"),
        /* What the rate makes of the value must be finite. */
        LINE("a:1e308|ms|@0.01", "bad_value"),
        LINE("a:-1e308|c|@0.01", "bad_value"),
        LINE("a:1:1e308|c|@0.01", "bad_value"),
        LINE("a:1e308|g|@0.01", "gauge a = 1e+308"),
        /* VALUE/RATE is just finite, but VALUE times the weight 1/RATE is not. */
        LINE("a:1.6179238213760842e308|ms|@0.9", "bad_value"),
        LINE("a:-1.6179238213760842e308|ms|@0.9", "bad_value"),
        LINE("a:1.6179238213760842e308|c|@0.9", "counter a = ~1.7976931348623157e+308"),
    };
    LINE_EXPECT_ALL(cases);
}

static void test_scale(void **state)
{
    (void)state;
    StatsdValue values[2] = {{.as.number = 3, .integer = 3, .flags = VALUE_IS_INTEGER},
                             {.as.number = -0.5}};
    assert_int_equal(0, statsd_values_scale(SERIES_STATS, 0.25, values, 2));
    assert_true(values[0].as.number == 3 && values[1].as.number == -0.5); /* the weight does it */
    assert_int_equal(VALUE_IS_INTEGER, values[0].flags);
    assert_int_equal(0, statsd_values_scale(SERIES_COUNTER, 0.25, values, 2));
    assert_true(values[0].as.number == 12 && values[1].as.number == -2);
    assert_int_equal(0, values[0].flags);
    values[1].as.number = 1e308;
    assert_int_equal(-ERANGE, statsd_values_scale(SERIES_STATS, 0.01, values, 2));
    assert_int_equal(-ERANGE, statsd_values_scale(SERIES_COUNTER, 0.01, values, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),  cmocka_unit_test(test_counters_are_exact),
        cmocka_unit_test(test_gauges),   cmocka_unit_test(test_packed),
        cmocka_unit_test(test_sets),     cmocka_unit_test(test_flags),
        cmocka_unit_test(test_progress), cmocka_unit_test(test_rates),
        cmocka_unit_test(test_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
