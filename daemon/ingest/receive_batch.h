/* Up to 64 datagrams from one system call, and where they are put. Belongs to one thread. */
#ifndef INGEST_RECEIVE_BATCH_H
#define INGEST_RECEIVE_BATCH_H

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

enum {
    RECEIVE_BATCH_SIZE = 64,
    RECEIVE_BUFFER_BYTES = 65536, /* no UDP payload is longer, so none is ever cut */
};

typedef struct {
    struct mmsghdr headers[RECEIVE_BATCH_SIZE];
    struct iovec vectors[RECEIVE_BATCH_SIZE];
    struct sockaddr_in6 sources[RECEIVE_BATCH_SIZE]; /* large enough for IPv4 too */
    char *memory;
} ReceiveBatch;

/* => 0 or -ENOMEM. */
int receive_batch_init(ReceiveBatch *batch);

/* Accepts a zeroed one. */
void receive_batch_fini(ReceiveBatch *batch);

/* Receives what is there, without waiting. => how many, from 1 to RECEIVE_BATCH_SIZE; -EAGAIN: none;
 * other negative errno. Only the headers below that number mean anything. */
int receive_batch_fill(ReceiveBatch *batch, int fd);

#endif
