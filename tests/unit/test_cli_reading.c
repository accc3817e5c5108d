#include "cli/reading.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/quoted_numbers.h"
#include "cli/receivers.h"

static const char answer[] =
    "{\"service\":{\"name\":\"atomicstatsd\",\"uptime_s\":1.5},"
    "\"ingest\":{\"datagrams\":7,\"values\":9,\"rejected\":{\"total\":2},\"dropped\":{\"kernel\":3}"
    "},"
    "\"stats\":{\"a\\\"1\":{\"count\":3,\"sum\":0.1,\"mean\":20,\"min\":10,\"max\":null,"
    "\"stddev\":8.16496580927726}},"
    "\"counters\":{\"c\":9223372036854775807},\"gauges\":{\"g\":-3.5e-9},\"sets\":{},"
    "\"flags\":{\"f\":true},\"progress\":{\"p\":{\"done\":1,\"total\":null}}}";

static void test_every_digit_is_kept(void **state)
{
    (void)state;
    Reading reading;
    assert_int_equal(0, reading_parse(&reading, answer, strlen(answer)));
    assert_int_equal(5, reading.count);
    assert_int_equal(READING_STATS, reading.series[0].kind);
    assert_string_equal("a\"1", reading.series[0].id);
    assert_string_equal("0.1", reading.series[0].field[1]);
    assert_null(reading.series[0].field[4]);
    assert_string_equal("8.16496580927726", reading.series[0].field[5]);
    assert_string_equal("9223372036854775807", reading.series[1].field[0]);
    assert_string_equal("-3.5e-9", reading.series[2].field[0]);
    assert_string_equal("true", reading.series[3].field[0]);
    assert_string_equal("1", reading.series[4].field[0]);
    assert_null(reading.series[4].field[1]);
    assert_int_equal(7, reading.datagrams);
    assert_int_equal(9, reading.values);
    assert_int_equal(2, reading.rejected);
    assert_int_equal(3, reading.dropped);
    assert_true(reading.uptime_s == 1.5);
    assert_true(isnan(reading_number(NULL)));
    reading_free(&reading);
    reading_free(&reading);
}

static void test_what_is_something_else_is_refused(void **state)
{
    (void)state;
    static const char *const others[] = {"",           "{}", "[]", "<html>", "{\"ingest\":{}}",
                                         "{\"a\":1 2}"};
    Reading reading;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(-EPROTO, reading_parse(&reading, others[i], strlen(others[i])));
    for (size_t length = 0; length < strlen(answer); length++) { /* any part of an answer */
        char *part = malloc(length + 1);
        memcpy(part, answer, length);
        assert_int_equal(-EPROTO, reading_parse(&reading, part, length));
        free(part);
    }
}

static void assert_quoted(const char *expected, const char *text)
{
    char out[64];
    assert_true(quoted_numbers_size(strlen(text)) <= sizeof out);
    size_t length = quoted_numbers(text, strlen(text), out);
    assert_int_equal(strlen(expected), length);
    assert_memory_equal(expected, out, length);
}

static void test_numbers_in_strings_stay(void **state)
{
    (void)state;
    assert_quoted("[\"1\",\"-2.5e+3\",\"3\"]", "[1,-2.5e+3,\"3\"]");
    assert_quoted("{\"a\\\"1\":\"2\"}", "{\"a\\\"1\":2}");
    assert_quoted("\"7\"", "7");
    assert_quoted("\"7\" \"8\"", "7 8");
    assert_quoted("\"ab\\", "\"ab\\");
    assert_quoted("", "");
}

static void test_the_window_is_that_of_the_port_s_smallest_socket(void **state)
{
    (void)state;
    static const char server[] =
        "{\"ingest\":{\"threads\":[{\"sockets\":[{\"address\":\"0.0.0.0:8125\","
        "\"receive_buffer\":{\"granted_bytes\":425984}},{\"address\":\"[::1]:9\","
        "\"receive_buffer\":{\"granted_bytes\":2304}}]},{\"sockets\":[{\"address\":"
        "\"0.0.0.0:8125\",\"receive_buffer\":{\"granted_bytes\":212992}}]}]}}";
    Receivers receivers;
    assert_int_equal(0, receivers_parse(&receivers, server, strlen(server), 8125));
    assert_int_equal(212992, receivers.smallest_buffer);
    assert_int_equal(212992 / 4, receivers_window(&receivers));
    assert_int_equal(0, receivers_parse(&receivers, server, strlen(server), 9));
    assert_int_equal(16384, receivers_window(&receivers));
    assert_int_equal(-ENOENT, receivers_parse(&receivers, server, strlen(server), 81));
    assert_int_equal(2304, receivers.smallest_buffer);
    assert_int_equal(-EPROTO, receivers_parse(&receivers, "{}", 2, 8125));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_digit_is_kept),
        cmocka_unit_test(test_what_is_something_else_is_refused),
        cmocka_unit_test(test_numbers_in_strings_stay),
        cmocka_unit_test(test_the_window_is_that_of_the_port_s_smallest_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
