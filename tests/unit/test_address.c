#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

static void expect_text(const char *text, int family, unsigned port, const char *expected)
{
    Address address;
    char out[ADDRESS_TEXT_SIZE];
    memset(&address, 0x55, sizeof address);
    memset(out, 'X', sizeof out);
    int result = address_parse(text, &address);
    if (result != 0)
        fail_msg("\"%s\": expected 0, got %d", text, result);
    assert_int_equal(address.storage.ss_family, family);
    assert_int_equal(address_port(&address), port);
    assert_int_equal(address.length,
                     family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    assert_ptr_equal(address_format(&address, out), out);
    assert_string_equal(expected, out);
}

static void test_good(void **state)
{
    (void)state;
    expect_text("127.0.0.1:8125", AF_INET, 8125, "127.0.0.1:8125");
    expect_text("0.0.0.0:0", AF_INET, 0, "0.0.0.0:0");
    expect_text("255.255.255.255:65535", AF_INET, 65535, "255.255.255.255:65535");
    expect_text("10.1.2.3:00080", AF_INET, 80, "10.1.2.3:80");
    expect_text("[::1]:8125", AF_INET6, 8125, "[::1]:8125");
    expect_text("[::]:0", AF_INET6, 0, "[::]:0");
    expect_text("[2001:DB8:0:0:0:0:0:1]:443", AF_INET6, 443, "[2001:db8::1]:443");
    expect_text("[2001:db8:1111:2222:3333:4444:5555:6666]:65535", AF_INET6, 65535,
                "[2001:db8:1111:2222:3333:4444:5555:6666]:65535");
    expect_text("[::ffff:192.0.2.1]:53", AF_INET6, 53, "192.0.2.1:53");
}

static void test_bad(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ":",
        "8125",
        ":8125",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1: 80",
        "127.0.0.1:+80",
        "127.0.0.1:-1",
        "127.0.0.1:80 ",
        "127.0.0.1:0x50",
        "127.0.0.1:65536",
        "127.0.0.1:4294967376",
        "127.0.0.1:18446744073709551696",
        " 127.0.0.1:80",
        "127.0.0:80",
        "127.1:80",
        "127.0.0.1.1:80",
        "127.0.0.256:80",
        "127.0.0.01:80",
        "0x7f.0.0.1:80",
        "localhost:1",
        "*:80",
        "::1:8125",
        "2001:db8::1:8125",
        "[::1]",
        "[::1]:",
        "[::1]8125",
        "[::1:8125",
        "::1]:8125",
        "[]:80",
        "[:80",
        "[127.0.0.1]:80",
        "[::1]]:80",
        "[[::1]]:80",
        "[::1%]:80",
        "[::1%no-such-interface]:80",
        "[::1%0]:80",
        "[::1%4294967297]:80",
        "[1:2:3:4:5:6:7:8:9]:80",
        "[g::1]:80",
        "[2001:db8:1111:2222:3333:4444:5555:6666%a-very-long-interface-name-that-fits-nowhere]:80",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Address address;
        Address poison;
        memset(&address, 0x55, sizeof address);
        memset(&poison, 0x55, sizeof poison);
        int result = address_parse(bad[i], &address);
        if (result != -EINVAL)
            fail_msg("\"%s\": expected %d, got %d", bad[i], -EINVAL, result);
        assert_memory_equal(&address, &poison, sizeof address);
    }
}

static void test_zone(void **state)
{
    (void)state;
    unsigned loopback = if_nametoindex("lo");
    if (loopback == 0)
        skip();
    expect_text("[fe80::1%lo]:8125", AF_INET6, 8125, "[fe80::1%lo]:8125");
    Address address;
    assert_int_equal(address_parse("[fe80::1%lo]:1", &address), 0);
    struct sockaddr_in6 in;
    memcpy(&in, &address.storage, sizeof in);
    assert_int_equal(in.sin6_scope_id, loopback);
    /* An interface that is gone keeps its number, and that can be read again. */
    expect_text("[fe80::1%2147483647]:8125", AF_INET6, 8125, "[fe80::1%2147483647]:8125");
}

static void test_from_sockaddr(void **state)
{
    (void)state;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(4242)};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
    const struct sockaddr *from = (const struct sockaddr *)&in;
    char out[ADDRESS_TEXT_SIZE];
    Address address;

    memset(&address, 0x55, sizeof address);
    address_from_sockaddr(&address, from, sizeof in);
    assert_string_equal("127.0.0.1:4242", address_format(&address, out));
    /* The same as what is parsed, to the last byte of the storage. */
    Address parsed;
    memset(&parsed, 0xaa, sizeof parsed);
    assert_int_equal(address_parse("127.0.0.1:4242", &parsed), 0);
    assert_memory_equal(&address.storage, &parsed.storage, sizeof parsed.storage);

    const struct {
        const struct sockaddr *from;
        socklen_t length;
    } none[] = {
        {from, 0},
        {from, 1},
        {from, sizeof in - 1},
        {NULL, 0},
        {(const struct sockaddr *)&local, sizeof local},
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        memset(&address, 0x55, sizeof address);
        address_from_sockaddr(&address, none[i].from, none[i].length);
        assert_int_equal(address.length, 0);
        assert_int_equal(address_port(&address), 0);
        assert_string_equal("unknown", address_format(&address, out));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_zone),
        cmocka_unit_test(test_from_sockaddr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
