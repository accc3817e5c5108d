/* Up to 64 datagrams, or some of a stream, from one system call, and where they are put. Belongs to one
 * thread. */
#ifndef INGEST_RECEIVE_BATCH_H
#define INGEST_RECEIVE_BATCH_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    RECEIVE_BATCH_SIZE = 64,
    RECEIVE_BUFFER_BYTES = 65535, /* no UDP payload is longer, so none is ever cut */
    /* A buffer's distance to the next. Not a power of two: buffers 64 KiB apart would all begin in the
     * same sets of the CPU's caches. 13 lines spread the beginnings over all sets, and a datagram of up
     * to 832 bytes does not reach the next one's. */
    RECEIVE_STRIDE = 65536 + 13 * 64,
};

/* The length of what was not received: no datagram has it. */
#define RECEIVE_NONE UINT32_MAX

/* Who sent a datagram over a Unix socket, as the kernel tells it: a struct cmsghdr, which cannot be a member
 * in ISO C, and what follows it. */
typedef struct {
    size_t length;
    int level;
    int type;
    struct ucred credentials;
} ReceiveControl;

_Static_assert(sizeof(ReceiveControl) == CMSG_SPACE(sizeof(struct ucred)), "all of one message");
_Static_assert(offsetof(ReceiveControl, level) == offsetof(struct cmsghdr, cmsg_level) &&
                   offsetof(ReceiveControl, type) == offsetof(struct cmsghdr, cmsg_type),
               "and its head");
_Static_assert(offsetof(ReceiveControl, credentials) == CMSG_LEN(0), "what CMSG_DATA() says");

/* In one piece, all that the kernel writes to; most pages of it are never touched. The lengths tell how
 * many datagrams there are: also to whoever finds the batch when the call's result is lost. */
typedef struct {
    struct mmsghdr headers[RECEIVE_BATCH_SIZE]; /* msg_len: the length, or RECEIVE_NONE */
    struct iovec vectors[RECEIVE_BATCH_SIZE];
    struct sockaddr_in6 sources[RECEIVE_BATCH_SIZE]; /* large enough for IPv4 too */
    ReceiveControl controls[RECEIVE_BATCH_SIZE];     /* in use for a Unix socket only */
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

/* The same, from a Unix datagram socket with SO_PASSCRED: who sent stands in the controls, and sources are
 * left alone. A datagram longer than a buffer is cut: its header's flags have MSG_TRUNC. */
int receive_batch_fill_unix(ReceiveBatch *batch, int fd);

/* => whether the credentials of datagram i, from a Unix socket, are there; then in *out. */
bool receive_batch_credentials(const ReceiveBatch *batch, int i, struct ucred *out);

/* Receives from a stream: up to `room` bytes to `offset` of the empty batch's first buffer, offset + room being at
 * most RECEIVE_BUFFER_BYTES. Its header's msg_len tells how many; 0: the other side has closed.
 * => 1; -EAGAIN: nothing is there; other negative errno. */
int receive_batch_fill_stream(ReceiveBatch *batch, int fd, size_t offset, size_t room);

/* => a hash of the first `count` datagrams: their bytes, lengths and sources. Each is hashed by itself, so that
 * the CPU has several under way. */
uint64_t receive_batch_hash(const ReceiveBatch *batch, int count);

/* The same, of datagrams from a Unix socket: the credentials, and whether one was cut, in the place of sources. */
uint64_t receive_batch_hash_unix(const ReceiveBatch *batch, int count);

/* The same, of a stream's text of so many bytes. */
uint64_t receive_batch_hash_stream(const ReceiveBatch *batch, size_t length);

#endif
