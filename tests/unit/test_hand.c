#include "ingest/hand.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "fixture_arenas.h"
#include "ingest/stream_lines.h"

typedef struct {
    FixtureFolder folder;
    ArenaStore *store;
    Arena arena;
    Hand *hand;
} Bench;

static int setup(void **state)
{
    Bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    fixture_folder_open(&b->folder);
    assert_int_equal(0, arena_store_create(&b->store, b->folder.fd, 1));
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    Bench *b = *state;
    arena_fini(&b->arena);
    arena_store_close(b->store);
    fixture_folder_close(&b->folder);
    free(b);
    return 0;
}

static void expect_empty(const Hand *hand)
{
    IntakeCounts counts;
    LedgerProgress progress;
    assert_int_equal(
        0, ledger_read(&hand->ledger, (uintptr_t)&hand->ledger, NULL, NULL, &counts, &progress));
    assert_false(progress.in_hand);
    assert_int_equal(0, counts.datagrams);
    for (int i = 0; i < RECEIVE_BATCH_SIZE; i++)
        assert_true(hand->batch.headers[i].msg_len == RECEIVE_NONE);
    static const HandOrigin none;
    assert_memory_equal(&none, &hand->origin, sizeof none);
    for (size_t i = 0; i < HAND_SOCKETS; i++) {
        uint64_t drops;
        assert_true(kept_drops_read(&hand->dropped[i], (uintptr_t)&hand->dropped[i], &drops));
        assert_int_equal(0, drops);
    }
    assert_true(hand_is_sound(hand, (uintptr_t)hand, &progress, 0));
}

static void test_in_no_file(void **state)
{
    Bench *b = *state;
    assert_int_equal(0, hand_open(NULL, &b->arena, &b->hand));
    expect_empty(b->hand);
    assert_int_equal(0, hand_complete(&b->arena, b->hand));
    assert_int_equal(0, fixture_folder_each(&b->folder, "", NULL));
}

/* => bytes that the disk holds of it. */
static size_t held(const Bench *b)
{
    struct stat file;
    assert_int_equal(0, fstat(b->arena.fd, &file));
    assert_true((size_t)file.st_size >= ARENA_HEAD_BYTES + sizeof(Hand));
    return (size_t)file.st_blocks * 512;
}

/* => whether all pages of the range are in memory. */
static bool is_resident(char *from, size_t bytes)
{
    static unsigned char pages[sizeof(Hand) / 4096 + 2];
    size_t before = (uintptr_t)from % 4096;
    size_t count = (before + bytes + 4095) / 4096;
    assert_true(count <= sizeof pages);
    char *first = from - before;
    assert_int_equal(0, mincore(first, before + bytes, pages));
    for (size_t i = 0; i < count; i++) {
        if ((pages[i] & 1) == 0)
            return false;
    }
    return true;
}

static void test_what_the_kernel_writes_to_is_in_memory(void **state)
{
    Bench *b = *state;
    assert_int_equal(0, hand_open(b->store, &b->arena, &b->hand));
    expect_empty(b->hand);
    assert_true(is_resident((char *)b->hand, offsetof(Hand, batch.bytes)));
    for (size_t i = 0; i < RECEIVE_BATCH_SIZE; i++)
        assert_true(is_resident(b->hand->batch.bytes + i * RECEIVE_STRIDE, 8192));
    assert_true(held(b) < sizeof(Hand) / 2);
    int error =
        hand_complete(&b->arena, b->hand); /* whether it may lock that much is the system's */
    assert_true(error == 0 || error == -ENOMEM || error == -EPERM);
    assert_true(held(b) >= ARENA_HEAD_BYTES + sizeof(Hand));
    expect_empty(b->hand);
}

static void test_memory_that_must_not_be_locked(void **state)
{
    Bench *b = *state;
    struct rlimit usual;
    assert_int_equal(0, hand_open(b->store, &b->arena, &b->hand));
    assert_int_equal(0, getrlimit(RLIMIT_MEMLOCK, &usual));
    const struct rlimit none = {0, usual.rlim_max};
    assert_int_equal(0, setrlimit(RLIMIT_MEMLOCK, &none));
    int error = hand_complete(&b->arena, b->hand);
    assert_int_equal(0, setrlimit(RLIMIT_MEMLOCK, &usual));
    assert_true(error == -EPERM || error == -ENOMEM || geteuid() == 0);
    assert_true(held(b) >= ARENA_HEAD_BYTES + sizeof(Hand));
}

/* Also the longest datagram comes in, before and after. */
static void test_receives(void **state)
{
    Bench *b = *state;
    static char longest[60000];
    int ends[2];
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends));
    assert_int_equal(0, hand_open(b->store, &b->arena, &b->hand));
    for (int round = 0; round < 3; round++) {
        memset(longest, 'a' + round, sizeof longest);
        udp_send(ends[0], longest, sizeof longest);
        udp_send(ends[0], "", 0);
        assert_int_equal(2, receive_batch_fill(&b->hand->batch, ends[1]));
        assert_int_equal(sizeof longest, b->hand->batch.headers[0].msg_len);
        assert_int_equal(0, b->hand->batch.headers[1].msg_len);
        assert_memory_equal(longest, receive_batch_bytes(&b->hand->batch, 0), sizeof longest);
        assert_true(b->hand->batch.headers[2].msg_len == RECEIVE_NONE);
        receive_batch_clear(&b->hand->batch, 2);
        if (round == 0)
            (void)hand_complete(&b->arena, b->hand);
    }
    close(ends[0]);
    close(ends[1]);
}

static void test_who_comes_after_finds_it(void **state)
{
    Bench *b = *state;
    ArenaPast *past;
    CheckpointReason reason;
    Arena series;
    uint64_t next;
    assert_int_equal(0, arena_store_open(b->store, ARENA_SERIES, 1 << 20, &series));
    assert_int_equal(0, hand_open(b->store, &b->arena, &b->hand));
    ledger_begin(&b->hand->ledger);
    b->hand->batch.headers[63].msg_len = 42;
    b->hand->batch.bytes[sizeof b->hand->batch.bytes - 1] = 'x';
    arena_store_ready(b->store);
    assert_int_equal(0, arena_past_open(&past, b->folder.fd, &next, &reason));
    const Hand *found = arena_past_root(past, 1, ARENA_HAND, sizeof *found, NULL);
    assert_non_null(found);
    assert_memory_equal(b->hand, found, sizeof *found);
    arena_past_close(past);
    arena_fini(&series);
}

/* ---- checks ---- */

static LedgerProgress progress_of(const Hand *hand)
{
    IntakeCounts counts;
    LedgerProgress progress;
    assert_int_equal(
        0, ledger_read(&hand->ledger, (uintptr_t)&hand->ledger, NULL, NULL, &counts, &progress));
    return progress;
}

static bool is_sound(const Hand *hand, int count)
{
    const LedgerProgress progress = progress_of(hand);
    return hand_is_sound(hand, (uintptr_t)hand, &progress, count);
}

/* Each bit of these bytes, and zeroes if they are not 0. */
static void expect_guarded(Hand *hand, int count, void *from, size_t bytes)
{
    unsigned char *at = from;
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        at[bit / 8] ^= (unsigned char)(1U << bit % 8);
        if (is_sound(hand, count))
            fail_msg("bit %zu of byte %zu goes unnoticed", bit % 8, bit / 8);
        at[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
    assert_true(is_sound(hand, count));
}

/* A batch in hand: datagrams of these lengths, by IPv4 and IPv6 in turn. => how many. */
static int fill_batch(Hand *hand)
{
    static const unsigned lengths[] = {30, 0, 1, 16, 100, 5000};
    enum {
        COUNT = sizeof lengths / sizeof *lengths
    };
    for (int i = 0; i < COUNT; i++) {
        memset(hand->batch.bytes + (size_t)i * RECEIVE_STRIDE, 'a' + i, lengths[i]);
        hand->batch.sources[i].sin6_family = i % 2 == 0 ? AF_INET : AF_INET6;
        hand->batch.sources[i].sin6_port = (in_port_t)(1000 + i);
        hand->batch.headers[i].msg_len = lengths[i];
    }
    return COUNT;
}

static void test_a_sealed_batch(void **state)
{
    Bench *b = *state;
    assert_int_equal(0, hand_open(b->store, &b->arena, &b->hand));
    Hand *hand = b->hand;
    for (int round = 0; round < 2; round++) {
        static const IntakeCounts counts = {.datagrams = 1};
        hand_unseal(hand);
        ledger_begin(&hand->ledger);
        assert_true(is_sound(hand, 0)); /* nothing has come */
        int count = fill_batch(hand);
        assert_true(is_sound(hand, count)); /* it has, but nobody knows */
        redo_pass(&hand->ledger.redo, 1);
        assert_false(is_sound(hand, count)); /* nobody records what has no seal */
        ledger_begin(&hand->ledger);
        expect_guarded(hand, count, &hand->seal, sizeof hand->seal); /* one that there is not yet */
        atomic_store_explicit(&hand->ledger.now_ns, 1234567 + round, memory_order_relaxed);
        hand_seal(hand, count);
        redo_pass(&hand->ledger.redo, 1);
        assert_true(is_sound(hand, count));
        assert_false(is_sound(hand, count - 1));
        const LedgerProgress progress = progress_of(hand);
        assert_false(hand_is_sound(hand, (uintptr_t)hand + 4096, &progress, count));
        for (int i = 0; i < count; i++) {
            size_t length = hand->batch.headers[i].msg_len;
            expect_guarded(hand, count, hand->batch.bytes + (size_t)i * RECEIVE_STRIDE,
                           length < 100 ? length : 100);
            expect_guarded(hand, count, &hand->batch.sources[i], 8);
        }
        expect_guarded(hand, count, &hand->seal, sizeof hand->seal);
        expect_guarded(hand, count, &hand->ledger.now_ns, 8);
        hand->ledger.gauge_sign = 1;
        assert_false(is_sound(hand, count));
        hand->ledger.gauge_sign = 0;
        hand->batch.headers[4].msg_len = 99;
        assert_false(is_sound(hand, count));
        receive_batch_clear(&hand->batch, count);
        ledger_end(&hand->ledger, &counts);
        assert_true(is_sound(hand, 0));
    }
}

/* What a report tells of who has sent, and whether a datagram was cut. */
static void test_a_sealed_batch_of_a_unix_socket(void **state)
{
    Bench *b = *state;
    assert_int_equal(0, hand_open(b->store, &b->arena, &b->hand));
    Hand *hand = b->hand;
    hand->transport = TRANSPORT_UNIX;
    ledger_begin(&hand->ledger);
    int count = fill_batch(hand);
    for (int i = 0; i < count; i++)
        hand->batch.controls[i] = (ReceiveControl){
            CMSG_LEN(sizeof(struct ucred)), SOL_SOCKET, SCM_CREDENTIALS, {1000 + i, 7, 8}};
    hand->batch.headers[5].msg_hdr.msg_flags = MSG_TRUNC;
    hand_seal(hand, count);
    redo_pass(&hand->ledger.redo, 1);
    expect_guarded(hand, count, &hand->transport, sizeof hand->transport);
    for (int i = 0; i < count; i++) {
        size_t length = hand->batch.headers[i].msg_len;
        expect_guarded(hand, count, hand->batch.bytes + (size_t)i * RECEIVE_STRIDE,
                       length < 100 ? length : 100);
        expect_guarded(hand, count, &hand->batch.controls[i], CMSG_LEN(sizeof(struct ucred)));
        hand->batch.headers[i].msg_hdr.msg_flags ^= MSG_TRUNC;
        assert_false(is_sound(hand, count));
        hand->batch.headers[i].msg_hdr.msg_flags ^= MSG_TRUNC;
    }
}

/* The beginning of a line that was kept, too. */
static void test_a_sealed_read_of_a_stream(void **state)
{
    Bench *b = *state;
    assert_int_equal(0, hand_open(b->store, &b->arena, &b->hand));
    Hand *hand = b->hand;
    hand->transport = TRANSPORT_TCP;
    hand->stream = (HandStream){3, 0};
    ledger_begin(&hand->ledger);
    memset(hand->batch.bytes, 'x', 100);
    hand->batch.sources[0].sin6_family = AF_INET6;
    hand->batch.headers[0].msg_len = 97;
    hand_seal(hand, 1);
    redo_pass(&hand->ledger.redo, 1);
    assert_int_equal(1, hand_count(hand));
    expect_guarded(hand, 1, &hand->transport, sizeof hand->transport);
    expect_guarded(hand, 1, hand->batch.bytes, 100);
    expect_guarded(hand, 1, &hand->batch.sources[0], sizeof hand->batch.sources[0]);
    const HandStream wrong[] = {{2, 0}, {4, 0}, {3, 1}, {0, 0}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        hand->stream = wrong[i];
        assert_false(is_sound(hand, 1));
    }
    hand->stream = (HandStream){3, 0};
    hand->batch.headers[0].msg_len = 96;
    assert_false(is_sound(hand, 1));
}

static void test_the_origin_and_the_drops(void **state)
{
    Bench *b = *state;
    assert_int_equal(0, hand_open(b->store, &b->arena, &b->hand));
    Hand *hand = b->hand;
    hand->origin.before.lines = 77;
    hand->origin.cookies[1] = 4097;
    assert_false(is_sound(hand, 0));
    hand_sign_origin(hand);
    kept_drops_note(&hand->dropped[1], 5);
    hand_unseal(hand);
    ledger_begin(&hand->ledger);
    assert_true(is_sound(hand, 0));
    expect_guarded(hand, 0, &hand->origin, sizeof hand->origin);
    expect_guarded(hand, 0, &hand->origin_check, sizeof hand->origin_check);
    expect_guarded(hand, 0, hand->dropped, sizeof hand->dropped);
    memset(&hand->origin, 0, sizeof hand->origin);
    hand->origin_check = 0;
    assert_false(is_sound(hand, 0));
}

static void expect_count(Hand *hand, Transport transport, int expected)
{
    hand->transport = transport;
    assert_int_equal(expected, hand_count(hand));
}

static void test_what_can_be_in_it(void **state)
{
    Bench *b = *state;
    assert_int_equal(0, hand_open(NULL, &b->arena, &b->hand));
    Hand *hand = b->hand;
    struct mmsghdr *headers = hand->batch.headers;
    assert_int_equal(TRANSPORT_UDP, hand->transport);
    expect_count(hand, TRANSPORT_UDP, 0);
    expect_count(hand, TRANSPORT_TCP, 0);
    expect_count(hand, (Transport)0, -EBADMSG);
    expect_count(hand, TRANSPORT_UDP ^ 1, -EBADMSG);

    headers[0].msg_len = 0;
    headers[1].msg_len = RECEIVE_BUFFER_BYTES;
    expect_count(hand, TRANSPORT_UDP, 2);
    expect_count(hand, TRANSPORT_UNIX, 2);
    assert_int_equal(RECEIVE_BUFFER_BYTES, hand_text_length(hand, 1));
    expect_count(hand, TRANSPORT_TCP, -EBADMSG); /* a stream has one text */
    headers[1].msg_len = RECEIVE_BUFFER_BYTES + 1;
    expect_count(hand, TRANSPORT_UDP, -EBADMSG);
    expect_count(hand, TRANSPORT_UNIX, -EBADMSG);

    headers[1].msg_len = RECEIVE_NONE;
    hand->stream = (HandStream){STREAM_LINE_MAX, 1};
    expect_count(hand, TRANSPORT_TCP, 1);
    assert_int_equal(STREAM_LINE_MAX, hand_text_length(hand, 0));
    headers[0].msg_len = RECEIVE_BUFFER_BYTES - STREAM_LINE_MAX;
    expect_count(hand, TRANSPORT_TCP, 1);
    headers[0].msg_len++;
    expect_count(hand, TRANSPORT_TCP, -EBADMSG);
    headers[0].msg_len = 1;
    hand->stream = (HandStream){STREAM_LINE_MAX + 1, 0};
    expect_count(hand, TRANSPORT_TCP, -EBADMSG);
    hand->stream = (HandStream){0, 2};
    expect_count(hand, TRANSPORT_TCP, -EBADMSG);
    expect_count(hand, TRANSPORT_UDP, 1); /* of a datagram that says nothing */
    assert_int_equal(1, hand_text_length(hand, 0));
}

/* RLIMIT_FSIZE in place of a full disk. */
static void test_no_room(void **state)
{
    Bench *b = *state;
    struct rlimit usual;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &usual));
    static const rlim_t limits[] = {0, 1 << 16, 1 << 20};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        const struct rlimit small = {limits[i], usual.rlim_max};
        assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &small));
        int error = hand_open(b->store, &b->arena, &b->hand);
        assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &usual));
        assert_int_equal(-ENOSPC, error);
        assert_null(b->arena.base);
    }
    assert_int_equal(0, hand_open(b->store, &b->arena, &b->hand));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_in_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_the_kernel_writes_to_is_in_memory, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_memory_that_must_not_be_locked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_receives, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_comes_after_finds_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_sealed_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_sealed_batch_of_a_unix_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_sealed_read_of_a_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_origin_and_the_drops, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_can_be_in_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
