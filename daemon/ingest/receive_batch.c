#include "ingest/receive_batch.h"

#include <errno.h>

#include "base/checksum.h"
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

static int receive(ReceiveBatch *batch, int fd, unsigned size)
{
    int count;
    do {
        count = recvmmsg(fd, batch->headers, size, MSG_DONTWAIT, NULL);
    } while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

int receive_batch_fill(ReceiveBatch *batch, int fd)
{
    int count = receive(batch, fd, RECEIVE_BATCH_SIZE);
    /* The kernel wrote each source's real length; the next call needs the room again. The lengths
     * of this batch are told by the addresses' families. */
    for (int i = 0; i < count; i++)
        batch->headers[i].msg_hdr.msg_namelen = sizeof batch->sources[i];
    return count;
}

/* The headers have room for credentials in the place of an address, or again the address alone. */
static void set_controls(ReceiveBatch *batch, bool on)
{
    for (int i = 0; i < RECEIVE_BATCH_SIZE; i++) {
        struct msghdr *header = &batch->headers[i].msg_hdr;
        header->msg_name = on ? NULL : &batch->sources[i];
        header->msg_namelen = on ? 0 : sizeof batch->sources[i];
        header->msg_control = on ? &batch->controls[i] : NULL;
        header->msg_controllen = on ? sizeof batch->controls[i] : 0;
    }
}

int receive_batch_fill_unix(ReceiveBatch *batch, int fd)
{
    for (int i = 0; i < RECEIVE_BATCH_SIZE; i++)
        batch->controls[i].length = 0; /* none yet */
    set_controls(batch, true);
    int count = receive(batch, fd, RECEIVE_BATCH_SIZE);
    set_controls(batch, false);
    return count;
}

bool receive_batch_credentials(const ReceiveBatch *batch, int i, struct ucred *out)
{
    const ReceiveControl *control = &batch->controls[i];
    if (control->length != CMSG_LEN(sizeof *out) || control->level != SOL_SOCKET ||
        control->type != SCM_CREDENTIALS)
        return false;
    *out = control->credentials;
    return true;
}

int receive_batch_fill_stream(ReceiveBatch *batch, int fd, size_t offset, size_t room)
{
    struct msghdr *header = &batch->headers[0].msg_hdr;
    batch->vectors[0] = (struct iovec){batch->bytes + offset, room};
    header->msg_name = NULL;
    header->msg_namelen = 0;
    int count = receive(batch, fd, 1);
    header->msg_name = &batch->sources[0];
    header->msg_namelen = sizeof batch->sources[0];
    batch->vectors[0] = (struct iovec){batch->bytes, RECEIVE_BUFFER_BYTES};
    return count;
}

/* ---- hashes ---- */

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
        sum += checksum(receive_batch_bytes(batch, i), batch->headers[i].msg_len,
                        source_hash(batch, i));
    return sum;
}

uint64_t receive_batch_hash_unix(const ReceiveBatch *batch, int count)
{
    uint64_t sum = 0;
    for (int i = 0; i < count; i++) {
        bool cut = (batch->headers[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
        uint64_t number = (uint64_t)i << 56 | (cut ? 1 : 0);
        uint64_t from =
            hash_fixed_tweaked(&batch->controls[i], CMSG_LEN(sizeof(struct ucred)), number);
        sum += checksum(receive_batch_bytes(batch, i), batch->headers[i].msg_len, from);
    }
    return sum;
}

uint64_t receive_batch_hash_stream(const ReceiveBatch *batch, size_t length)
{
    return checksum(receive_batch_bytes(batch, 0), length, source_hash(batch, 0));
}
