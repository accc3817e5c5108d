#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <microhttpd.h>

#include "http/reply.h"

static const WebFile page = {.name = "x.html", .type = "text/html", .data = "<p>", .length = 3};

static const char *header(const Reply *reply, const char *name)
{
    return MHD_get_response_header(reply->response, name);
}

static void test_a_file_has_its_type_its_tag_and_the_policy(void **state)
{
    (void)state;
    char tag[WEB_FILE_TAG_SIZE];
    Reply reply = reply_file(&page);
    assert_non_null(reply.response);
    assert_int_equal(MHD_HTTP_OK, reply.status);
    assert_false(reply.stream);
    assert_string_equal("text/html", header(&reply, "Content-Type"));
    assert_string_equal("no-cache", header(&reply, "Cache-Control"));
    assert_string_equal(web_file_tag(&page, tag), header(&reply, "ETag"));
    assert_string_equal(tag, reply.tag);
    assert_non_null(strstr(header(&reply, "Content-Security-Policy"), "default-src 'none';"));
    assert_null(strstr(header(&reply, "Content-Security-Policy"), "unsafe"));
    MHD_destroy_response(reply.response);
}

static void test_a_known_tag_is_found_in_a_list(void **state)
{
    (void)state;
    Reply reply = {.tag = "\"0123456789abcdef\""};
    static const char *const known[] = {"\"0123456789abcdef\"", "W/\"0123456789abcdef\"", "*",
                                        "\"a\", \"0123456789abcdef\", \"b\""};
    static const char *const other[] = {"", "0123456789abcdef", "\"0123456789abcdeF\"", "**",
                                        "\"0123456789abcdef"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_true(reply_is_known(&reply, known[i]));
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        assert_false(reply_is_known(&reply, other[i]));
    assert_false(reply_is_known(&reply, NULL));
}

static void test_what_has_no_tag_is_never_known(void **state)
{
    (void)state;
    Reply reply = reply_error(MHD_HTTP_NOT_FOUND, "none");
    assert_non_null(reply.response);
    assert_string_equal("", reply.tag);
    assert_false(reply_is_known(&reply, "*"));
    assert_false(reply_is_known(&reply, ""));
    assert_string_equal("no-store", header(&reply, "Cache-Control"));
    MHD_destroy_response(reply.response);
}

static void test_not_modified_names_the_tag_and_has_no_type(void **state)
{
    (void)state;
    Reply reply = reply_file(&page);
    Reply known = reply_not_modified(&reply);
    assert_non_null(known.response);
    assert_int_equal(MHD_HTTP_NOT_MODIFIED, known.status);
    assert_string_equal(reply.tag, header(&known, "ETag"));
    assert_string_equal("no-cache", header(&known, "Cache-Control"));
    assert_null(header(&known, "Content-Type"));
    MHD_destroy_response(known.response);
    MHD_destroy_response(reply.response);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_has_its_type_its_tag_and_the_policy),
        cmocka_unit_test(test_a_known_tag_is_found_in_a_list),
        cmocka_unit_test(test_what_has_no_tag_is_never_known),
        cmocka_unit_test(test_not_modified_names_the_tag_and_has_no_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
