#include "ingest/receiver.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "ingest/stream_lines.h"

/* ---- recording what is in a hand: this process', or an earlier one's ---- */

static void record_udp(Pipeline *p, const ReceiveBatch *batch, int count)
{
    for (int i = 0; i < count; i++)
        pipeline_datagram(p, receive_batch_bytes(batch, i), batch->headers[i].msg_len,
                          (const struct sockaddr *)&batch->sources[i]);
}

/* Of a datagram that was cut, the lines before the cut count, and the one that it went through is rejected. */
static void record_cut(Pipeline *p, const char *bytes, size_t length, DatagramSource source)
{
    const char *newline = memrchr(bytes, '\n', length);
    size_t whole = newline != NULL ? (size_t)(newline + 1 - bytes) : 0;
    pipeline_datagram(p, bytes, whole, source);
    pipeline_reject(p, REJECT_TOO_LONG, bytes + whole, length - whole, source);
}

static void record_unix(Pipeline *p, const ReceiveBatch *batch, int count,
                        UnixPeer peers[RECEIVE_BATCH_SIZE])
{
    for (int i = 0; i < count; i++) {
        struct ucred from = {.pid = 0};
        bool known = receive_batch_credentials(batch, i, &from);
        peers[i] = (UnixPeer){AF_UNIX, from.pid, from.uid};
        DatagramSource source = known ? (const struct sockaddr *)&peers[i] : NULL;
        bool cut = (batch->headers[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
        (cut ? record_cut : pipeline_datagram)(p, receive_batch_bytes(batch, i),
                                               batch->headers[i].msg_len, source);
    }
}

/* What is left of the text afterwards stands in *stream. */
static void record_stream(Pipeline *p, const Hand *hand, Stream *stream)
{
    StreamLines lines;
    const char *piece;
    size_t length;
    size_t received = hand->batch.headers[0].msg_len;
    DatagramSource source = (const struct sockaddr *)&hand->batch.sources[0];
    stream_lines_begin(&lines, receive_batch_bytes(&hand->batch, 0), hand->stream.kept, received,
                       hand->stream.skipping);
    for (;;) {
        switch (stream_lines_next(&lines, &piece, &length)) {
        case STREAM_LINES:
            pipeline_text(p, piece, length, source);
            continue;
        case STREAM_TOO_LONG:
            pipeline_reject(p, REJECT_TOO_LONG, piece, length, source);
            continue;
        case STREAM_SKIPPED:
            p->counts.bytes += length;
            continue;
        case STREAM_END:
            break;
        }
        break;
    }
    stream->skipping = lines.skipping;
    stream->kept = lines.at;
    stream->kept_length = (size_t)(lines.end - lines.at);
    if (received == 0 && stream->kept_length > 0) { /* it has ended, and so has its last line */
        pipeline_text(p, stream->kept, stream->kept_length, source);
        stream->kept_length = 0;
    }
}

/* A batch whose time is set. *stream is for a stream's text only. */
static void record_batch(Receiver *r, const Hand *hand, int count, Stream *stream)
{
    Pipeline *p = r->pipeline;
    UnixPeer peers[RECEIVE_BATCH_SIZE];
    pipeline_set_transport(p, (Transport)hand->transport);
    if (hand->transport == TRANSPORT_UDP)
        record_udp(p, &hand->batch, count);
    else if (hand->transport == TRANSPORT_UNIX)
        record_unix(p, &hand->batch, count, peers);
    else if (count > 0)
        record_stream(p, hand, stream);
    pipeline_flush(p);
    ledger_end(p->ledger, &p->counts);
    intake_counters_publish(r->counters, &p->counts);
}

/* ---- receiving ---- */

/* Before a batch is received. */
static void begin(Receiver *r, Transport transport)
{
    Hand *hand = r->hand;
    hand->transport = transport;
    if (r->pipeline->context.checked)
        hand_unseal(hand);
    ledger_begin(&hand->ledger);
}

/* All of a batch that has been received. */
static void take_in(Receiver *r, int count, Stream *stream)
{
    pipeline_set_time(r->pipeline, clock_realtime_ns());
    if (r->pipeline->context.checked)
        hand_seal(r->hand, count);
    record_batch(r, r->hand, count, stream);
    receive_batch_clear(&r->hand->batch, count);
}

int receiver_take_udp(Receiver *r, int fd)
{
    Stream unused;
    begin(r, TRANSPORT_UDP);
    int count = receive_batch_fill(&r->hand->batch, fd);
    if (count < 0)
        return count;
    take_in(r, count, &unused);
    return count;
}

int receiver_take_unix(Receiver *r, int fd)
{
    Stream unused;
    begin(r, TRANSPORT_UNIX);
    int count = receive_batch_fill_unix(&r->hand->batch, fd);
    if (count < 0)
        return count;
    take_in(r, count, &unused);
    return count;
}

int receiver_take_stream(Receiver *r, int fd, Stream *stream)
{
    Hand *hand = r->hand;
    size_t kept = stream->kept_length;
    hand->stream = (HandStream){(uint32_t)kept, stream->skipping};
    hand->batch.sources[0] = stream->peer;
    if (kept > 0)
        memcpy(hand->batch.bytes, stream->kept, kept);
    begin(r, TRANSPORT_TCP);
    int count = receive_batch_fill_stream(&hand->batch, fd, kept, RECEIVE_BUFFER_BYTES - kept);
    if (count < 0)
        return count;
    int received = (int)hand->batch.headers[0].msg_len;
    take_in(r, count, stream);
    return received;
}

/* ---- a hand of another process ---- */

void receiver_replay(Receiver *r, const Hand *hand, uint64_t done)
{
    Pipeline *p = r->pipeline;
    const Ledger *ledger = &hand->ledger;
    bool gauge_sign = p->context.gauge_sign_absolute;
    Stream stream;
    /* relaxed: the process that wrote it has ended. 0: that was its first batch. */
    int64_t now_ns = atomic_load_explicit(&ledger->now_ns, memory_order_relaxed);
    /* relaxed: as above. */
    p->context.gauge_sign_absolute =
        atomic_load_explicit(&ledger->gauge_sign, memory_order_relaxed) != 0;
    p->skip = done;
    pipeline_set_time(p, now_ns != 0 ? now_ns : clock_realtime_ns());
    record_batch(r, hand, hand_count(hand), &stream);
    p->skip = 0;
    p->context.gauge_sign_absolute = gauge_sign;
}
