/* Takes what a thread's sockets hold: receives it into the batch in hand, and records it, exactly once.
 * ARCHITECTURE.md, "Exactly once, through kill -9".
 *
 * Belongs to one thread. */
#ifndef INGEST_RECEIVER_H
#define INGEST_RECEIVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/hand.h"
#include "ingest/intake_counters.h"
#include "ingest/pipeline.h"

/* The thread's; all outlive the receiver. */
typedef struct {
    Hand *hand;
    Pipeline *pipeline;
    IntakeCounters *counters;
} Receiver;

/* Tells the index the loop's time, which costs nothing: whoever has waited or been stopped for long does
 * not mark what comes next with the time from before. */
static inline void receiver_tick(Receiver *r, uint64_t loop_ms)
{
    series_index_tick(&r->pipeline->index, (uint32_t)(loop_ms / 1000));
}

/* Takes datagrams in, up to a full batch. => how many; -EAGAIN: none are there; other negative errno. */
int receiver_take_udp(Receiver *r, int fd);
int receiver_take_unix(Receiver *r, int fd);

/* What has to be known of a stream from one read to the next. */
typedef struct {
    struct sockaddr_in6 peer; /* or an IPv4 address */
    bool skipping;            /* what comes next is within a line that was too long */
    const char *kept;         /* the beginning of a line; not looked at where kept_length is 0 */
    size_t kept_length;       /* STREAM_LINE_MAX at most */
} Stream;

/* Reads from it once, and takes in the lines that are whole then. What is left in stream->kept is
 * in the receiver's memory, and there until the next call of any of these. At the stream's end that is a line,
 * too, and taken in.
 * => bytes read; 0: the other side has closed; -EAGAIN: nothing is there; other negative errno, and
 * *stream is as it was. */
int receiver_take_stream(Receiver *r, int fd, Stream *stream);

/* Takes a batch in that another process had in its hands: the first `done` of its values are in. hand_count()
 * has found it good. */
void receiver_replay(Receiver *r, const Hand *hand, uint64_t done);

#endif
