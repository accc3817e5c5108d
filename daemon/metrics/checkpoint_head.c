#include "metrics/checkpoint_head.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "base/wire.h"

/* The last two bytes show a transfer that changed line ends, as PNG's do. */
static const char magic[8] = {'A', 'S', 'T', 'A', 'T', 'S', '\r', '\n'};

enum {
    HASHED = CHECKPOINT_HEAD_BYTES - 8 /* the head's own hash is its end */
};

void checkpoint_head_write(const CheckpointHead *head, unsigned char out[CHECKPOINT_HEAD_BYTES])
{
    WireWriter w = {.data = out, .capacity = CHECKPOINT_HEAD_BYTES};
    wire_write_bytes(&w, magic, sizeof magic);
    wire_write_u32(&w, CHECKPOINT_VERSION);
    wire_write_u32(&w, CHECKPOINT_HEAD_BYTES);
    wire_write_i64(&w, head->info.created_ns);
    wire_write_u64(&w, head->info.series);
    wire_write_u64(&w, head->payload_bytes);
    wire_write_u64(&w, head->payload_hash);
    wire_write_u64(&w, 0); /* for later */
    wire_write_u64(&w, XXH3_64bits(out, HASHED));
}

int checkpoint_head_read(const unsigned char bytes[CHECKPOINT_HEAD_BYTES], uint64_t file_bytes,
                         CheckpointHead *head, CheckpointReason *reason)
{
    WireReader r = {.data = bytes, .length = CHECKPOINT_HEAD_BYTES};
    if (memcmp(wire_read_bytes(&r, sizeof magic), magic, sizeof magic) != 0) {
        (void)snprintf(reason->text, sizeof reason->text, "it does not begin as a checkpoint does");
        return -EBADMSG;
    }
    uint32_t version = wire_read_u32(&r);
    uint32_t head_bytes = wire_read_u32(&r);
    head->info.created_ns = wire_read_i64(&r);
    head->info.series = wire_read_u64(&r);
    head->payload_bytes = wire_read_u64(&r);
    head->payload_hash = wire_read_u64(&r);
    (void)wire_read_u64(&r);
    if (wire_read_u64(&r) != XXH3_64bits(bytes, HASHED)) {
        (void)snprintf(reason->text, sizeof reason->text, "its head does not match its checksum");
        return -EBADMSG;
    }
    if (version != CHECKPOINT_VERSION || head_bytes != CHECKPOINT_HEAD_BYTES) {
        (void)snprintf(reason->text, sizeof reason->text, "it has format %" PRIu32 ", this is %d",
                       version, CHECKPOINT_VERSION);
        return -EPROTONOSUPPORT;
    }
    head->info.bytes = file_bytes;
    if (head->payload_bytes != file_bytes - CHECKPOINT_HEAD_BYTES) {
        (void)snprintf(reason->text, sizeof reason->text,
                       "it should have %" PRIu64 " bytes, and has %" PRIu64,
                       head->payload_bytes + CHECKPOINT_HEAD_BYTES, file_bytes);
        return -EBADMSG;
    }
    return 0;
}
