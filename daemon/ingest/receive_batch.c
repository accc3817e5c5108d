#include "ingest/receive_batch.h"

#include <errno.h>

#include "base/hash.h"

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

/* => a number made of datagram i's source and of i. */
static uint64_t source_hash(const ReceiveBatch *batch, int i)
{
    const struct sockaddr_in6 *source = &batch->sources[i];
    uint64_t number = (uint64_t)i << 56;
    if (source->sin6_family != AF_INET)
        return hash_fixed_tweaked(source, sizeof *source, number);
    /* Family, port and address: the first 8 bytes of a sockaddr_in. */
    return hash_word((const unsigned char *)source) ^ number;
}

uint64_t receive_batch_hash(const ReceiveBatch *batch, int count)
{
    uint64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += hash_fixed_tweaked(receive_batch_bytes(batch, i), batch->headers[i].msg_len,
                                  source_hash(batch, i));
    return sum;
}
