#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/accept.h"

#define OPEN "application/openmetrics-text"

static PrometheusFormat format_for(const char *value)
{
    Accept accept = {0};
    accept_add(&accept, value);
    return accept_format(&accept);
}

static void test_who_gets_the_text_format(void **state)
{
    (void)state;
    static const char *const table[] = {
        "",
        "*/*",
        "text/plain",
        "text/plain;version=0.0.4",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "application/json", /* neither: the default */
        OPEN ","
             "text/plain", /* both alike */
        OPEN ";q=0.5, text/plain;version=0.0.4;q=0.6",
        OPEN ";q=0.5, */*;q=0.6",
        OPEN ";q=0",
        OPEN ";q=0, */*;q=0",
        OPEN ";version=0.0.1", /* another format */
        OPEN ";version=1.0.0;charset=latin-1",
        OPEN ";q=1.5", /* no quality: no range */
        OPEN ";q=0.5555",
        OPEN ";q=-1",
        OPEN ";q=",
        "application/*;q=0.2, text/*;q=0.3",
        "application/*, */*", /* nobody asked for it by name */
        ",;,=;q=1,,",
        "x\"" OPEN "\"",
        "text/plain;x=\"," OPEN ",\"", /* within quotes */
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_int_equal(PROMETHEUS_TEXT, format_for(table[i]));
}

static void test_who_gets_openmetrics(void **state)
{
    (void)state;
    static const char *const table[] = {
        OPEN,
        OPEN "; version=1.0.0",
        OPEN "; version=\"1.0.0\"; charset=utf-8",
        "Application/OpenMetrics-Text;Version=1.0.0",
        OPEN ", */*",
        OPEN ";q=0.9, text/plain;q=0.8",
        OPEN ";q=0.001",
        OPEN ";q=1.000 , text/plain ; q=0.999",
        "text/plain;q=0, application/*",
        "text/plain;q=0.5;version=0.0.4,\t" OPEN ";q=0.75",
        /* Prometheus 2 and 3 */
        OPEN ";version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
             "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        OPEN ";version=1.0.0;escaping=allow-utf-8;q=0.6," OPEN ";version=0.0.1;q=0.5,"
             "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,"
             "*/*;q=0.2",
        /* The most specific range counts, whatever stands before or behind it. */
        "*/*;q=1, text/plain;q=0.1, " OPEN ";q=0.2",
        OPEN ";version=0.0.1;q=1," OPEN ";version=1.0.0;q=0.4,text/plain;q=0.3",
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_int_equal(PROMETHEUS_OPENMETRICS, format_for(table[i]));
}

static void test_several_headers_are_one(void **state)
{
    (void)state;
    Accept accept = {0};
    assert_int_equal(PROMETHEUS_TEXT, accept_format(&accept));
    accept_add(&accept, "text/plain;q=0.5");
    assert_int_equal(PROMETHEUS_TEXT, accept_format(&accept));
    accept_add(&accept, OPEN ";q=0.6");
    assert_int_equal(PROMETHEUS_OPENMETRICS, accept_format(&accept));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_gets_the_text_format),
        cmocka_unit_test(test_who_gets_openmetrics),
        cmocka_unit_test(test_several_headers_are_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
