#include "ingest/receiver.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture_pipeline.h"
#include "ingest/stream_lines.h"
#include "ingest/unix_socket.h"

typedef struct {
    FixturePipeline *pipeline;
    Arena memory;
    Hand *hand;
    IntakeCounters counters;
    Receiver receiver;
    int fds[2]; /* what is sent to the first is received from the second */
    Stream stream;
} Bench;

static void open_pair(Bench *b, int type)
{
    int on = 1;
    assert_int_equal(0, socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, b->fds));
    assert_int_equal(0, setsockopt(b->fds[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
}

static int setup(void **state)
{
    Bench *b = aligned_alloc(_Alignof(Bench), sizeof *b);
    assert_non_null(b);
    memset(b, 0, sizeof *b);
    b->pipeline = fixture_pipeline_create(100, false);
    assert_int_equal(0, hand_open(NULL, &b->memory, &b->hand));
    pipeline_set_ledger(&b->pipeline->pipeline, &b->hand->ledger);
    b->receiver = (Receiver){b->hand, &b->pipeline->pipeline, &b->counters};
    b->fds[0] = b->fds[1] = -1;
    b->stream.peer.sin6_family = AF_INET6;
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    Bench *b = *state;
    fixture_pipeline_destroy(b->pipeline);
    arena_fini(&b->memory);
    for (int i = 0; i < 2; i++)
        if (b->fds[i] >= 0)
            close(b->fds[i]);
    free(b);
    return 0;
}

static void put(const Bench *b, const char *text)
{
    assert_int_equal(strlen(text), send(b->fds[0], text, strlen(text), 0));
}

static IntakeCounts counts_of(const Bench *b)
{
    IntakeCounts counts;
    intake_counters_read(&b->counters, &counts);
    return counts;
}

static int64_t counter(const Bench *b, const char *name)
{
    return fixture_pipeline_counter(b->pipeline, name);
}

static RejectRecord latest_rejected(const Bench *b)
{
    RejectRecord record;
    assert_int_equal(1, reject_log_copy(&b->pipeline->rejects, &record, 1));
    return record;
}

/* ---- datagrams ---- */

static void test_unix_datagrams(void **state)
{
    Bench *b = *state;
    open_pair(b, SOCK_DGRAM);
    assert_int_equal(-EAGAIN, receiver_take_unix(&b->receiver, b->fds[1]));
    put(b, "a:1|c\na:2|c");
    put(b, "");
    put(b, "a:x|c");
    assert_int_equal(3, receiver_take_unix(&b->receiver, b->fds[1]));
    assert_int_equal(-EAGAIN, receiver_take_unix(&b->receiver, b->fds[1]));
    IntakeCounts counts = counts_of(b);
    assert_int_equal(3, counts.datagrams);
    assert_int_equal(16, counts.bytes);
    assert_int_equal(3, counts.lines);
    assert_int_equal(2, counts.values);
    assert_int_equal(1, counts.rejected[REJECT_BAD_VALUE]);
    assert_int_equal(3, counter(b, "a"));
    RejectRecord record = latest_rejected(b);
    assert_int_equal(TRANSPORT_UNIX, record.transport);
    assert_int_equal(getpid(), record.peer.pid);
    assert_int_equal(getuid(), record.peer.uid);
}

/* Without SO_PASSCRED nothing is known of who sends. */
static void test_no_credentials(void **state)
{
    Bench *b = *state;
    int off = 0;
    open_pair(b, SOCK_DGRAM);
    put(b, "a:x|c");
    assert_int_equal(1, receiver_take_unix(&b->receiver, b->fds[1]));
    assert_int_equal(AF_UNIX, latest_rejected(b).peer.family);
    assert_int_equal(0, setsockopt(b->fds[1], SOL_SOCKET, SO_PASSCRED, &off, sizeof off));
    put(b, "b:x|c"); /* and what was told of the datagram before is not told of this one */
    assert_int_equal(1, receiver_take_unix(&b->receiver, b->fds[1]));
    RejectRecord record = latest_rejected(b);
    assert_string_equal("b:x|c", record.text);
    assert_int_equal(0, record.peer.family);
}

/* Descriptors that somebody sends along are not kept. */
static void test_descriptors_are_not_taken(void **state)
{
    Bench *b = *state;
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.head = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    char text[] = "a:1|c";
    struct iovec vector = {text, 5};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    open_pair(b, SOCK_DGRAM);
    memcpy(CMSG_DATA(&control.head), &b->fds[0], sizeof(int));
    int before = dup(0);
    close(before);
    assert_int_equal(5, sendmsg(b->fds[0], &message, 0));
    assert_int_equal(1, receiver_take_unix(&b->receiver, b->fds[1]));
    int after = dup(0);
    close(after);
    assert_int_equal(before, after);
    assert_int_equal(1, counter(b, "a"));
}

/* Of a datagram longer than any over UDP, the lines that are whole count. */
static void test_one_that_is_cut(void **state)
{
    Bench *b = *state;
    enum {
        BYTES = 6 * 20000,
        WHOLE = RECEIVE_BUFFER_BYTES / 6
    };
    int room = 1 << 20;
    char *text = malloc(BYTES);
    assert_non_null(text);
    open_pair(b, SOCK_DGRAM);
    assert_int_equal(0, setsockopt(b->fds[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room));
    for (size_t i = 0; i < BYTES; i++)
        text[i] = "a:1|c\n"[i % 6];
    assert_int_equal(BYTES, send(b->fds[0], text, BYTES, 0));
    put(b, "b:1|c");
    memset(text, 'x', BYTES);
    assert_int_equal(BYTES, send(b->fds[0], text, BYTES, 0));
    assert_int_equal(3, receiver_take_unix(&b->receiver, b->fds[1]));
    IntakeCounts counts = counts_of(b);
    assert_int_equal(3, counts.datagrams);
    assert_int_equal(WHOLE + 1, counts.values);
    assert_int_equal(WHOLE + 3, counts.lines);
    assert_int_equal(2, counts.rejected[REJECT_TOO_LONG]);
    assert_int_equal(2 * RECEIVE_BUFFER_BYTES + 5, counts.bytes);
    assert_int_equal(WHOLE, counter(b, "a"));
    assert_int_equal(1, counter(b, "b"));
    free(text);
}

/* ---- streams ---- */

static int take(Bench *b)
{
    return receiver_take_stream(&b->receiver, b->fds[1], &b->stream);
}

/* As a connection does: what is kept has to be kept elsewhere. */
static int take_and_keep(Bench *b, char kept[STREAM_LINE_MAX])
{
    int got = take(b);
    if (got >= 0) {
        memcpy(kept, b->stream.kept, b->stream.kept_length);
        b->stream.kept = kept;
    }
    return got;
}

static void test_a_stream(void **state)
{
    Bench *b = *state;
    char kept[STREAM_LINE_MAX];
    open_pair(b, SOCK_STREAM);
    assert_int_equal(-EAGAIN, take_and_keep(b, kept));
    put(b, "a:1|c\na:2|");
    assert_int_equal(10, take_and_keep(b, kept));
    assert_int_equal(1, counter(b, "a"));
    assert_int_equal(4, b->stream.kept_length);
    assert_int_equal(6, counts_of(b).bytes); /* the line has not come yet */
    assert_int_equal(-EAGAIN, take_and_keep(b, kept));
    assert_int_equal(4, b->stream.kept_length);
    put(b, "c\r\n\na:x|c\na:5|c");
    assert_int_equal(15, take_and_keep(b, kept));
    assert_int_equal(3, counter(b, "a"));
    RejectRecord record = latest_rejected(b);
    assert_int_equal(TRANSPORT_TCP, record.transport);
    assert_string_equal("a:x|c", record.text);
    close(b->fds[0]);
    b->fds[0] = -1;
    assert_int_equal(0, take_and_keep(b, kept)); /* the last line ends with the stream */
    assert_int_equal(0, b->stream.kept_length);
    assert_int_equal(8, counter(b, "a"));
    IntakeCounts counts = counts_of(b);
    assert_int_equal(0, counts.datagrams);
    assert_int_equal(25, counts.bytes);
    assert_int_equal(4, counts.lines);
    assert_int_equal(3, counts.values);
    assert_int_equal(1, counts.rejected[REJECT_BAD_VALUE]);
}

static void test_a_line_without_end(void **state)
{
    Bench *b = *state;
    enum {
        PIECE = 3000,
        PIECES = 50
    };
    char kept[STREAM_LINE_MAX];
    char text[PIECE + 1];
    memset(text, 'x', PIECE);
    text[PIECE] = '\0';
    open_pair(b, SOCK_STREAM);
    put(b, "a:1|c\n");
    for (int i = 0; i < PIECES; i++) {
        put(b, text);
        assert_true(take_and_keep(b, kept) >= PIECE);
    }
    IntakeCounts counts = counts_of(b);
    assert_int_equal(1, counts.rejected[REJECT_TOO_LONG]);
    assert_int_equal(6 + PIECE * PIECES, counts.bytes);
    assert_int_equal(2, counts.lines);
    assert_true(b->stream.skipping);
    put(b, "yyy\na:2|c\n");
    assert_int_equal(10, take_and_keep(b, kept));
    assert_false(b->stream.skipping);
    assert_int_equal(3, counter(b, "a"));
    assert_int_equal(3, counts_of(b).lines);
    close(b->fds[0]);
    b->fds[0] = -1;
    assert_int_equal(0, take_and_keep(b, kept));
    assert_int_equal(3, counts_of(b).lines);
}

/* UDP, Unix and streams in turn use the same buffers. */
static void test_all_in_turn(void **state)
{
    Bench *b = *state;
    char kept[STREAM_LINE_MAX];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof at;
    int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, bind(udp, (struct sockaddr *)&at, length));
    assert_int_equal(0, getsockname(udp, (struct sockaddr *)&at, &length));
    int sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, connect(sender, (struct sockaddr *)&at, length));
    int datagrams[2];
    open_pair(b, SOCK_DGRAM);
    memcpy(datagrams, b->fds, sizeof datagrams);
    open_pair(b, SOCK_STREAM);
    for (int i = 1; i <= 100; i++) {
        assert_int_equal(5, send(sender, "u:1|c", 5, 0));
        int got;
        while ((got = receiver_take_udp(&b->receiver, udp)) == -EAGAIN) {
        }
        assert_int_equal(1, got);
        assert_int_equal(5, send(datagrams[0], "d:1|c", 5, 0));
        assert_int_equal(1, receiver_take_unix(&b->receiver, datagrams[1]));
        put(b, "|c\nt:1");
        assert_int_equal(6, take_and_keep(b, kept));
        assert_int_equal(i, counter(b, "u"));
        assert_int_equal(i, counter(b, "d"));
    }
    assert_int_equal(99, counter(b, "t"));
    assert_int_equal(5, send(sender, "u:x|c", 5, 0));
    while (receiver_take_udp(&b->receiver, udp) == -EAGAIN) {
    }
    RejectRecord record = latest_rejected(b);
    assert_int_equal(TRANSPORT_UDP, record.transport);
    assert_int_equal(AF_INET, record.source.storage.ss_family); /* the kernel tells it, as ever */
    close(udp);
    close(sender);
    close(datagrams[0]);
    close(datagrams[1]);
}

/* ---- what a process that was killed had in its hands ---- */

/* A hand as the kernel has left it: with the read's length, and nothing recorded yet. */
static Hand *hand_of_another(uint32_t transport, const char *text, size_t kept)
{
    Hand *hand = calloc(1, sizeof *hand);
    assert_non_null(hand);
    receive_batch_init(&hand->batch);
    hand->transport = transport;
    hand->stream.kept = (uint32_t)kept;
    memcpy(hand->batch.bytes, text, strlen(text) + 1);
    hand->batch.headers[0].msg_len = (unsigned)(strlen(text) - kept);
    hand->batch.sources[0].sin6_family = AF_INET6;
    return hand;
}

static void test_a_streams_text_is_replayed(void **state)
{
    Bench *b = *state;
    Hand *hand = hand_of_another(TRANSPORT_TCP, "a:1|c\na:2|c\na:4|c\na:8", 3);
    assert_int_equal(1, hand_count(hand));
    receiver_replay(&b->receiver, hand, 1); /* the first value is in */
    assert_int_equal(6, counter(b, "a"));   /* what begins the last line is nothing */
    IntakeCounts counts = counts_of(b);
    assert_int_equal(0, counts.datagrams);
    assert_int_equal(3, counts.values);
    assert_int_equal(18, counts.bytes);
    free(hand);

    hand = hand_of_another(TRANSPORT_TCP, "a:8|c", 5); /* its end had been read */
    receiver_replay(&b->receiver, hand, 0);
    assert_int_equal(14, counter(b, "a"));
    free(hand);

    hand = hand_of_another(TRANSPORT_TCP, "xxxx\na:1|c\n", 0);
    hand->stream.skipping = 1;
    receiver_replay(&b->receiver, hand, 0);
    assert_int_equal(15, counter(b, "a"));
    assert_int_equal(5, counts_of(b).lines); /* the rest of that line is none */
    free(hand);

    hand = hand_of_another(TRANSPORT_TCP, "a:100|c\n", 3); /* nothing had been read */
    hand->batch.headers[0].msg_len = RECEIVE_NONE;
    receiver_replay(&b->receiver, hand, 0);
    assert_int_equal(15, counter(b, "a"));
    free(hand);
}

static void test_a_unix_datagram_is_replayed(void **state)
{
    Bench *b = *state;
    Hand *hand = hand_of_another(TRANSPORT_UNIX, "a:1|c\na:x|c\na:2", 0);
    hand->batch.controls[0] = (ReceiveControl){
        CMSG_LEN(sizeof(struct ucred)), SOL_SOCKET, SCM_CREDENTIALS, {4242, 1000, 1000}};
    hand->batch.headers[0].msg_hdr.msg_flags = MSG_TRUNC;
    receiver_replay(&b->receiver, hand, 0);
    assert_int_equal(1, counter(b, "a"));
    IntakeCounts counts = counts_of(b);
    assert_int_equal(1, counts.datagrams);
    assert_int_equal(3, counts.lines);
    assert_int_equal(1, counts.rejected[REJECT_TOO_LONG]);
    assert_int_equal(4242, latest_rejected(b).peer.pid);
    assert_int_equal(1000, latest_rejected(b).peer.uid);
    free(hand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_unix_datagrams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_credentials, setup, teardown),
        cmocka_unit_test_setup_teardown(test_descriptors_are_not_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_that_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_line_without_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_in_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_streams_text_is_replayed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_unix_datagram_is_replayed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
