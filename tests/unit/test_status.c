#include "app/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/log.h"
#include "fixture_pool.h"

static const char *describe(const FixturePool *f, uint64_t dropped, char out[static STATUS_SIZE])
{
    const Address http = udp_address("[::1]:8127");
    memset(out, '?', STATUS_SIZE);
    assert_ptr_equal(out, status_describe(f->pool, &http, dropped, out));
    return out;
}

static void test_every_address_once(void **state)
{
    (void)state;
    FixturePool f;
    Address addresses[2] = {udp_address("127.0.0.1:0"), udp_address("127.0.0.2:0")};
    PoolOptions options = {.threads = 3, .udp = addresses, .udp_count = 2};
    fixture_pool_open(&f, &options);
    PoolSocketInfo second;
    pool_socket_info(f.pool, 0, 1, &second);
    char expected[256];
    snprintf(expected, sizeof expected,
             "serving udp 127.0.0.1:%u, udp 127.0.0.2:%u, http [::1]:8127 with 3 ingest threads",
             address_port(&f.address), address_port(&second.address));
    char text[STATUS_SIZE];
    assert_string_equal(expected, describe(&f, 0, text));
    fixture_pool_close(&f);
}

static void test_unix_and_tcp(void **state)
{
    (void)state;
    FixturePool f;
    Address any = udp_address("127.0.0.1:0");
    Address tcp[2] = {any, any};
    char name[64];
    snprintf(name, sizeof name, "@status-%d", (int)getpid());
    PoolOptions options = {.threads = 2,
                           .udp = &any,
                           .udp_count = 1,
                           .unix_name = name,
                           .tcp = tcp,
                           .tcp_count = 2,
                           .tcp_max_connections = 1};
    fixture_pool_open(&f, &options);
    PoolTcpFigures unused;
    char expected[256];
    snprintf(expected, sizeof expected,
             "serving udp 127.0.0.1:%u, unix %s, tcp 127.0.0.1:%u, tcp 127.0.0.1:%u, http "
             "[::1]:8127 with 2 ingest threads",
             address_port(&f.address), name,
             address_port(pool_listener_info(f.pool, 1, 0, &unused)),
             address_port(pool_listener_info(f.pool, 1, 1, &unused)));
    char text[STATUS_SIZE];
    assert_string_equal(expected, describe(&f, 0, text));
    fixture_pool_close(&f);
}

static void test_drops_stand_first(void **state)
{
    (void)state;
    FixturePool f;
    fixture_pool_threads(&f, 1);
    char expected[256];
    snprintf(expected, sizeof expected,
             "18446744073709551615 datagrams dropped by the kernel; serving udp 127.0.0.1:%u, http "
             "[::1]:8127 with 1 ingest threads",
             address_port(&f.address));
    char text[STATUS_SIZE];
    assert_string_equal(expected, describe(&f, UINT64_MAX, text));
    fixture_pool_close(&f);
}

static void test_as_many_addresses_as_there_may_be(void **state)
{
    (void)state;
    if (!udp_has_ipv6())
        skip();
    FixturePool f;
    Address addresses[POOL_MAX_ADDRESSES];
    for (size_t i = 0; i < POOL_MAX_ADDRESSES; i++)
        addresses[i] = udp_address("[::1]:0");
    PoolOptions options = {.threads = 1,
                           .udp = addresses,
                           .udp_count = POOL_MAX_ADDRESSES,
                           .tcp = addresses,
                           .tcp_count = POOL_MAX_ADDRESSES,
                           .tcp_max_connections = 1};
    fixture_pool_open(&f, &options);
    char text[STATUS_SIZE];
    describe(&f, UINT64_MAX, text);
    assert_non_null(strstr(text, ", http [::1]:8127 with 1 ingest threads"));
    assert_true(strlen(text) < LOG_LINE_SIZE);
    fixture_pool_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_address_once),
        cmocka_unit_test(test_unix_and_tcp),
        cmocka_unit_test(test_drops_stand_first),
        cmocka_unit_test(test_as_many_addresses_as_there_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
