#include "ingest/receive_batch.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

/* A buffer's distance to the next. Not a power of two: buffers 64 KiB apart would all begin in the
 * same sets of the CPU's caches. 13 lines spread the beginnings over all sets, and a datagram of up
 * to 832 bytes does not reach the next one's. */
enum {
    BUFFER_STRIDE = RECEIVE_BUFFER_BYTES + 13 * 64
};

static const size_t memory_bytes = (size_t)BUFFER_STRIDE * RECEIVE_BATCH_SIZE;

int receive_batch_init(ReceiveBatch *batch)
{
    /* Untouched pages take no memory: small datagrams touch one page a buffer. */
    void *memory = mmap(NULL, memory_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOMEM;
    *batch = (ReceiveBatch){.memory = memory};
    for (size_t i = 0; i < RECEIVE_BATCH_SIZE; i++) {
        batch->vectors[i] = (struct iovec){batch->memory + i * BUFFER_STRIDE, RECEIVE_BUFFER_BYTES};
        batch->headers[i].msg_hdr = (struct msghdr){.msg_name = &batch->sources[i],
                                                    .msg_namelen = sizeof batch->sources[i],
                                                    .msg_iov = &batch->vectors[i],
                                                    .msg_iovlen = 1};
    }
    return 0;
}

void receive_batch_fini(ReceiveBatch *batch)
{
    if (batch->memory != NULL)
        munmap(batch->memory, memory_bytes);
    batch->memory = NULL;
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
