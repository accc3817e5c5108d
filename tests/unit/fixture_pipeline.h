/* A pipeline with its registry and reject log, and what it has recorded, read back. */
#ifndef TESTS_UNIT_FIXTURE_PIPELINE_H
#define TESTS_UNIT_FIXTURE_PIPELINE_H

#include <stdlib.h>
#include <string.h>

#include "ingest/pipeline.h"
#include "metrics/snapshot.h"

typedef struct {
    Registry *registry;
    RejectLog rejects;
    Pipeline pipeline;
} FixturePipeline;

/* On the heap: a pipeline is large. */
static inline FixturePipeline *fixture_pipeline_create(uint32_t max_series,
                                                       bool gauge_sign_absolute)
{
    FixturePipeline *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(0, registry_create(&f->registry, max_series));
    reject_log_init(&f->rejects);
    assert_int_equal(0, pipeline_init(&f->pipeline, f->registry, &f->rejects, gauge_sign_absolute));
    pipeline_set_time(&f->pipeline, INT64_C(1700000000000000000));
    return f;
}

static inline void fixture_pipeline_destroy(FixturePipeline *f)
{
    pipeline_fini(&f->pipeline);
    reject_log_fini(&f->rejects);
    registry_destroy(f->registry);
    free(f);
}

/* Takes one datagram in, from memory that ends where it ends, and records it. */
static inline void fixture_pipeline_take(FixturePipeline *f, const char *bytes, size_t length)
{
    char *memory = malloc(length + 1);
    assert_non_null(memory);
    char *exact = memory + 1;
    memcpy(exact, bytes, length);
    pipeline_datagram(&f->pipeline, exact, length, NULL);
    pipeline_flush(&f->pipeline);
    assert_memory_equal(bytes, exact, length);
    free(memory);
}

static inline void fixture_pipeline_text(FixturePipeline *f, const char *text)
{
    fixture_pipeline_take(f, text, strlen(text));
}

/* Reads the series with this id. The view's id is the caller's. */
static inline SeriesView fixture_pipeline_view(const FixturePipeline *f, SeriesKind kind,
                                               const char *id)
{
    SnapshotFilter filter = {.exact = id, .exact_length = strlen(id)};
    SnapshotCursor cursor;
    SeriesView view = {.kind = SERIES_KINDS};
    snapshot_begin(&cursor, f->registry, kind, &filter);
    /* By its name, series with other tags come, too. */
    while (snapshot_next(&cursor, &view) && view.id_length != filter.exact_length) {
    }
    snapshot_end(&cursor);
    if (view.kind != kind || view.id_length != filter.exact_length)
        fail_msg("there is no \"%s\"", id);
    view.id = id;
    return view;
}

static inline int64_t fixture_pipeline_counter(const FixturePipeline *f, const char *id)
{
    SeriesView view = fixture_pipeline_view(f, SERIES_COUNTER, id);
    assert_true(view.value.counter.is_integer);
    return view.value.counter.integer;
}

static inline double fixture_pipeline_gauge(const FixturePipeline *f, const char *id)
{
    return fixture_pipeline_view(f, SERIES_GAUGE, id).value.gauge;
}

#endif
