#include "ingest/receive_batch.h"

#include <errno.h>

void receive_batch_init(ReceiveBatch *batch)
{
    for (size_t i = 0; i < RECEIVE_BATCH_SIZE; i++) {
        batch->vectors[i] = (struct iovec){batch->bytes + i * RECEIVE_STRIDE, RECEIVE_BUFFER_BYTES};
        batch->headers[i].msg_hdr = (struct msghdr){.msg_name = &batch->sources[i],
                                                    .msg_namelen = sizeof batch->sources[i],
                                                    .msg_iov = &batch->vectors[i],
                                                    .msg_iovlen = 1};
        batch->headers[i].msg_len = RECEIVE_NONE;
    }
}

void receive_batch_clear(ReceiveBatch *batch, int count)
{
    for (int i = 0; i < count; i++)
        batch->headers[i].msg_len = RECEIVE_NONE;
}

int receive_batch_fill(ReceiveBatch *batch, int fd)
{
    int count;
    do {
        count = recvmmsg(fd, batch->headers, RECEIVE_BATCH_SIZE, MSG_DONTWAIT, NULL);
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        return -errno;
    /* The kernel wrote each source's real length; the next call needs the room again. The lengths
     * of this batch are told by the addresses' families. */
    for (int i = 0; i < count; i++)
        batch->headers[i].msg_hdr.msg_namelen = sizeof batch->sources[i];
    return count;
}
