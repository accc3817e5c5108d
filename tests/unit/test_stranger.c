#include "http/stranger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A copy of exactly that size, so that a byte read behind it is seen. */
static Stranger look(const char *bytes, size_t length)
{
    char *copy = malloc(length + (length == 0));
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    Stranger found = stranger_look(copy, length);
    free(copy);
    return found;
}

static void expect(Stranger expected, const char *text)
{
    Stranger found = look(text, strlen(text));
    if (found != expected)
        fail_msg("\"%s\": expected %d, got %d", text, (int)expected, (int)found);
}

static void test_requests(void **state)
{
    (void)state;
    expect(STRANGER_NONE, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(STRANGER_NONE, "GET / HTTP/1.1\n");
    expect(STRANGER_NONE, "POST /stats HTTP/1.0\r\n");
    expect(STRANGER_NONE, "brew /a:1|c HTTP/9.9\r\n");
    expect(STRANGER_NONE, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    expect(STRANGER_NONE, "\r\n\r\nGET / HTTP/1.1\r\n");
    const char nul[] = "GET \0/ HTTP/1.1\r\n";
    assert_int_equal(STRANGER_NONE, look(nul, sizeof nul - 1));
}

/* What is cut off anywhere is no stranger yet. */
static void test_beginnings_of_requests(void **state)
{
    (void)state;
    static const char request[] = "\r\nGET /stats?name=a:1|c HTTP/1.1\r\nHost: x\r\n\r\n";
    for (size_t length = 0; length < sizeof request; length++)
        assert_int_equal(STRANGER_NONE, look(request, length));
}

static void test_values(void **state)
{
    (void)state;
    expect(STRANGER_TEXT, "a:1|c\n");
    expect(STRANGER_TEXT, "a:1|c");
    expect(STRANGER_TEXT, "a:");
    expect(STRANGER_TEXT, "42\n");
    expect(STRANGER_TEXT, "\n\na:1|c\n");
    expect(STRANGER_TEXT, "a b:1|c\n");
    expect(STRANGER_TEXT, "a:1|c|#x y HTTP/1.1\r\n");
    expect(STRANGER_TEXT, "GET\r\n");
    expect(STRANGER_TEXT, "GET /\r\n");
    expect(STRANGER_TEXT, "GET /\nX: HTTP/1.1\r\n");
    expect(STRANGER_TEXT, " GET / HTTP/1.1\r\n");
    expect(STRANGER_TEXT, "\xFF\xFE");
    const char nul[] = "GET\0/ HTTP/1.1\r\n";
    assert_int_equal(STRANGER_TEXT, look(nul, sizeof nul - 1));
}

static void test_tls(void **state)
{
    (void)state;
    const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    assert_int_equal(STRANGER_TLS, look(hello, sizeof hello - 1));
    assert_int_equal(STRANGER_TLS, look(hello, 2));
}

static void test_answers(void **state)
{
    (void)state;
    Address values;
    char out[STRANGER_ANSWER_SIZE];
    static const char head[] =
        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
        "Content-Type: application/json\r\nContent-Length: %zu\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n%s";
    static const struct {
        Stranger stranger;
        const char *body;
    } cases[] = {
        {STRANGER_TEXT,
         "{\"error\":{\"status\":400,\"message\":\"this is no HTTP request, and values "
         "are only read here: send them to udp [::1]:8125\"}}\n"},
        {STRANGER_TLS, "{\"error\":{\"status\":400,\"message\":\"this is TLS, and the port speaks "
                       "plain HTTP: ask http://, or a proxy that speaks TLS before it\"}}\n"},
    };
    assert_int_equal(0, address_parse("[::1]:8125", &values));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[STRANGER_ANSWER_SIZE];
        (void)snprintf(expected, sizeof expected, head, strlen(cases[i].body), cases[i].body);
        assert_int_equal(strlen(expected), stranger_answer(cases[i].stranger, &values, out));
        assert_string_equal(expected, out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests), cmocka_unit_test(test_beginnings_of_requests),
        cmocka_unit_test(test_values),   cmocka_unit_test(test_tls),
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
