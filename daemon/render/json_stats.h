/* The /stats document as a stream: who, what came in, then every series, section by section.
 *
 * Nothing is allocated and nothing grows with the number of series: the state holds one piece of
 * text (at most one series), and a walk reads one series at a time. All six sections are always
 * there; those that are not asked for, or have no series, are {}.
 *
 * Thread rule: a JsonStats belongs to one thread; any number may be under way at once. */
#ifndef RENDER_JSON_STATS_H
#define RENDER_JSON_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "metrics/intake.h"
#include "metrics/registry.h"
#include "metrics/snapshot.h"
#include "render/json_writer.h"
#include "render/service_info.h"

/* A set of SeriesKinds: bit 1 << kind. */
enum {
    JSON_STATS_ALL_KINDS = (1U << SERIES_KINDS) - 1
};

typedef struct {
    ServiceInfo service;
    unsigned threads;    /* ingest threads */
    IntakeCounts intake; /* of all threads together */
    Registry *registry;  /* outlives the stream, as do the filter's texts */
    unsigned kinds;      /* which sections to fill */
    SnapshotFilter filter;
    bool pretty; /* one member a line, indented by two spaces */
} JsonStatsRequest;

/* Room for the longest piece: an id of which every byte becomes \u00xx, and the numbers and names
 * of a series; or everything before the first section. */
enum {
    JSON_STATS_PIECE_SIZE = 6 * SERIES_ID_MAX + 2048
};

typedef enum {
    JSON_STATS_HEAD,
    JSON_STATS_SECTION,
    JSON_STATS_SERIES,
    JSON_STATS_SECTION_END,
    JSON_STATS_TAIL,
    JSON_STATS_END
} JsonStatsStep;

/* Private, but for being allocated by its owner. */
typedef struct {
    JsonStatsRequest request;
    JsonStatsStep step;
    SeriesKind kind; /* the section in hand */
    SnapshotCursor cursor;
    JsonWriter writer;
    SeriesView view; /* the series in hand: read, not yet written */
    size_t piece_length;
    size_t piece_given;
    char piece[JSON_STATS_PIECE_SIZE]; /* a piece that did not fit into what was asked for last */
} JsonStats;

/* The texts that the request points to must outlive the stream, which must not move. */
void json_stats_init(JsonStats *stats, const JsonStatsRequest *request);

/* Ends the stream, wherever it is. */
void json_stats_fini(JsonStats *stats);

/* Writes the next part of the document. Fills `out` unless the document ends before.
 * => bytes written, at most `capacity` (1 or more); 0: the document has ended; -EMSGSIZE: the
 * service's name or version is longer than a piece, and the document cannot be written. */
ssize_t json_stats_read(JsonStats *stats, char *out, size_t capacity);

#endif
