/* Two of everything in one process: no state is hidden in files, so neither sees the other's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture_http.h"
#include "fixture_pool.h"
#include "http/server.h"

typedef struct {
    FixturePool pool;
    HttpServer *http;
} Daemon;

static void daemon_open(Daemon *d, unsigned threads, const char *version)
{
    Address listen = udp_address("127.0.0.1:0");
    fixture_pool_threads(&d->pool, threads);
    HttpOptions options = {.listen = &listen,
                           .inherited_fd = -1,
                           .max_connections = 8,
                           .registry = d->pool.registry,
                           .pool = d->pool.pool,
                           .version = version,
                           .started_realtime_ns = clock_realtime_ns(),
                           .started_monotonic_ns = clock_monotonic_ns()};
    assert_int_equal(0, http_server_open(&d->http, &options));
    assert_int_equal(0, pool_start(d->pool.pool));
    http_server_set_state(d->http, HTTP_READY);
}

static void daemon_close(Daemon *d)
{
    http_server_close(d->http);
    fixture_pool_close(&d->pool);
}

/* Sends so many lines, each from a flow of its own, so that all threads have some. */
static void send_lines(const Daemon *d, int count, const char *line)
{
    uint64_t before = fixture_pool_counts(&d->pool).lines;
    for (int i = 0; i < count; i++) {
        int sender = udp_sender(&d->pool.address);
        udp_send(sender, line, strlen(line));
        close(sender);
        fixture_pool_wait(&d->pool, before + (uint64_t)i + 1);
    }
    fixture_pool_settle(&d->pool);
}

static void expect_page(const Daemon *d, const char *target, unsigned status, const char *has,
                        const char *has_not)
{
    HttpReply reply = http_get(http_server_address(d->http), target);
    assert_int_equal(status, reply.status);
    assert_true(reply.complete);
    const char *body = reply.body != NULL ? reply.body : "";
    if (has != NULL && strstr(body, has) == NULL)
        fail_msg("%s: expected %s in %s", target, has, body);
    if (has_not != NULL && strstr(body, has_not) != NULL)
        fail_msg("%s: expected no %s in %s", target, has_not, body);
    http_reply_fini(&reply);
}

static void test_totals_apart(void **state)
{
    (void)state;
    Daemon one;
    Daemon two;
    daemon_open(&one, 2, "one");
    daemon_open(&two, 3, "two");
    assert_int_not_equal(address_port(&one.pool.address), address_port(&two.pool.address));
    send_lines(&one, 20, "shared:1|c");
    send_lines(&two, 30, "shared:2|c");
    send_lines(&one, 5, "only.one:7");
    send_lines(&two, 1, "x");
    assert_int_equal(20, fixture_pool_counter(&one.pool));
    assert_int_equal(60, fixture_pool_counter(&two.pool));
    IntakeCounts counts = fixture_pool_counts(&one.pool);
    assert_int_equal(25, counts.values);
    assert_int_equal(0, intake_rejected_total(&counts));
    counts = fixture_pool_counts(&two.pool);
    assert_int_equal(30, counts.values);
    assert_int_equal(1, counts.rejected[REJECT_BAD_VALUE]);

    expect_page(&one, "/stats/shared", 200, "\"shared\":20", NULL);
    expect_page(&two, "/stats/shared", 200, "\"shared\":60", NULL);
    expect_page(&one, "/stats/only.one", 200, "\"sum\":35", "shared");
    expect_page(&two, "/stats/only.one", 404, NULL, NULL);
    expect_page(&one, "/stats", 200, "\"version\":\"one\"", "\"version\":\"two\"");
    expect_page(&two, "/stats", 200, "\"version\":\"two\"", "only.one");
    daemon_close(&one);
    daemon_close(&two);
}

static void test_one_ends_and_the_other_goes_on(void **state)
{
    (void)state;
    Daemon one;
    Daemon two;
    daemon_open(&one, 1, "one");
    daemon_open(&two, 1, "two");
    send_lines(&one, 1, "a:1|c");
    send_lines(&two, 1, "a:1|c");
    http_server_set_state(one.http, HTTP_STOPPING);
    expect_page(&one, "/readyz", 503, NULL, NULL);
    expect_page(&two, "/readyz", 200, NULL, NULL);
    daemon_close(&one);
    send_lines(&two, 10, "a:1|c");
    assert_int_equal(11, fixture_pool_counter(&two.pool));
    expect_page(&two, "/stats/a", 200, "\"a\":11", NULL);
    daemon_open(&one, 2, "one again"); /* and begins anew, at zero */
    send_lines(&one, 1, "a:5|c");
    expect_page(&one, "/stats/a", 200, "\"a\":5", NULL);
    expect_page(&two, "/stats/a", 200, "\"a\":11", NULL);
    daemon_close(&two);
    daemon_close(&one);
}

/* A limit that one has reached is no limit of the other. */
static void test_limits_apart(void **state)
{
    (void)state;
    Daemon one;
    Daemon two;
    daemon_open(&one, 1, "one");
    daemon_open(&two, 1, "two");
    registry_set_max_series(one.pool.registry, 1);
    send_lines(&one, 1, "a:1|c\n");
    send_lines(&one, 3, "b:1|c\n");
    send_lines(&two, 1, "a:1|c\n");
    send_lines(&two, 3, "b:1|c\n");
    assert_int_equal(3, fixture_pool_counts(&one.pool).rejected[REJECT_OVER_LIMIT]);
    assert_int_equal(0, fixture_pool_counts(&two.pool).rejected[REJECT_OVER_LIMIT]);
    assert_int_equal(1, registry_count(one.pool.registry, SERIES_COUNTER));
    assert_int_equal(2, registry_count(two.pool.registry, SERIES_COUNTER));
    daemon_close(&one);
    daemon_close(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_totals_apart),
        cmocka_unit_test(test_one_ends_and_the_other_goes_on),
        cmocka_unit_test(test_limits_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
