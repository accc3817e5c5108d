#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "fixture_http.h"
#include "fixture_progress.h"
#include "fixture_series.h"
#include "http/server.h"

#define GRACE_NS INT64_C(60000000000)

typedef struct {
    FixtureSeries series;
    Pool *pool;
    HttpServer *server;
    const Address *address;
} Daemon;

static Address loopback(void)
{
    Address address;
    assert_int_equal(0, address_parse("127.0.0.1:0", &address));
    return address;
}

static HttpOptions options_for(const Daemon *daemon, const Address *listen)
{
    return (HttpOptions){
        .listen = listen,
        .inherited_fd = -1,
        .max_connections = 16,
        .registry = daemon->series.registry,
        .pool = daemon->pool,
        .version = "1.2.3",
        .started_realtime_ns = clock_realtime_ns(),
        .started_monotonic_ns = clock_monotonic_ns(),
    };
}

/* All but the server. The pool's threads are not started: nothing comes in here over UDP. */
static void prepare_daemon(Daemon *daemon)
{
    Address any = loopback();
    PoolOptions options = {.threads = 2, .udp = &any, .udp_count = 1};
    *daemon = (Daemon){.pool = NULL};
    fixture_series_init(&daemon->series, 200000);
    assert_int_equal(0, pool_open(&daemon->pool, &options, daemon->series.registry));
}

static void start_daemon(Daemon *daemon)
{
    Address any = loopback();
    prepare_daemon(daemon);
    HttpOptions options = options_for(daemon, &any);
    assert_int_equal(0, http_server_open(&daemon->server, &options));
    http_server_set_state(daemon->server, HTTP_READY);
    daemon->address = http_server_address(daemon->server);
    assert_true(address_port(daemon->address) != 0);
}

static void stop_daemon(Daemon *daemon)
{
    http_server_close(daemon->server);
    pool_close(daemon->pool);
    fixture_series_fini(&daemon->series);
}

/* Enough that the kernel's buffers cannot hold the reply. */
static void fill_large(Daemon *daemon)
{
    char name[64];
    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "a.series.with.a.name.of.usual.length.%d", i);
        fixture_series_record(&daemon->series, name, "", i);
    }
}

/* ---- one request each ---- */

static void expect_headers(const HttpReply *reply)
{
    assert_true(http_has_header(reply, "Content-Type: application/json"));
    assert_true(http_has_header(reply, "Cache-Control: no-store"));
    assert_true(http_has_header(reply, "X-Content-Type-Options: nosniff"));
}

/* GETs the target; expects the status, our headers and valid JSON. => the body, parsed. */
static cJSON *expect_reply(const Daemon *daemon, unsigned status, const char *target)
{
    HttpReply reply = http_get(daemon->address, target);
    assert_int_equal(status, reply.status);
    assert_true(reply.complete);
    expect_headers(&reply);
    const char *end = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts(reply.body, reply.length + 1, &end, true);
    assert_non_null(tree);
    http_reply_fini(&reply);
    return tree;
}

static void expect_error(const Daemon *daemon, unsigned status, const char *target)
{
    cJSON *tree = expect_reply(daemon, status, target);
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(tree, "error");
    assert_int_equal(1, cJSON_GetArraySize(tree));
    assert_int_equal(2, cJSON_GetArraySize(error));
    assert_int_equal(status, cJSON_GetObjectItemCaseSensitive(error, "status")->valueint);
    assert_true(strlen(cJSON_GetObjectItemCaseSensitive(error, "message")->valuestring) > 5);
    cJSON_Delete(tree);
}

static void expect_body(const Daemon *daemon, unsigned status, const char *target,
                        const char *expected)
{
    HttpReply reply = http_get(daemon->address, target);
    assert_int_equal(status, reply.status);
    assert_string_equal(expected, reply.body);
    expect_headers(&reply);
    http_reply_fini(&reply);
}

/* Expects the sections behind "ingest" to be this text. */
static void expect_sections(const Daemon *daemon, const char *target, const char *expected)
{
    HttpReply reply = http_get(daemon->address, target);
    assert_int_equal(200, reply.status);
    const char *sections = strstr(reply.body, "\"stats\":");
    assert_non_null(sections);
    assert_string_equal(expected, sections);
    http_reply_fini(&reply);
}

static void test_stats_and_its_filters(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    counter_cell_add_integer(fixture_series_counter(&daemon.series, "hits", ""), 42);
    counter_cell_add_integer(fixture_series_counter(&daemon.series, "hits", "a:b/c"), 1);
    fixture_series_gauge(&daemon.series, "hits", 7);
    fixture_series_flag(&daemon.series, "a b+c", true);
    progress_set_done(fixture_series_progress(&daemon.series, "hits"), 1, 1);

    cJSON *tree = expect_reply(&daemon, 200, "/stats");
    assert_int_equal(8, cJSON_GetArraySize(tree));
    cJSON_Delete(tree);
    const char *hits = "\"stats\":{},\"counters\":{\"hits\":42,\"hits|#a:b/c\":1},"
                       "\"gauges\":{},\"sets\":{},\"flags\":{},\"progress\":{}}\n";
    expect_sections(&daemon, "/stats?name=h*&type=counters", hits);
    expect_sections(&daemon, "/stats/hits?type=counters", hits);
    expect_sections(&daemon, "http://any/%73tats/hits?type=counters&later=1", hits);
    const char *tagged = "\"stats\":{},\"counters\":{\"hits|#a:b/c\":1},"
                         "\"gauges\":{},\"sets\":{},\"flags\":{},\"progress\":{}}\n";
    expect_sections(&daemon, "/stats/hits%7C%23a%3Ab%2Fc", tagged);
    expect_sections(&daemon, "/stats/hits|#a:b/c", tagged);
    expect_sections(&daemon, "/stats/a%20b+c",
                    "\"stats\":{},\"counters\":{},\"gauges\":{},\"sets\":{},"
                    "\"flags\":{\"a b+c\":true},\"progress\":{}}\n");
    const char *progress = "\"stats\":{},\"counters\":{},\"gauges\":{},\"sets\":{},\"flags\":{},"
                           "\"progress\":{\"hits\":{\"done\":1,\"total\":null,";
    for (int i = 0; i < 2; i++) {
        HttpReply reply = http_get(daemon.address, i == 0 ? "/progress" : "/progress/hits");
        assert_int_equal(200, reply.status);
        assert_non_null(strstr(reply.body, progress));
        http_reply_fini(&reply);
    }
    stop_daemon(&daemon);
}

static void test_what_is_wrong_is_an_error_in_json(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    fixture_series_gauge(&daemon.series, "gauge", 1);
    static const char *const unknown[] = {
        "/web/",  "/stats/", "/stats/none", "/progress/", "/progress/gauge", "/statsx",
        "/Stats", "//stats", "/healthz/",   "/server/x",  "/stats/gaug%65x"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        expect_error(&daemon, 404, unknown[i]);
    static const char *const bad[] = {"/stats/%00",       "/stats/gauge%00",     "/%",
                                      "/stats/%zz",       "/stats?name=%zz",     "/stats?name=%00",
                                      "/stats?type=stat", "/stats/x?type=wrong", "/server?name=%f"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect_error(&daemon, 400, bad[i]);
    expect_error(&daemon, 404, "/stats/gauge?type=flags");
    stop_daemon(&daemon);
}

static void test_long_targets(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    char *target = malloc(100001);
    assert_non_null(target);
    memset(target, 'a', 100000);
    memcpy(target, "/stats/", 7);
    target[100000] = '\0';
    HttpReply reply = http_get(daemon.address, target); /* libmicrohttpd's own refusal */
    assert_int_equal(414, reply.status);
    http_reply_fini(&reply);
    target[8001] = '\0';
    expect_error(&daemon, 414, target);
    target[8000] = '\0';
    expect_error(&daemon, 404, target);
    free(target);
    stop_daemon(&daemon);
}

static void test_health_and_readiness(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    expect_body(&daemon, 200, "/healthz", "{\"status\":\"ok\"}\n");
    expect_body(&daemon, 200, "/readyz", "{\"status\":\"ok\"}\n");
    http_server_set_state(daemon.server, HTTP_STARTING);
    expect_body(&daemon, 503, "/readyz", "{\"status\":\"starting\"}\n");
    http_server_set_state(daemon.server, HTTP_STOPPING);
    expect_body(&daemon, 503, "/readyz", "{\"status\":\"stopping\"}\n");
    pool_ping(daemon.pool); /* its threads do not run: this stays without an answer, but not long */
    expect_body(&daemon, 200, "/healthz", "{\"status\":\"ok\"}\n");
    stop_daemon(&daemon);
}

static void test_a_stuck_thread_is_told(void **state)
{
    (void)state;
    Daemon daemon;
    Address any = loopback();
    prepare_daemon(&daemon);
    HttpOptions options = options_for(&daemon, &any);
    options.stuck_ns = 1;
    assert_int_equal(0, http_server_open(&daemon.server, &options));
    daemon.address = http_server_address(daemon.server);
    expect_body(&daemon, 503, "/readyz", "{\"status\":\"starting\"}\n"); /* as it begins */
    pool_ping(daemon.pool);
    cJSON *tree = expect_reply(&daemon, 503, "/healthz");
    assert_string_equal("stuck", cJSON_GetObjectItemCaseSensitive(tree, "status")->valuestring);
    assert_true(cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(tree, "stuck_s")));
    cJSON_Delete(tree);
    stop_daemon(&daemon);
}

/* ---- methods, bodies, connections ---- */

static void test_other_methods_are_refused(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "BREW", "get"};
    static const char *const targets[] = {"/stats",  "/stats/x", "/progress",
                                          "/server", "/healthz", "/readyz"};
    HttpClient client = http_connect(daemon.address, 0);
    for (size_t m = 0; m < sizeof methods / sizeof methods[0]; m++)
        for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
            HttpReply reply = http_ask(&client, methods[m], targets[t]);
            assert_int_equal(405, reply.status);
            assert_true(http_has_header(&reply, "Allow: GET, HEAD"));
            expect_headers(&reply);
            http_reply_fini(&reply);
        }
    HttpReply reply = http_ask(&client, "POST", "/nothing");
    assert_int_equal(404, reply.status);
    http_reply_fini(&reply);
    http_disconnect(&client);
    stop_daemon(&daemon);
}

static void test_head_has_the_headers_and_no_body(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    HttpClient client = http_connect(daemon.address, 0);
    for (int i = 0; i < 3; i++) { /* were there a body, the next reply would begin with it */
        HttpReply reply = http_ask(&client, "HEAD", "/healthz");
        assert_int_equal(200, reply.status);
        assert_true(http_has_header(&reply, "Content-Length: 16"));
        expect_headers(&reply);
        http_reply_fini(&reply);
    }
    HttpReply reply = http_ask(&client, "HEAD", "/stats");
    assert_int_equal(200, reply.status);
    expect_headers(&reply);
    http_reply_fini(&reply);
    while (http_receive(&client))
        continue;
    assert_int_equal(0, client.length);
    http_disconnect(&client);
    stop_daemon(&daemon);
}

/* Sends the text; expects this status, a JSON error, and the connection's end. */
static void expect_refusal(const Daemon *daemon, unsigned status, const char *text)
{
    HttpClient client = http_connect(daemon->address, 0);
    http_send_text(&client, text);
    HttpReply reply = http_read_reply(&client, false);
    assert_int_equal(status, reply.status);
    assert_true(reply.complete);
    expect_headers(&reply);
    assert_true(http_has_header(&reply, "Connection: close"));
    assert_memory_equal("{\"error\":{", reply.body, 10);
    http_reply_fini(&reply);
    while (http_receive(&client))
        continue;
    assert_int_equal(0, client.length);
    http_disconnect(&client);
}

static void test_bodies_are_refused(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    /* The rest of each must not be taken for a second request. */
    expect_refusal(&daemon, 413,
                   "GET /stats HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
                   "helloGET /stats HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_refusal(&daemon, 413,
                   "GET /stats HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n");
    expect_refusal(&daemon, 413,
                   "GET /stats HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "0\r\n\r\nGET /stats HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_refusal(&daemon, 400,
                   "GET /stats HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n"
                   "\r\nGET /stats HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_refusal(&daemon, 400,
                   "GET /stats HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    expect_refusal(&daemon, 400,
                   "GET /stats HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello");
    expect_refusal(&daemon, 400, "GET  /stats HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_refusal(&daemon, 405,
                   "POST /stats HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    expect_refusal(&daemon, 404,
                   "PUT /none HTTP/1.1\r\nHost: x\r\nContent-Length: 500000000\r\n\r\nhello");
    stop_daemon(&daemon);
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    HttpClient client = http_connect(daemon.address, 0);
    http_send_text(&client, "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
                            "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
                            "GET /stats HTTP/1.1\r\nHost: x\r\n\r\n"
                            "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                            "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
    static const unsigned statuses[] = {200, 404, 200, 200, 200};
    for (int i = 0; i < 5; i++) {
        HttpReply reply = http_read_reply(&client, i == 3);
        assert_int_equal(statuses[i], reply.status);
        assert_true(reply.complete);
        http_reply_fini(&reply);
    }
    http_disconnect(&client);
    stop_daemon(&daemon);
}

static void test_what_is_no_http_does_no_harm(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    static const char *const wrong[] = {"", "GET", "\r\n\r\n\r\n", "\x16\x03\x01\x02",
                                        "\xff \xff\r\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        HttpClient client = http_connect(daemon.address, 0);
        http_send_text(&client, wrong[i]);
        expect_body(&daemon, 200, "/healthz", "{\"status\":\"ok\"}\n");
        http_disconnect(&client);
    }
    HttpClient client = http_connect(daemon.address, 0);
    http_send_text(&client, "GET /stats\r\n\r\n");
    HttpReply reply = http_read_reply(&client, false);
    assert_int_equal(400, reply.status);
    http_reply_fini(&reply);
    http_disconnect(&client);
    expect_body(&daemon, 200, "/healthz", "{\"status\":\"ok\"}\n");
    stop_daemon(&daemon);
}

/* The limit is 16, and those that are there ask for nothing more. */
static void test_a_newcomer_takes_the_place_of_the_longest_wait(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    HttpClient clients[17];
    for (int i = 0; i < 17; i++) {
        clients[i] = http_connect(daemon.address, 0);
        HttpReply reply = http_ask(&clients[i], "GET", "/healthz");
        assert_int_equal(200, reply.status);
        http_reply_fini(&reply);
    }
    assert_false(http_receive(&clients[0]));
    for (int i = 1; i < 17; i++) {
        HttpReply reply = http_ask(&clients[i], "GET", "/healthz");
        assert_int_equal(200, reply.status);
        http_reply_fini(&reply);
    }
    for (int i = 0; i < 17; i++)
        http_disconnect(&clients[i]);
    stop_daemon(&daemon);
}

static void test_an_old_connection_is_closed_after_its_answer(void **state)
{
    (void)state;
    Daemon daemon;
    Address any = loopback();
    prepare_daemon(&daemon);
    HttpOptions options = options_for(&daemon, &any);
    options.max_age_ns = 1;
    assert_int_equal(0, http_server_open(&daemon.server, &options));
    HttpClient client = http_connect(http_server_address(daemon.server), 0);
    HttpReply reply = http_ask(&client, "GET", "/healthz");
    assert_int_equal(200, reply.status);
    assert_true(reply.complete);
    assert_true(http_has_header(&reply, "Connection: close"));
    assert_false(http_receive(&client));
    http_reply_fini(&reply);
    http_disconnect(&client);
    stop_daemon(&daemon);
}

/* ---- long replies, stopping ---- */

/* => a client that has read the first bytes of a reply too long for the kernel's buffers. */
static HttpClient begin_long_reply(const Daemon *daemon)
{
    HttpClient client = http_connect(daemon->address, 4096);
    http_send_text(&client, "GET /stats HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(http_receive_at_least(&client, 500));
    return client;
}

static void test_readers_that_leave_early_do_no_harm(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    fill_large(&daemon);
    for (int i = 0; i < 40; i++) { /* more than connections are allowed */
        HttpClient client = begin_long_reply(&daemon);
        struct linger reset = {.l_onoff = 1, .l_linger = 0};
        if (i % 2 == 0)
            assert_int_equal(0, setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset));
        http_disconnect(&client);
    }
    expect_body(&daemon, 200, "/healthz", "{\"status\":\"ok\"}\n");
    stop_daemon(&daemon);
}

static void *read_to_the_end(void *context)
{
    HttpClient *client = context;
    HttpReply *reply = malloc(sizeof *reply);
    assert_non_null(reply);
    *reply = http_read_reply(client, false);
    return reply;
}

/* Stops the server while a client reads a long reply. => what the client got. */
static HttpReply *stop_during_long_reply(Daemon *daemon, int64_t grace_ns)
{
    HttpClient client = begin_long_reply(daemon);
    pthread_t reader;
    if (grace_ns > 0)
        assert_int_equal(0, pthread_create(&reader, NULL, read_to_the_end, &client));
    http_server_stop(daemon->server, grace_ns);
    void *reply = NULL;
    if (grace_ns > 0)
        assert_int_equal(0, pthread_join(reader, &reply));
    else
        reply = read_to_the_end(&client);
    http_disconnect(&client);
    return reply;
}

static void test_stop_lets_a_reply_in_flight_finish(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    fill_large(&daemon);
    HttpReply *reply = stop_during_long_reply(&daemon, GRACE_NS);
    assert_true(reply->complete);
    cJSON *tree = cJSON_Parse(reply->body);
    assert_int_equal(100000, cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(tree, "stats")));
    cJSON_Delete(tree);
    http_reply_fini(reply);
    free(reply);
    http_server_stop(daemon.server, GRACE_NS); /* a second time: nothing to do */
    stop_daemon(&daemon);
}

static void test_stop_without_grace_cuts(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    fill_large(&daemon);
    HttpReply *reply = stop_during_long_reply(&daemon, 0);
    assert_int_equal(200, reply->status);
    assert_false(reply->complete);
    http_reply_fini(reply);
    free(reply);
    stop_daemon(&daemon);
}

static void test_stop_does_not_wait_for_idle_connections(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    HttpClient idle = http_connect(daemon.address, 0);
    HttpReply reply = http_ask(&idle, "GET", "/healthz");
    assert_int_equal(200, reply.status);
    http_reply_fini(&reply);
    Address address = *daemon.address;
    int64_t before = clock_monotonic_ns();
    http_server_stop(daemon.server, GRACE_NS);
    assert_true(clock_monotonic_ns() - before < GRACE_NS / 10);
    assert_false(http_receive(&idle));
    http_disconnect(&idle);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(-1, connect(fd, (const struct sockaddr *)&address.storage, address.length));
    assert_int_equal(ECONNREFUSED, errno);
    close(fd);
    stop_daemon(&daemon);
}

/* ---- life ---- */

static void test_two_servers_in_one_process(void **state)
{
    (void)state;
    Daemon one;
    Daemon two;
    start_daemon(&one);
    start_daemon(&two);
    assert_true(address_port(one.address) != address_port(two.address));
    fixture_series_flag(&one.series, "one", true);
    fixture_series_flag(&two.series, "two", true);
    http_server_set_state(two.server, HTTP_STARTING);
    cJSON_Delete(expect_reply(&one, 200, "/stats/one"));
    expect_error(&one, 404, "/stats/two");
    expect_error(&two, 404, "/stats/one");
    cJSON_Delete(expect_reply(&two, 200, "/stats/two"));
    expect_body(&one, 200, "/readyz", "{\"status\":\"ok\"}\n");
    expect_body(&two, 503, "/readyz", "{\"status\":\"starting\"}\n");
    stop_daemon(&one);
    expect_body(&two, 200, "/healthz", "{\"status\":\"ok\"}\n");
    stop_daemon(&two);
}

static void test_an_address_in_use_is_an_error(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    HttpOptions options = options_for(&daemon, daemon.address);
    HttpServer *second = NULL;
    assert_int_equal(-EADDRINUSE, http_server_open(&second, &options));
    assert_null(second);
    http_server_close(NULL);
    stop_daemon(&daemon);
}

static unsigned open_files(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* Whatever step of the start runs out of file descriptors, none is lost and none closed twice. */
static void test_a_start_that_fails_leaves_nothing_open(void **state)
{
    (void)state;
    Daemon daemon;
    prepare_daemon(&daemon);
    Address any = loopback();
    HttpOptions options = options_for(&daemon, &any);
    struct rlimit limit;
    assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &limit));
    unsigned before = open_files();
    int next = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    close(next);
    unsigned failures = 0;
    for (unsigned more = 0; more < 8; more++) {
        struct rlimit few = {.rlim_cur = (rlim_t)next + more, .rlim_max = limit.rlim_max};
        assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &few));
        HttpServer *server = NULL;
        int error = http_server_open(&server, &options);
        assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &limit));
        assert_true(error == 0 || error == -EMFILE);
        assert_int_equal(error == 0, server != NULL);
        failures += error != 0;
        http_server_close(server);
        assert_int_equal(before, open_files());
    }
    assert_in_range(failures, 2, 7);
    stop_daemon(&daemon);
}

static void test_an_inherited_socket_is_used_and_closed(void **state)
{
    (void)state;
    Daemon daemon;
    prepare_daemon(&daemon);
    Address any = loopback();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(0, bind(fd, (const struct sockaddr *)&any.storage, any.length));
    assert_int_equal(0, listen(fd, 5));
    HttpOptions options = options_for(&daemon, NULL);
    options.inherited_fd = fd;
    assert_int_equal(0, http_server_open(&daemon.server, &options));
    daemon.address = http_server_address(daemon.server);
    expect_body(&daemon, 200, "/healthz", "{\"status\":\"ok\"}\n");
    http_server_close(daemon.server);
    assert_int_equal(-1, fcntl(fd, F_GETFD));
    int wrong = open("/dev/null", O_RDONLY | O_CLOEXEC);
    options.inherited_fd = wrong;
    assert_int_equal(-EINVAL, http_server_open(&daemon.server, &options));
    assert_int_equal(-1, fcntl(wrong, F_GETFD));
    daemon.server = NULL;
    stop_daemon(&daemon);
}

/* Were a signal open in the server's thread, this one would end the process. */
static void test_signals_stay_with_the_caller(void **state)
{
    (void)state;
    sigset_t user;
    sigset_t before;
    sigset_t after;
    sigemptyset(&user);
    sigaddset(&user, SIGUSR1);
    assert_int_equal(0, pthread_sigmask(SIG_SETMASK, NULL, &before));
    Daemon daemon;
    start_daemon(&daemon);
    assert_int_equal(0, pthread_sigmask(SIG_BLOCK, &user, &after));
    for (int number = 1; number < NSIG; number++)
        assert_int_equal(sigismember(&before, number), sigismember(&after, number));
    assert_int_equal(0, kill(getpid(), SIGUSR1));
    expect_body(&daemon, 200, "/healthz", "{\"status\":\"ok\"}\n");
    int taken = 0;
    assert_int_equal(0, sigwait(&user, &taken));
    assert_int_equal(SIGUSR1, taken);
    assert_int_equal(0, pthread_sigmask(SIG_SETMASK, &before, NULL));
    stop_daemon(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stats_and_its_filters),
        cmocka_unit_test(test_what_is_wrong_is_an_error_in_json),
        cmocka_unit_test(test_long_targets),
        cmocka_unit_test(test_health_and_readiness),
        cmocka_unit_test(test_a_stuck_thread_is_told),
        cmocka_unit_test(test_other_methods_are_refused),
        cmocka_unit_test(test_head_has_the_headers_and_no_body),
        cmocka_unit_test(test_bodies_are_refused),
        cmocka_unit_test(test_pipelined_requests_are_answered_in_order),
        cmocka_unit_test(test_what_is_no_http_does_no_harm),
        cmocka_unit_test(test_a_newcomer_takes_the_place_of_the_longest_wait),
        cmocka_unit_test(test_an_old_connection_is_closed_after_its_answer),
        cmocka_unit_test(test_readers_that_leave_early_do_no_harm),
        cmocka_unit_test(test_stop_lets_a_reply_in_flight_finish),
        cmocka_unit_test(test_stop_without_grace_cuts),
        cmocka_unit_test(test_stop_does_not_wait_for_idle_connections),
        cmocka_unit_test(test_two_servers_in_one_process),
        cmocka_unit_test(test_an_address_in_use_is_an_error),
        cmocka_unit_test(test_a_start_that_fails_leaves_nothing_open),
        cmocka_unit_test(test_an_inherited_socket_is_used_and_closed),
        cmocka_unit_test(test_signals_stay_with_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
