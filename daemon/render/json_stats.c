#include "render/json_stats.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "render/json_members.h"

void json_stats_init(JsonStats *stats, const JsonStatsRequest *request)
{
    stats->request = *request;
    stats->step = JSON_STATS_HEAD;
    stats->kind = (SeriesKind)0;
    stats->piece_length = 0;
    stats->piece_given = 0;
    stats->cursor.walk = (SeriesWalk){0};
    json_writer_init(&stats->writer, NULL, request->pretty);
}

void json_stats_fini(JsonStats *stats)
{
    snapshot_end(&stats->cursor);
}

/* ---- what each step writes ---- */

static void open_section(JsonWriter *writer, const char *name)
{
    json_writer_open_member(writer, name, strlen(name));
}

static void write_time(JsonWriter *writer, const char *key, int64_t realtime_ns)
{
    char text[CLOCK_TEXT_SIZE];
    clock_format_utc(realtime_ns, text);
    json_writer_text(writer, key, text);
}

static void write_head(JsonWriter *writer, const JsonStatsRequest *request)
{
    const JsonSink members = json_writer_sink(writer);
    json_writer_open(writer);
    json_members_service(&members, &request->service);
    open_section(writer, "ingest");
    json_writer_uint64(writer, "threads", request->threads);
    json_members_intake(&members, &request->intake);
    json_writer_close(writer);
}

static void write_summary(JsonWriter *writer, const AtomicStatsSummary *summary)
{
    json_writer_open(writer);
    json_writer_double(writer, "count", summary->count);
    json_writer_double(writer, "sum", summary->sum);
    json_writer_double(writer, "mean", summary->mean);
    json_writer_double(writer, "min", summary->min);
    json_writer_double(writer, "max", summary->max);
    json_writer_double(writer, "stddev", summary->stddev);
    json_writer_close(writer);
}

static void write_progress(JsonWriter *writer, const ProgressValue *progress)
{
    json_writer_open(writer);
    json_writer_int64(writer, "done", progress->done);
    if (progress->total == 0)
        json_writer_double(writer, "total", (double)NAN); /* unknown: null */
    else
        json_writer_int64(writer, "total", progress->total);
    json_writer_double(writer, "fraction", progress->fraction);
    json_writer_double(writer, "rate_per_s", progress->rate_per_s);
    json_writer_double(writer, "eta_s", progress->eta_s);
    write_time(writer, "started_at", progress->started_ns);
    write_time(writer, "updated_at", progress->updated_ns);
    json_writer_close(writer);
}

static void write_counter(Buffer *out, const CounterValue *counter)
{
    if (counter->is_integer)
        buffer_int64(out, counter->integer);
    else
        buffer_double(out, counter->value);
}

static void write_series(JsonWriter *writer, const SeriesView *view)
{
    json_writer_key(writer, view->id, view->id_length);
    switch (view->kind) {
    case SERIES_STATS:
        write_summary(writer, &view->value.stats);
        break;
    case SERIES_COUNTER:
        write_counter(writer->out, &view->value.counter);
        break;
    case SERIES_GAUGE:
        buffer_double(writer->out, view->value.gauge);
        break;
    case SERIES_SET:
        buffer_double(writer->out, round(view->value.set));
        break;
    case SERIES_FLAG:
        buffer_text(writer->out, view->value.flag ? "true" : "false");
        break;
    case SERIES_PROGRESS:
        write_progress(writer, &view->value.progress);
        break;
    case SERIES_KINDS:
        break;
    }
}

/* ---- the steps ---- */

/* Writes what the step in hand says. => false: no room, and the writer is as before. */
static bool write_step(JsonStats *stats, Buffer *out)
{
    JsonWriter before = stats->writer;
    JsonWriter *writer = &stats->writer;
    writer->out = out;
    switch (stats->step) {
    case JSON_STATS_HEAD:
        write_head(writer, &stats->request);
        break;
    case JSON_STATS_SECTION:
        open_section(writer, series_kind_section(stats->kind));
        break;
    case JSON_STATS_SERIES:
        write_series(writer, &stats->view);
        break;
    case JSON_STATS_SECTION_END:
        json_writer_close(writer);
        break;
    case JSON_STATS_TAIL:
        json_writer_close(writer);
        json_writer_end(writer);
        break;
    case JSON_STATS_END:
        break;
    }
    writer->out = NULL;
    if (out->overflow)
        *writer = before;
    return !out->overflow;
}

static JsonStatsStep next_series(JsonStats *stats)
{
    return snapshot_next(&stats->cursor, &stats->view) ? JSON_STATS_SERIES : JSON_STATS_SECTION_END;
}

static JsonStatsStep first_series(JsonStats *stats)
{
    if ((stats->request.kinds & (1U << stats->kind)) == 0)
        return JSON_STATS_SECTION_END;
    snapshot_begin(&stats->cursor, stats->request.registry, stats->kind, &stats->request.filter);
    return next_series(stats);
}

static void advance(JsonStats *stats)
{
    switch (stats->step) {
    case JSON_STATS_HEAD:
        stats->step = JSON_STATS_SECTION;
        break;
    case JSON_STATS_SECTION:
        stats->step = first_series(stats);
        break;
    case JSON_STATS_SERIES:
        stats->step = next_series(stats);
        break;
    case JSON_STATS_SECTION_END:
        stats->kind = (SeriesKind)(stats->kind + 1);
        stats->step = stats->kind < SERIES_KINDS ? JSON_STATS_SECTION : JSON_STATS_TAIL;
        break;
    case JSON_STATS_TAIL:
    case JSON_STATS_END:
        stats->step = JSON_STATS_END;
        break;
    }
}

/* Gives away what is left of the kept piece. => bytes. */
static size_t give_piece(JsonStats *stats, char *out, size_t capacity)
{
    size_t length = stats->piece_length - stats->piece_given;
    if (length > capacity)
        length = capacity;
    memcpy(out, stats->piece + stats->piece_given, length);
    stats->piece_given += length;
    return length;
}

ssize_t json_stats_read(JsonStats *stats, char *out, size_t capacity)
{
    size_t used = give_piece(stats, out, capacity);
    while (used < capacity && stats->step != JSON_STATS_END) {
        Buffer buffer;
        buffer_init(&buffer, out + used, capacity - used);
        if (write_step(stats, &buffer)) {
            used += buffer.length;
        } else { /* it ends within this piece: keep the piece and give a part of it */
            buffer_init(&buffer, stats->piece, sizeof stats->piece);
            if (!write_step(stats, &buffer))
                return -EMSGSIZE;
            stats->piece_length = buffer.length;
            stats->piece_given = 0;
            used += give_piece(stats, out + used, capacity - used);
        }
        advance(stats);
    }
    return (ssize_t)used;
}
