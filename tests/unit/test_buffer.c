#include "base/buffer.h"

#include "base/utf8.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_content(const Buffer *buffer, const char *expected)
{
    if (buffer->length != strlen(expected) || memcmp(buffer->data, expected, buffer->length) != 0)
        fail_msg("expected \"%s\", got \"%.*s\"", expected, (int)buffer->length, buffer->data);
}

static void test_appending(void **state)
{
    (void)state;
    char memory[256];
    memset(memory, 'X', sizeof memory);
    Buffer buffer;
    memset(&buffer, 0x55, sizeof buffer);
    buffer_init(&buffer, memory, sizeof memory);
    assert_int_equal(buffer_room(&buffer), sizeof memory);
    expect_content(&buffer, "");
    buffer_text(&buffer, "a=");
    buffer_int64(&buffer, INT64_MIN);
    buffer_char(&buffer, ',');
    buffer_uint64(&buffer, UINT64_MAX);
    buffer_char(&buffer, ',');
    buffer_double(&buffer, 0.1);
    buffer_bytes(&buffer, ",\xff", 2);
    buffer_bytes(&buffer, NULL, 0);
    buffer_double(&buffer, (double)NAN);
    expect_content(&buffer, "a=-9223372036854775808,18446744073709551615,0.1,\xffnull");
    assert_int_equal(buffer_room(&buffer), sizeof memory - buffer.length);
    assert_int_equal(memory[buffer.length], 'X');
    assert_false(buffer.overflow);
}

static void expect_json(const char *text, size_t length, const char *expected)
{
    char *copy = malloc(length + 1); /* exact at its end, for ASan */
    char memory[256];
    Buffer buffer;
    assert_non_null(copy);
    memcpy(copy + 1, text, length);
    buffer_init(&buffer, memory, sizeof memory);
    buffer_json_string(&buffer, copy + 1, length);
    expect_content(&buffer, expected);
    free(copy);
}

static void test_json_string(void **state)
{
    (void)state;
    expect_json("", 0, "\"\"");
    expect_json("api.latency|#env:prod", 21, "\"api.latency|#env:prod\"");
    expect_json("\"\\/", 3, "\"\\\"\\\\/\"");
    expect_json("\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"");
    expect_json("a\0b\x01\x1f\x7f", 6, "\"a\\u0000b\\u0001\\u001f\x7f\"");
    expect_json("\xc3\xb6\xe2\x82\xac\xf0\x9f\x98\x80", 9,
                "\"\xc3\xb6\xe2\x82\xac\xf0\x9f\x98\x80\"");
    expect_json("\xff"
                "a\xc3",
                3,
                "\"\xef\xbf\xbd"
                "a\xef\xbf\xbd\"");
    expect_json("\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    expect_json("\xc3\"", 2, "\"\xef\xbf\xbd\\\"\"");
}

/* Any bytes: quotes at the ends only, no control character, nothing but valid UTF-8. */
static void test_json_of_any_bytes(void **state)
{
    (void)state;
    uint64_t random = 20260131;
    for (int i = 0; i < 100000; i++) {
        char bytes[16];
        for (size_t k = 0; k < sizeof bytes; k++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
            bytes[k] = (char)(random >> 56);
        }
        char memory[16 * 6 + 2];
        Buffer buffer;
        buffer_init(&buffer, memory, sizeof memory);
        buffer_json_string(&buffer, bytes, sizeof bytes);
        assert_false(buffer.overflow);
        assert_true(buffer.length >= 2 && memory[0] == '"' && memory[buffer.length - 1] == '"');
        for (size_t k = 1; k < buffer.length - 1;) {
            size_t step = utf8_sequence_length(memory + k, buffer.length - 1 - k);
            assert_true(step > 0 && (unsigned char)memory[k] >= 0x20 && memory[k] != '"');
            if (memory[k] == '\\')
                step = memory[k + 1] == 'u' ? 6 : 2;
            k += step;
        }
    }
}

enum {
    CALLS = 7
};

static void append(Buffer *buffer, int call)
{
    switch (call) {
    case 0:
        buffer_bytes(buffer, "12345", 5);
        break;
    case 1:
        buffer_text(buffer, "12345");
        break;
    case 2:
        buffer_char(buffer, 'x');
        break;
    case 3:
        buffer_double(buffer, 0.25);
        break;
    case 4:
        buffer_int64(buffer, -12);
        break;
    case 5:
        buffer_uint64(buffer, 123);
        break;
    default:
        buffer_json_string(buffer, "a\n\xc3\xb6\xff", 5);
        break;
    }
}

/* Each call at each capacity from 0 up: all of it or nothing, and nothing behind the end. */
static void test_overflow(void **state)
{
    (void)state;
    static const size_t sizes[CALLS] = {5, 5, 1, 4, 3, 3, 10};
    for (int call = 0; call < CALLS; call++)
        for (size_t capacity = 0; capacity < 16; capacity++) {
            char *memory = malloc(capacity + 1);
            assert_non_null(memory);
            memset(memory, 'X', capacity + 1);
            Buffer buffer;
            buffer_init(&buffer, memory, capacity);
            append(&buffer, call);
            bool fits = sizes[call] <= capacity;
            if (buffer.overflow == fits || buffer.length != (fits ? sizes[call] : 0))
                fail_msg("call %d, capacity %zu: expected length %zu, got %zu, overflow %d", call,
                         capacity, fits ? sizes[call] : 0, buffer.length, buffer.overflow);
            assert_int_equal(memory[capacity], 'X');
            free(memory);
        }
}

static void test_after_overflow(void **state)
{
    (void)state;
    char memory[8];
    Buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    buffer_text(&buffer, "12345");
    size_t before = buffer.length;
    buffer_text(&buffer, "6789");
    assert_true(buffer.overflow);
    assert_int_equal(buffer_room(&buffer), 0);
    buffer_char(&buffer, 'x'); /* would fit, but leave a hole before it */
    buffer_json_string(&buffer, "", 0);
    expect_content(&buffer, "12345");
    buffer.length = before;
    buffer.overflow = false;
    buffer_text(&buffer, "678");
    expect_content(&buffer, "12345678");
    assert_false(buffer.overflow);
    assert_int_equal(buffer_room(&buffer), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appending),         cmocka_unit_test(test_json_string),
        cmocka_unit_test(test_json_of_any_bytes), cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_after_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
