/* From datagrams to recorded values, in stages over many lines at once:
 *
 *     parse all  ->  hash and prefetch all  ->  look up all  ->  record all
 *
 * One line at a time would wait for memory at each of a million names; a batch has many misses under
 * way at once. The order of the lines is kept.
 *
 * Belongs to one ingest thread, with its index and counts. No lock, no locked instruction, and no
 * line that another ingest thread writes, but for series that are new and for kinds that are shared
 * (gauges, sets, flags, progress). */
#ifndef INGEST_PIPELINE_H
#define INGEST_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/log.h"
#include "ingest/ledger.h"
#include "ingest/record.h"
#include "ingest/reject_log.h"
#include "ingest/statsd_line.h"
#include "ingest/transport.h"
#include "metrics/intake.h"
#include "metrics/series_index.h"

enum {
    PIPELINE_LINES = 128, /* parsed before they are recorded */
    PIPELINE_VALUES = 4096,
    PIPELINE_LONGEST = 65536, /* bytes of one datagram */
};

/* Where a text came from, for the report of rejected lines: an address, or a UnixPeer. NULL: unknown. */
typedef const struct sockaddr *DatagramSource;

typedef struct {
    StatsdLine line;
    Slot *slot; /* NULL: over the limit */
    uint32_t hash;
    StatsdPart part; /* the line itself, should it be rejected */
    DatagramSource source;
} PipelineLine;

/* The order is that of use; there is one for each thread.
 * NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
typedef struct {
    SeriesIndex index;
    RejectLog *rejects;
    RecordContext context;
    Ledger *ledger; /* `own`, or one that outlives the process */
    Ledger own;
    IntakeCounts counts; /* what this thread has taken in so far */
    uint64_t skip;       /* values of the next lines that are in already */
    Transport transport; /* of the batch in hand */
    LogLimiter memory_limiter;
    size_t line_count;
    size_t value_count;
    StatsdValue *values; /* PIPELINE_VALUES, and the longest line's on top */
    DelimiterScanner scan;
    uint16_t *positions; /* DELIMITERS_ROOM: of the datagram that is being parsed */
    PipelineLine lines[PIPELINE_LINES];
} Pipeline;

/* => 0 or negative errno. `rejects` outlives the pipeline, which does not move. */
int pipeline_init(Pipeline *p, Registry *registry, RejectLog *rejects, bool gauge_sign_absolute);

/* Makes it keep another ledger, before the first datagram. */
void pipeline_set_ledger(Pipeline *p, Ledger *ledger);

/* Tells what all texts until the next call have in common: CLOCK_REALTIME of arrival. */
void pipeline_set_time(Pipeline *p, int64_t now_ns);

/* The same: how they came. Before the first call: TRANSPORT_UDP. */
void pipeline_set_transport(Pipeline *p, Transport transport);

/* Accepts a zeroed one. No reader of the registry may be left. */
void pipeline_fini(Pipeline *p);

/* Takes a datagram in. Its bytes and its source must stay until pipeline_flush() returns. */
void pipeline_datagram(Pipeline *p, const char *bytes, size_t length, DatagramSource source);

/* The same for a text that is no datagram: whole lines of a stream. At most DELIMITERS_TEXT_MAX bytes. */
void pipeline_text(Pipeline *p, const char *bytes, size_t length, DatagramSource source);

/* Counts a line that could not be taken in whole, of which so many bytes are there. */
void pipeline_reject(Pipeline *p, RejectReason reason, const char *bytes, size_t length,
                     DatagramSource source);

/* Records what is still in hand. A line for which there is no memory is rejected as over_limit, and
 * the log says so, once a minute at most. */
void pipeline_flush(Pipeline *p);

#endif
