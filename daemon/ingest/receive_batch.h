/* Up to 64 datagrams from one system call, and where they are put. Belongs to one thread. */
#ifndef INGEST_RECEIVE_BATCH_H
#define INGEST_RECEIVE_BATCH_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    RECEIVE_BATCH_SIZE = 64,
    RECEIVE_BUFFER_BYTES = 65536, /* no UDP payload is longer, so none is ever cut */
    /* A buffer's distance to the next. Not a power of two: buffers 64 KiB apart would all begin in the
     * same sets of the CPU's caches. 13 lines spread the beginnings over all sets, and a datagram of up
     * to 832 bytes does not reach the next one's. */
    RECEIVE_STRIDE = RECEIVE_BUFFER_BYTES + 13 * 64,
};

/* The length of what was not received: no datagram has it. */
#define RECEIVE_NONE UINT32_MAX

/* In one piece, all that the kernel writes to; most pages of it are never touched. The lengths tell how
 * many datagrams there are: also to whoever finds the batch when the call's result is lost. */
typedef struct {
    struct mmsghdr headers[RECEIVE_BATCH_SIZE]; /* msg_len: the length, or RECEIVE_NONE */
    struct iovec vectors[RECEIVE_BATCH_SIZE];
    struct sockaddr_in6 sources[RECEIVE_BATCH_SIZE]; /* large enough for IPv4 too */
    char bytes[(size_t)RECEIVE_STRIDE * RECEIVE_BATCH_SIZE];
} ReceiveBatch;

/* => the bytes of datagram i, which has headers[i].msg_len of them. */
static inline const char *receive_batch_bytes(const ReceiveBatch *batch, int i)
{
    return batch->bytes + (size_t)i * RECEIVE_STRIDE;
}

/* Makes it an empty batch. */
void receive_batch_init(ReceiveBatch *batch);

/* Makes it an empty batch again, after `count` datagrams. */
void receive_batch_clear(ReceiveBatch *batch, int count);

/* Receives into an empty batch what is there, without waiting. => how many, from 1 to
 * RECEIVE_BATCH_SIZE; -EAGAIN: none; other negative errno. */
int receive_batch_fill(ReceiveBatch *batch, int fd);

/* => a hash of the first `count` datagrams: their bytes, lengths and sources. Each is hashed by itself, so that
 * the CPU has several under way. */
uint64_t receive_batch_hash(const ReceiveBatch *batch, int count);

#endif
