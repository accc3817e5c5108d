#include "metrics/checkpoint_head.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const CheckpointHead head = {
    .info = {.series = 3, .bytes = 1064, .created_ns = INT64_C(1767225600000000000)},
    .payload_bytes = 1000,
    .payload_hash = UINT64_C(0x0123456789abcdef)};

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    unsigned char bytes[CHECKPOINT_HEAD_BYTES + 1];
    bytes[CHECKPOINT_HEAD_BYTES] = 'x';
    checkpoint_head_write(&head, bytes);
    assert_int_equal('x', bytes[CHECKPOINT_HEAD_BYTES]);
    CheckpointHead read;
    CheckpointReason reason;
    memset(&read, 0xa5, sizeof read);
    assert_int_equal(0, checkpoint_head_read(bytes, 1064, &read, &reason));
    assert_memory_equal(&head, &read, sizeof head);
}

/* The format does not change under the same number. */
static void test_the_bytes(void **state)
{
    (void)state;
    static const unsigned char expected[] = {
        'A',  'S',  'T',  'A',  'T',  'S',  '\r', '\n', 1,    0,    0, 0, 64,   0,
        0,    0,    0x00, 0x00, 0xfe, 0xf3, 0x1d, 0x6e, 0x86, 0x18, 3, 0, 0,    0,
        0,    0,    0,    0,    0xe8, 0x03, 0,    0,    0,    0,    0, 0, 0xef, 0xcd,
        0xab, 0x89, 0x67, 0x45, 0x23, 0x01, 0,    0,    0,    0,    0, 0, 0,    0};
    unsigned char bytes[CHECKPOINT_HEAD_BYTES];
    checkpoint_head_write(&head, bytes);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(expected[i], bytes[i]);
    int64_t created = 0;
    for (unsigned i = 0; i < 8; i++)
        created |= (int64_t)((uint64_t)bytes[16 + i] << (8 * i));
    assert_true(created == head.info.created_ns);
    assert_memory_equal(expected + 24, bytes + 24, sizeof expected - 24);
}

static void test_every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    unsigned char bytes[CHECKPOINT_HEAD_BYTES];
    checkpoint_head_write(&head, bytes);
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        CheckpointHead read;
        CheckpointReason reason = {"no reason"};
        bytes[bit / 8] ^= (unsigned char)(1U << (bit % 8));
        assert_int_equal(-EBADMSG, checkpoint_head_read(bytes, 1064, &read, &reason));
        assert_string_equal(bit < 64 ? "it does not begin as a checkpoint does"
                                     : "its head does not match its checksum",
                            reason.text);
        bytes[bit / 8] ^= (unsigned char)(1U << (bit % 8));
    }
}

static void test_another_size(void **state)
{
    (void)state;
    unsigned char bytes[CHECKPOINT_HEAD_BYTES];
    CheckpointHead read;
    CheckpointReason reason;
    checkpoint_head_write(&head, bytes);
    assert_int_equal(-EBADMSG, checkpoint_head_read(bytes, 1063, &read, &reason));
    assert_string_equal("it should have 1064 bytes, and has 1063", reason.text);
    assert_int_equal(-EBADMSG, checkpoint_head_read(bytes, CHECKPOINT_HEAD_BYTES, &read, &reason));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_the_bytes),
        cmocka_unit_test(test_every_flipped_bit_is_noticed),
        cmocka_unit_test(test_another_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
