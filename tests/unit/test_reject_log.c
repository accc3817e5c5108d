#include "ingest/reject_log.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/thread.h"

static void add(RejectLog *log, int64_t time_ns, const char *line, size_t length)
{
    reject_log_add(log, REJECT_BAD_VALUE, time_ns, TRANSPORT_UDP, NULL, line, length);
}

static int setup(void **state)
{
    static RejectLog log;
    reject_log_init(&log);
    *state = &log;
    return 0;
}

static int teardown(void **state)
{
    reject_log_fini(*state);
    return 0;
}

static void test_everything_about_a_line(void **state)
{
    RejectLog *log = *state;
    RejectRecord out[REJECT_LOG_SIZE];
    char text[ADDRESS_TEXT_SIZE];
    Address v4;
    Address v6;
    assert_int_equal(0, address_parse("192.0.2.7:1234", &v4));
    assert_int_equal(0, address_parse("[2001:db8::1]:5", &v6));
    assert_int_equal(0, reject_log_copy(log, out, REJECT_LOG_SIZE));

    const struct sockaddr *source = (const struct sockaddr *)&v4.storage;
    reject_log_add(log, REJECT_BAD_TAGS, 17, TRANSPORT_UDP, source, "a:1|c|#\t", 8);
    source = (const struct sockaddr *)&v6.storage;
    reject_log_add(log, REJECT_BAD_NAME, 18, TRANSPORT_TCP, source, ":1", 2);
    add(log, 19, "", 0);

    assert_int_equal(3, reject_log_copy(log, out, REJECT_LOG_SIZE));
    assert_int_equal(REJECT_BAD_TAGS, out[2].reason);
    assert_int_equal(17, out[2].time_ns);
    assert_string_equal("192.0.2.7:1234", address_format(&out[2].source, text));
    assert_string_equal("a:1|c|#\\x09", out[2].text);
    assert_int_equal(REJECT_BAD_NAME, out[1].reason);
    assert_int_equal(18, out[1].time_ns);
    assert_string_equal("[2001:db8::1]:5", address_format(&out[1].source, text));
    assert_string_equal(":1", out[1].text);
    assert_int_equal(REJECT_BAD_VALUE, out[0].reason);
    assert_int_equal(0, out[0].source.length);
    assert_string_equal("", out[0].text);
    assert_int_equal(TRANSPORT_UDP, out[2].transport);
    assert_int_equal(TRANSPORT_TCP, out[1].transport);
    assert_int_equal(0, out[2].peer.family);
}

static void test_a_peer_on_this_machine(void **state)
{
    RejectLog *log = *state;
    RejectRecord out[2];
    UnixPeer peer = {AF_UNIX, 4242, 1000};
    reject_log_add(log, REJECT_BAD_VALUE, 1, TRANSPORT_UNIX, (const struct sockaddr *)&peer, "x",
                   1);
    reject_log_add(log, REJECT_BAD_VALUE, 2, TRANSPORT_UNIX, NULL, "y", 1);
    assert_int_equal(2, reject_log_copy(log, out, 2));
    assert_int_equal(TRANSPORT_UNIX, out[1].transport);
    assert_int_equal(AF_UNIX, out[1].peer.family);
    assert_int_equal(4242, out[1].peer.pid);
    assert_int_equal(1000, out[1].peer.uid);
    assert_int_equal(0, out[1].source.length);
    assert_int_equal(0, out[0].peer.family);
}

static void test_the_newest_are_kept(void **state)
{
    RejectLog *log = *state;
    RejectRecord out[REJECT_LOG_SIZE + 1];
    for (int i = 0; i < 100; i++) {
        char line[8];
        int length = snprintf(line, sizeof line, "n%d", i);
        add(log, i, line, (size_t)length);
        int kept = i + 1 < REJECT_LOG_SIZE ? i + 1 : REJECT_LOG_SIZE;
        assert_int_equal(kept, reject_log_copy(log, out, REJECT_LOG_SIZE + 1));
        for (int k = 0; k < kept; k++) {
            (void)snprintf(line, sizeof line, "n%d", i - k);
            assert_string_equal(line, out[k].text);
            assert_int_equal(i - k, out[k].time_ns);
        }
    }
}

static void test_no_more_than_there_is_room_for(void **state)
{
    RejectLog *log = *state;
    RejectRecord out[4];
    memset(out, 0x5a, sizeof out);
    RejectRecord poison = out[3];
    for (int i = 0; i < 5; i++)
        add(log, i, "x", 1);
    assert_int_equal(3, reject_log_copy(log, out, 3));
    assert_int_equal(4, out[0].time_ns);
    assert_int_equal(2, out[2].time_ns);
    assert_memory_equal(&poison, &out[3], sizeof poison);
    assert_int_equal(0, reject_log_copy(log, out, 0));
}

static void test_text_is_escaped_and_cut(void **state)
{
    RejectLog *log = *state;
    RejectRecord out[1];
    char line[300];
    memset(line, 'x', sizeof line);
    add(log, 0, line, 200);
    assert_int_equal(1, reject_log_copy(log, out, 1));
    assert_int_equal(200, strlen(out[0].text));
    add(log, 0, line, 201);
    assert_int_equal(1, reject_log_copy(log, out, 1));
    assert_int_equal(200, strlen(out[0].text));
    /* 50 escapes of 4 bytes fit; what is left over is cut between two, never inside one. */
    memset(line, 0x01, sizeof line);
    line[0] = 'x';
    add(log, 0, line, sizeof line);
    assert_int_equal(1, reject_log_copy(log, out, 1));
    assert_int_equal(197, strlen(out[0].text));
    assert_memory_equal("x\\x01", out[0].text, 5);
    add(log, 0, "\xff\\\n\xc3\xb6\0", 6);
    assert_int_equal(1, reject_log_copy(log, out, 1));
    assert_string_equal("\\xff\\\\\\x0a\xc3\xb6\\x00", out[0].text);
}

/* While a reader holds the lock the writer goes on without waiting. */
static void test_the_writer_never_waits(void **state)
{
    RejectLog *log = *state;
    RejectRecord out[REJECT_LOG_SIZE];
    add(log, 1, "before", 6);
    pthread_mutex_lock(&log->lock);
    add(log, 2, "meanwhile", 9);
    pthread_mutex_unlock(&log->lock);
    add(log, 3, "after", 5);
    assert_int_equal(2, reject_log_copy(log, out, REJECT_LOG_SIZE));
    assert_string_equal("after", out[0].text);
    assert_string_equal("before", out[1].text);
}

typedef struct {
    RejectLog *log;
    _Atomic bool done;
} Writer;

static void *write_many(void *argument)
{
    Writer *writer = argument;
    for (int64_t i = 1; i <= 20000; i++) {
        char line[24];
        int length = snprintf(line, sizeof line, "%lld", (long long)i);
        add(writer->log, i, line, (size_t)length);
    }
    /* release: pairs with the acquire in the test below. */
    atomic_store_explicit(&writer->done, true, memory_order_release);
    return NULL;
}

static void test_a_copy_is_whole_while_lines_come(void **state)
{
    Writer writer = {.log = *state};
    Thread thread = {.running = false};
    RejectRecord out[REJECT_LOG_SIZE];
    bool done;
    assert_int_equal(0, thread_start(&thread, "writer", write_many, &writer));
    do {
        /* acquire: pairs with the release in write_many(). */
        done = atomic_load_explicit(&writer.done, memory_order_acquire);
        size_t count = reject_log_copy(writer.log, out, REJECT_LOG_SIZE);
        for (size_t i = 0; i < count; i++) {
            char line[24];
            (void)snprintf(line, sizeof line, "%lld", (long long)out[i].time_ns);
            assert_string_equal(line, out[i].text);
            assert_true(i == 0 || out[i].time_ns < out[i - 1].time_ns);
        }
    } while (!done);
    assert_int_equal(0, thread_join(&thread));
    add(writer.log, INT64_MAX, "last", 4); /* nobody reads: it is kept */
    assert_int_equal(1, reject_log_copy(writer.log, out, 1));
    assert_string_equal("last", out[0].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_everything_about_a_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_peer_on_this_machine, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_newest_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_more_than_there_is_room_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text_is_escaped_and_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_writer_never_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_copy_is_whole_while_lines_come, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
