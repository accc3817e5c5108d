#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/json_tree.h"

static void expect_text(const JsonTree *tree, bool pretty, const char *expected)
{
    size_t length = 0;
    char *text = json_tree_print(tree, pretty, &length);
    assert_non_null(text);
    assert_string_equal(expected, text);
    assert_int_equal(strlen(expected), length);
    free(text);
}

static void test_every_kind_of_member(void **state)
{
    (void)state;
    JsonTree tree = json_tree_create();
    json_tree_text(&tree, tree.root, "text", "a\"b\\\n\xc3\xa9");
    json_tree_uint64(&tree, tree.root, "high", UINT64_MAX);
    json_tree_double(&tree, tree.root, "tenth", 0.1);
    json_tree_double(&tree, tree.root, "nan", (double)NAN);
    json_tree_seconds(&tree, tree.root, "seconds", 1.23449);
    json_tree_null(&tree, tree.root, "null");
    json_tree_time(&tree, tree.root, "time", INT64_C(1767225600123456789));
    cJSON *list = json_tree_array(&tree, tree.root, "list");
    json_tree_uint64(&tree, json_tree_item(&tree, list), "id", 1);
    json_tree_item(&tree, list);
    json_tree_object(&tree, tree.root, "empty");
    assert_false(tree.failed);
    expect_text(&tree, false,
                "{\"text\":\"a\\\"b\\\\\\n\xc3\xa9\",\"high\":18446744073709551615,\"tenth\":0.1,"
                "\"nan\":null,\"seconds\":1.234,\"null\":null,"
                "\"time\":\"2026-01-01T00:00:00.123Z\",\"list\":[{\"id\":1},{}],\"empty\":{}}\n");
    json_tree_destroy(&tree);
}

/* 16.6 % of random doubles would not read back from cJSON's own printing. */
static void test_numbers_read_back(void **state)
{
    (void)state;
    JsonTree tree = json_tree_create();
    json_tree_double(&tree, tree.root, "a", 5991828168517179);
    json_tree_double(&tree, tree.root, "b", 0.1 + 0.2);
    expect_text(&tree, false, "{\"a\":5991828168517179,\"b\":0.30000000000000004}\n");
    json_tree_destroy(&tree);
}

static void test_pretty_has_lines(void **state)
{
    (void)state;
    JsonTree tree = json_tree_create();
    json_tree_uint64(&tree, tree.root, "a", 1);
    size_t length = 0;
    char *text = json_tree_print(&tree, true, &length);
    assert_non_null(text);
    assert_non_null(strchr(text, '\n'));
    assert_true(strchr(text, '\n') < text + length - 1);
    free(text);
    json_tree_destroy(&tree);
}

static void test_a_sink_opens_and_closes(void **state)
{
    (void)state;
    JsonTree tree = json_tree_create();
    JsonTreePlace place;
    cJSON *object = json_tree_object(&tree, tree.root, "a");
    const JsonSink sink = json_tree_sink(&tree, object, &place);
    for (int i = 0; i < JSON_SINK_DEPTH; i++)
        sink.open(sink.to, "in");
    sink.number(sink.to, "half", 0.5);
    for (int i = 0; i < JSON_SINK_DEPTH; i++)
        sink.close(sink.to);
    sink.text(sink.to, "b", "c");
    assert_false(tree.failed);
    expect_text(&tree, false,
                "{\"a\":{\"in\":{\"in\":{\"in\":{\"in\":{\"half\":0.5}}}},\"b\":\"c\"}}\n");
    json_tree_destroy(&tree);

    tree = json_tree_create();
    const JsonSink nowhere = json_tree_sink(&tree, NULL, &place); /* there was no memory for it */
    nowhere.open(nowhere.to, "in");
    nowhere.uint64(nowhere.to, "a", 1);
    nowhere.close(nowhere.to);
    assert_true(tree.failed);
    json_tree_destroy(&tree);
}

static void test_a_missing_parent_is_remembered(void **state)
{
    (void)state;
    JsonTree tree = json_tree_create();
    json_tree_uint64(&tree, NULL, "a", 1);
    assert_true(tree.failed);
    assert_null(json_tree_object(&tree, NULL, "b"));
    assert_null(json_tree_item(&tree, NULL));
    size_t length = 7;
    assert_null(json_tree_print(&tree, false, &length));
    assert_int_equal(7, length);
    json_tree_destroy(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_member),
        cmocka_unit_test(test_numbers_read_back),
        cmocka_unit_test(test_pretty_has_lines),
        cmocka_unit_test(test_a_sink_opens_and_closes),
        cmocka_unit_test(test_a_missing_parent_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
