#include "render/json_members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/json_tree.h"
#include "render/json_writer.h"

static const ServiceInfo service = {.name = "atomicstatsd",
                                    .version = "1.2.3",
                                    .pid = 4242,
                                    .started_realtime_ns = INT64_C(1767225600123456789),
                                    .uptime_s = 12.3454999};

static const IntakeCounts intake = {.datagrams = 1,
                                    .bytes = UINT64_MAX,
                                    .lines = 3,
                                    .values = 4,
                                    .ignored = 5,
                                    .rejected = {[REJECT_BAD_NAME] = 6, [REJECT_OVER_LIMIT] = 7},
                                    .dropped_kernel = 8};

static const char expected[] =
    "{\"service\":{\"name\":\"atomicstatsd\",\"version\":\"1.2.3\",\"pid\":4242,"
    "\"started_at\":\"2026-01-01T00:00:00.123Z\",\"uptime_s\":12.345},"
    "\"datagrams\":1,\"bytes\":18446744073709551615,\"lines\":3,\"values\":4,\"ignored\":5,"
    "\"rejected\":{\"total\":13,\"bad_name\":6,\"bad_value\":0,\"bad_type\":0,\"bad_rate\":0,"
    "\"bad_tags\":0,\"too_long\":0,\"over_limit\":7},"
    "\"dropped\":{\"kernel\":8},\"last\":1}\n";

static void put_members(const JsonSink *sink)
{
    json_members_service(sink, &service);
    json_members_intake(sink, &intake);
    sink->uint64(sink->to, "last", 1); /* where the sink began */
}

static void test_into_a_stream(void **state)
{
    (void)state;
    char text[1024];
    Buffer buffer;
    JsonWriter writer;
    buffer_init(&buffer, text, sizeof text);
    json_writer_init(&writer, &buffer, false);
    json_writer_open(&writer);
    const JsonSink sink = json_writer_sink(&writer);
    put_members(&sink);
    json_writer_close(&writer);
    json_writer_end(&writer);
    assert_int_equal(sizeof expected - 1, buffer.length);
    assert_memory_equal(expected, text, buffer.length);
}

static void test_into_a_tree(void **state)
{
    (void)state;
    JsonTree tree = json_tree_create();
    JsonTreePlace place;
    const JsonSink sink = json_tree_sink(&tree, tree.root, &place);
    put_members(&sink);
    size_t length = 0;
    char *text = json_tree_print(&tree, false, &length);
    assert_non_null(text);
    assert_string_equal(expected, text);
    free(text);
    json_tree_destroy(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_into_a_stream),
        cmocka_unit_test(test_into_a_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
