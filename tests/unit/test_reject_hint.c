#include "http/reject_hint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    RejectReason reason;
    const char *text, *hint;
} cases[] = {
    {REJECT_BAD_NAME, ":1|c", "the name is missing"},
    {REJECT_BAD_NAME, "\\xff:1|c", "a name is UTF-8 without control characters, : and |"},
    {REJECT_BAD_VALUE, "{\"a\":1}", "this is JSON; a line is NAME:VALUE|TYPE"},
    {REJECT_BAD_VALUE, "GET / HTTP/1.1", "this is HTTP; the port for it is that of http.listen"},
    {REJECT_BAD_VALUE, "GET /a:b HTTP/1.1", "this is HTTP; the port for it is that of http.listen"},
    {REJECT_BAD_VALUE, "cpu,host=a v=1 1700000000",
     "this looks like InfluxDB's protocol; a line is NAME:VALUE|TYPE"},
    {REJECT_BAD_VALUE, "a.b 1 1700000000",
     "this looks like Graphite's protocol; a line is NAME:VALUE|TYPE"},
    {REJECT_BAD_VALUE, "hello", "a line is NAME:VALUE|TYPE, or a bare number"},
    {REJECT_BAD_VALUE, "", "a line is NAME:VALUE|TYPE, or a bare number"},
    {REJECT_BAD_VALUE, "a:", "the value is missing"},
    {REJECT_BAD_VALUE, "a:|c", "the value is missing"},
    {REJECT_BAD_VALUE, "a:NaN|g", "a number is digits, as in 42, -3.5 or 1e3"},
    {REJECT_BAD_VALUE, "a:0x10|c", "a number is digits, as in 42, -3.5 or 1e3"},
    {REJECT_BAD_VALUE, "a:1e400|ms", "a number is digits, as in 42, -3.5 or 1e3"},
    {REJECT_BAD_VALUE, "a:1,5|ms", "a decimal point is a point, and digits are not grouped"},
    {REJECT_BAD_VALUE, "a:1 |ms", "a value has no spaces"},
    {REJECT_BAD_VALUE, "a:10ms",
     "a value has no unit: put it into the name, and ms into the type (|ms)"},
    {REJECT_BAD_VALUE, "a:95%|g",
     "a value has no unit: put it into the name, and ms into the type (|ms)"},
    {REJECT_BAD_VALUE, "a:yes|f", "a flag is 1, 0, true or false"},
    {REJECT_BAD_VALUE, "a:yes|f|#b", "a flag is 1, 0, true or false"},
    {REJECT_BAD_VALUE, "a:1.5|p", "progress is N, +N, /TOTAL or N/TOTAL, in whole numbers"},
    {REJECT_BAD_VALUE, "a:|s", "what a set counts is missing"},
    {REJECT_BAD_TYPE, "a:1|counter", "the types are ms, h, d, c, g, s, f and p"},
    {REJECT_BAD_RATE, "a:1|c|@2", "a rate is a number above 0 and up to 1, as in @0.1"},
    {REJECT_BAD_TAGS, "a:1|c|#\\x01",
     "tags are UTF-8 without control characters, as in #env:prod,web"},
    {REJECT_TOO_LONG, "aaa",
     "a name has at most 255 bytes, all tags together 1024, a line over TCP 8192"},
    {REJECT_OVER_LIMIT, "a:1|c",
     "there are limits.max_series already: raise it, or let old ones go (limits.expire_after_s)"},
};

static void test_hints(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *hint = reject_hint(cases[i].reason, cases[i].text);
        if (strcmp(cases[i].hint, hint) != 0)
            fail_msg("\"%s\": expected \"%s\", got \"%s\"", cases[i].text, cases[i].hint, hint);
    }
}

static void test_every_reason_has_one(void **state)
{
    (void)state;
    for (int reason = 0; reason < REJECT_REASONS; reason++)
        assert_true(strlen(reject_hint((RejectReason)reason, "")) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hints),
        cmocka_unit_test(test_every_reason_has_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
