/* The latest rejected lines of one ingest thread, for an operator to find the client at fault.
 *
 * One writer (the ingest thread), any number of readers. The writer never waits: while a reader
 * copies, new examples are not kept (they are counted elsewhere, always). */
#ifndef INGEST_REJECT_LOG_H
#define INGEST_REJECT_LOG_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/address.h"
#include "ingest/transport.h"
#include "ingest/unix_socket.h"
#include "metrics/intake.h"

enum {
    REJECT_LOG_SIZE = 16,
    REJECT_TEXT_BYTES = 200
};

typedef struct {
    Address source;  /* length 0: unknown */
    int64_t time_ns; /* CLOCK_REALTIME */
    Transport transport;
    RejectReason reason;
    UnixPeer peer;                    /* of TRANSPORT_UNIX; family 0: unknown */
    char text[REJECT_TEXT_BYTES + 1]; /* the line as utf8_escape() makes it */
} RejectRecord;

typedef struct {
    pthread_mutex_t lock; /* the writer only ever tries it */
    uint64_t written;     /* entry i % REJECT_LOG_SIZE is the i-th */
    RejectRecord entries[REJECT_LOG_SIZE];
} RejectLog;

void reject_log_init(RejectLog *log);
void reject_log_fini(RejectLog *log);

/* Keeps one line (not zero-terminated). `source`: an IPv4 or IPv6 address, a UnixPeer, or NULL: unknown. The
 * writer's thread only; wait-free. */
void reject_log_add(RejectLog *log, RejectReason reason, int64_t time_ns, Transport transport,
                    const struct sockaddr *source, const char *line, size_t length);

/* Copies the kept lines, newest first. => how many; at most `capacity`. Any thread. */
size_t reject_log_copy(RejectLog *log, RejectRecord *out, size_t capacity);

#endif
