#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/server_report.h"

#define PATIENCE_NS INT64_C(20000000000)

typedef struct {
    Registry *registry;
    Pool *pool;
    HttpSite site;
} Daemon;

static void start_daemon(Daemon *daemon)
{
    Address any;
    assert_int_equal(0, address_parse("127.0.0.1:0", &any));
    char name[64];
    snprintf(name, sizeof name, "@server-report-%d", (int)getpid());
    PoolOptions options = {.threads = 2,
                           .udp = &any,
                           .udp_count = 1,
                           .unix_name = name,
                           .tcp = &any,
                           .tcp_count = 1,
                           .tcp_max_connections = 77,
                           .receive_buffer_bytes = 1 << 16};
    *daemon = (Daemon){.pool = NULL};
    assert_int_equal(0, registry_create(&daemon->registry, 1000));
    registry_set_expire_after(daemon->registry, 600);
    assert_int_equal(0, pool_open(&daemon->pool, &options, daemon->registry));
    assert_int_equal(0, pool_start(daemon->pool));
    daemon->site = (HttpSite){.registry = daemon->registry,
                              .pool = daemon->pool,
                              .version = "1.2.3",
                              .started_realtime_ns = INT64_C(1767225600000000000),
                              .started_monotonic_ns = clock_monotonic_ns(),
                              .max_connections = 99};
    assert_int_equal(0, address_parse("[::1]:8127", &daemon->site.address));
}

static void stop_daemon(Daemon *daemon)
{
    pool_close(daemon->pool);
    registry_destroy(daemon->registry);
}

/* Waits until so many lines are counted. */
static void wait_for_lines(const Daemon *daemon, uint64_t lines)
{
    int64_t end = clock_monotonic_ns() + PATIENCE_NS;
    IntakeCounts counts = {.lines = 0};
    while (counts.lines < lines) {
        assert_true(clock_monotonic_ns() < end);
        pool_counts(daemon->pool, &counts);
    }
}

/* Sends one datagram and waits until its lines are counted. */
static void send_lines(const Daemon *daemon, const char *text, uint64_t lines)
{
    PoolSocketInfo info;
    pool_socket_info(daemon->pool, 0, 0, &info);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(strlen(text),
                     sendto(fd, text, strlen(text), 0,
                            (const struct sockaddr *)&info.address.storage, info.address.length));
    close(fd);
    wait_for_lines(daemon, lines);
}

/* What stands at a path of keys and array numbers, as "ingest.threads.0.id". */
static const cJSON *find(const JsonTree *tree, const char *path)
{
    char *rest = NULL;
    const cJSON *at = tree->root;
    char *copy = strdup(path);
    assert_non_null(copy);
    for (char *key = strtok_r(copy, ".", &rest); key != NULL; key = strtok_r(NULL, ".", &rest)) {
        at = cJSON_IsArray(at) ? cJSON_GetArrayItem(at, (int)strtol(key, NULL, 10))
                               : cJSON_GetObjectItemCaseSensitive(at, key);
        assert_non_null(at);
    }
    free(copy);
    return at;
}

static uint64_t number_at(const JsonTree *tree, const char *path)
{
    return strtoull(find(tree, path)->valuestring, NULL, 10); /* our numbers are raw text */
}

static const char *text_at(const JsonTree *tree, const char *path)
{
    return find(tree, path)->valuestring;
}

static uint64_t sum_of_threads(const JsonTree *tree, const char *key)
{
    char path[64];
    uint64_t sum = 0;
    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "ingest.threads.%u.%s", i, key);
        sum += number_at(tree, path);
    }
    return sum;
}

static void test_the_service_and_http(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    http_counts_connected(&daemon.site.counts);
    http_counts_connected(&daemon.site.counts);
    http_counts_disconnected(&daemon.site.counts);
    http_counts_cut(&daemon.site.counts, 3, 0);
    http_counts_cut(&daemon.site.counts, 1, 7);
    for (int i = 0; i < 5; i++)
        http_counts_stranger(&daemon.site.counts);
    http_counts_request(&daemon.site.counts);
    http_counts_response(&daemon.site.counts, 404);
    http_counts_response(&daemon.site.counts, 200);
    http_counts_response(&daemon.site.counts, 503);
    http_counts_response(&daemon.site.counts, 499);
    JsonTree tree = server_report(&daemon.site);
    assert_false(tree.failed);
    assert_string_equal("atomicstatsd", text_at(&tree, "service.name"));
    assert_string_equal("1.2.3", text_at(&tree, "service.version"));
    assert_int_equal(getpid(), number_at(&tree, "service.pid"));
    assert_string_equal("2026-01-01T00:00:00.000Z", text_at(&tree, "service.started_at"));
    assert_true(strtod(text_at(&tree, "service.uptime_s"), NULL) < 60);
    assert_string_equal("[::1]:8127", text_at(&tree, "http.address"));
    assert_int_equal(1, number_at(&tree, "http.connections"));
    assert_int_equal(2, number_at(&tree, "http.accepted"));
    assert_int_equal(99, number_at(&tree, "http.max_connections"));
    assert_int_equal(4, number_at(&tree, "http.cut.late"));
    assert_int_equal(7, number_at(&tree, "http.cut.crowded_out"));
    assert_int_equal(5, number_at(&tree, "http.not_http"));
    assert_int_equal(1, number_at(&tree, "http.requests"));
    assert_int_equal(1, number_at(&tree, "http.responses.2xx"));
    assert_int_equal(2, number_at(&tree, "http.responses.4xx"));
    assert_int_equal(1, number_at(&tree, "http.responses.5xx"));
    json_tree_destroy(&tree);
    stop_daemon(&daemon);
}

static void test_what_came_in(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    send_lines(&daemon, "a:1:2|ms\nb:1|c\nb:x\"\\\xff\x01|c\n_e{1,1}:a|b\nf:1|f", 5);
    JsonTree tree = server_report(&daemon.site);
    assert_false(tree.failed);
    assert_int_equal(2, cJSON_GetArraySize(find(&tree, "ingest.threads")));
    assert_int_equal(1, number_at(&tree, "ingest.threads.1.id"));
    assert_int_equal(1, sum_of_threads(&tree, "datagrams"));
    assert_int_equal(5, sum_of_threads(&tree, "lines"));
    assert_int_equal(4, sum_of_threads(&tree, "values"));
    assert_int_equal(1, sum_of_threads(&tree, "ignored"));
    assert_int_equal(1, sum_of_threads(&tree, "rejected.total"));
    assert_int_equal(1, sum_of_threads(&tree, "rejected.bad_value"));
    assert_int_equal(0, sum_of_threads(&tree, "rejected.over_limit"));
    assert_int_equal(0, sum_of_threads(&tree, "dropped.kernel"));
    assert_int_equal(1, sum_of_threads(&tree, "sockets.0.datagrams"));
    assert_true(cJSON_IsNull(find(&tree, "ingest.threads.0.stuck_s")));
    assert_int_equal(1 << 16,
                     number_at(&tree, "ingest.threads.0.sockets.0.receive_buffer.asked_bytes"));
    assert_true(number_at(&tree, "ingest.threads.0.sockets.0.receive_buffer.granted_bytes") > 0);
    assert_int_equal(0, number_at(&tree, "ingest.threads.0.sockets.0.dropped.kernel"));
    assert_int_equal(0, number_at(&tree, "ingest.threads.0.sockets.0.queued_bytes"));
    assert_memory_equal("127.0.0.1:", text_at(&tree, "ingest.threads.0.sockets.0.address"), 10);
    assert_int_equal(1000, number_at(&tree, "series.max"));
    assert_int_equal(600, number_at(&tree, "series.expire_after_s"));
    assert_int_equal(0, number_at(&tree, "series.expired"));
    assert_int_equal(3, number_at(&tree, "series.total"));
    assert_int_equal(1, number_at(&tree, "series.stats"));
    assert_int_equal(1, number_at(&tree, "series.flags"));
    assert_int_equal(0, number_at(&tree, "series.progress"));
    assert_true(number_at(&tree, "memory.rss_bytes") > 1 << 20);
    assert_true(number_at(&tree, "memory.cells_bytes") > 0);
    assert_true(number_at(&tree, "memory.registry_bytes") > 0);
    json_tree_destroy(&tree);
    stop_daemon(&daemon);
}

static void send_over_unix(const Daemon *daemon, const char *text)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    PoolSocketInfo info;
    pool_socket_info(daemon->pool, 0, 1, &info);
    size_t length = strlen(info.name);
    memcpy(to.sun_path, info.name, length);
    to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(strlen(text),
                     sendto(fd, text, strlen(text), 0, (const struct sockaddr *)&to,
                            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)));
    close(fd);
}

static void send_over_tcp(const Daemon *daemon, const char *text)
{
    PoolTcpFigures unused;
    Address to = *pool_listener_info(daemon->pool, 0, 0, &unused);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, connect(fd, (const struct sockaddr *)&to.storage, to.length));
    assert_int_equal(strlen(text), send(fd, text, strlen(text), 0));
    close(fd);
}

static void test_unix_and_tcp(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    send_over_unix(&daemon, "over:unix|c");
    wait_for_lines(&daemon, 1);
    send_over_tcp(&daemon, "over:tcp|c\nb:1|c\n");
    wait_for_lines(&daemon, 3);
    JsonTree tree = server_report(&daemon.site);
    assert_false(tree.failed);
    assert_string_equal("udp", text_at(&tree, "ingest.threads.0.sockets.0.transport"));
    assert_string_equal("unix", text_at(&tree, "ingest.threads.0.sockets.1.transport"));
    assert_memory_equal("@server-report-", text_at(&tree, "ingest.threads.0.sockets.1.address"),
                        15);
    assert_int_equal(1, number_at(&tree, "ingest.threads.0.sockets.1.datagrams"));
    assert_int_equal(0, number_at(&tree, "ingest.threads.0.sockets.1.dropped.kernel"));
    assert_string_equal("tcp", text_at(&tree, "ingest.threads.0.sockets.2.transport"));
    assert_string_equal("tcp", text_at(&tree, "ingest.threads.1.sockets.1.transport"));
    assert_string_equal(text_at(&tree, "ingest.threads.0.sockets.2.address"),
                        text_at(&tree, "ingest.threads.1.sockets.1.address"));
    assert_int_equal(17, number_at(&tree, "ingest.threads.0.sockets.2.bytes") +
                             number_at(&tree, "ingest.threads.1.sockets.1.bytes"));
    assert_int_equal(77, number_at(&tree, "ingest.tcp.max_connections"));
    assert_int_equal(1, number_at(&tree, "ingest.tcp.accepted"));
    assert_int_equal(0, number_at(&tree, "ingest.tcp.refused"));
    assert_int_equal(0, number_at(&tree, "ingest.tcp.crowded_out"));
    assert_int_equal(17, number_at(&tree, "ingest.tcp.bytes"));
    assert_memory_equal("tcp 127.0.0.1:", text_at(&tree, "recent_rejected.0.source"), 14);
    assert_null(cJSON_GetObjectItemCaseSensitive(find(&tree, "recent_rejected.0"), "pid"));
    assert_string_equal("unix", text_at(&tree, "recent_rejected.1.source"));
    assert_int_equal(getpid(), number_at(&tree, "recent_rejected.1.pid"));
    assert_int_equal(getuid(), number_at(&tree, "recent_rejected.1.uid"));
    json_tree_destroy(&tree);
    stop_daemon(&daemon);
}

static void test_the_rejected_lines(void **state)
{
    (void)state;
    Daemon daemon;
    start_daemon(&daemon);
    send_lines(&daemon, "b:x\"\\\xff\x01|c", 1);
    JsonTree tree = server_report(&daemon.site);
    assert_int_equal(1, cJSON_GetArraySize(find(&tree, "recent_rejected")));
    assert_string_equal("bad_value", text_at(&tree, "recent_rejected.0.reason"));
    assert_string_equal("b:x\"\\\\\\xff\\x01|c", text_at(&tree, "recent_rejected.0.text"));
    assert_string_equal("a number is digits, as in 42, -3.5 or 1e3",
                        text_at(&tree, "recent_rejected.0.hint"));
    assert_memory_equal("127.0.0.1:", text_at(&tree, "recent_rejected.0.source"), 10);
    assert_int_equal(24, strlen(text_at(&tree, "recent_rejected.0.time")));
    size_t length = 0;
    char *text = json_tree_print(&tree, false, &length);
    assert_non_null(text);
    const char *end = NULL;
    cJSON *again = cJSON_ParseWithLengthOpts(text, length + 1, &end, true);
    assert_non_null(again);
    cJSON_Delete(again);
    free(text);
    json_tree_destroy(&tree);
    stop_daemon(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_service_and_http),
        cmocka_unit_test(test_what_came_in),
        cmocka_unit_test(test_unix_and_tcp),
        cmocka_unit_test(test_the_rejected_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
