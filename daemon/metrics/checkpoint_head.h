/* A checkpoint: all series and intake figures in one file, to be taken up by a later process. Here are its
 * name and its first 64 bytes: what it is, how much follows, and the checksums of both (XXH3,
 * xxhash.com). The whole format is in ARCHITECTURE.md. Pure. */
#ifndef METRICS_CHECKPOINT_HEAD_H
#define METRICS_CHECKPOINT_HEAD_H

#include <stdint.h>

#define CHECKPOINT_NAME "checkpoint"

enum {
    CHECKPOINT_VERSION = 1,
    CHECKPOINT_HEAD_BYTES = 64,
    CHECKPOINT_REASON_SIZE = 128
};

typedef struct {
    uint64_t series;
    uint64_t bytes;     /* of the file */
    int64_t created_ns; /* CLOCK_REALTIME */
} CheckpointInfo;

/* What could not be done, for people: "cannot write checkpoint.new: No space left on device"; or what is
 * wrong with a checkpoint: "it does not match its checksum". */
typedef struct {
    char text[CHECKPOINT_REASON_SIZE];
} CheckpointReason;

typedef struct {
    CheckpointInfo info;
    uint64_t payload_bytes;
    uint64_t payload_hash; /* XXH3, 64 bits */
} CheckpointHead;

void checkpoint_head_write(const CheckpointHead *head, unsigned char out[CHECKPOINT_HEAD_BYTES]);

/* => 0; -EBADMSG and *reason: damaged; -EPROTONOSUPPORT and *reason: of another format. `file_bytes`:
 * the size of the file that the bytes were read from, at least CHECKPOINT_HEAD_BYTES. */
int checkpoint_head_read(const unsigned char bytes[CHECKPOINT_HEAD_BYTES], uint64_t file_bytes,
                         CheckpointHead *head, CheckpointReason *reason);

#endif
