#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "render/json_writer.h"

/* One document with every kind of member. */
static void write_document(Buffer *buffer, bool pretty)
{
    JsonWriter writer;
    json_writer_init(&writer, buffer, pretty);
    json_writer_open(&writer);
    json_writer_open_member(&writer, "empty", 5);
    json_writer_close(&writer);
    json_writer_open_member(&writer, "in\"ner", 6);
    json_writer_text(&writer, "text", "a\\b\n");
    json_writer_int64(&writer, "low", INT64_MIN);
    json_writer_uint64(&writer, "high", UINT64_MAX);
    json_writer_close(&writer);
    json_writer_double(&writer, "half", 0.5);
    json_writer_double(&writer, "none", (double)NAN);
    json_writer_close(&writer);
    json_writer_end(&writer);
}

static void expect_document(bool pretty, const char *expected)
{
    char text[512];
    Buffer buffer;
    buffer_init(&buffer, text, sizeof text - 1);
    write_document(&buffer, pretty);
    assert_false(buffer.overflow);
    text[buffer.length] = '\0';
    assert_string_equal(expected, text);
}

static void test_compact(void **state)
{
    (void)state;
    expect_document(false, "{\"empty\":{},\"in\\\"ner\":{\"text\":\"a\\\\b\\n\","
                           "\"low\":-9223372036854775808,\"high\":18446744073709551615},"
                           "\"half\":0.5,\"none\":null}\n");
}

static void test_pretty(void **state)
{
    (void)state;
    expect_document(true, "{\n"
                          "  \"empty\": {},\n"
                          "  \"in\\\"ner\": {\n"
                          "    \"text\": \"a\\\\b\\n\",\n"
                          "    \"low\": -9223372036854775808,\n"
                          "    \"high\": 18446744073709551615\n"
                          "  },\n"
                          "  \"half\": 0.5,\n"
                          "  \"none\": null\n"
                          "}\n");
}

static void test_empty_document(void **state)
{
    (void)state;
    char text[8];
    Buffer buffer;
    JsonWriter writer;
    buffer_init(&buffer, text, sizeof text);
    json_writer_init(&writer, &buffer, true);
    json_writer_open(&writer);
    json_writer_close(&writer);
    json_writer_end(&writer);
    assert_int_equal(3, buffer.length);
    assert_memory_equal("{}\n", text, 3);
}

static void test_overflow_shows_in_the_buffer(void **state)
{
    (void)state;
    char text[16];
    Buffer buffer;
    buffer_init(&buffer, text, sizeof text);
    write_document(&buffer, false);
    assert_true(buffer.overflow);
    assert_true(buffer.length <= sizeof text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compact),
        cmocka_unit_test(test_pretty),
        cmocka_unit_test(test_empty_document),
        cmocka_unit_test(test_overflow_shows_in_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
