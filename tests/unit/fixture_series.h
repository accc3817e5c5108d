/* A registry with series in it, filled as an ingest thread fills it. For tests of what reads it. */
#ifndef TESTS_UNIT_FIXTURE_SERIES_H
#define TESTS_UNIT_FIXTURE_SERIES_H

#include <string.h>

#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/progress_cell.h"
#include "metrics/series_index.h"
#include "metrics/set_cell.h"

typedef struct {
    Registry *registry;
    SeriesIndex index;
} FixtureSeries;

static inline void fixture_series_init(FixtureSeries *fixture, uint32_t max_series)
{
    assert_int_equal(0, registry_create(&fixture->registry, max_series));
    assert_int_equal(0, series_index_init(&fixture->index, fixture->registry));
}

static inline void fixture_series_fini(FixtureSeries *fixture)
{
    series_index_fini(&fixture->index);
    registry_destroy(fixture->registry);
}

static inline Slot *fixture_series_find(FixtureSeries *fixture, SeriesKind kind, const char *name,
                                        const char *tags)
{
    SeriesKey key = {.kind = kind,
                     .name = name,
                     .name_length = strlen(name),
                     .tags = tags,
                     .tags_length = strlen(tags)};
    Slot *slot = NULL;
    uint32_t hash = series_index_hash(&fixture->index, &key);
    assert_int_equal(0, series_index_find(&fixture->index, &key, hash, &slot));
    return slot;
}

/* Of gauges, sets, flags and progress: the shared cell. */
static inline void *fixture_series_target(FixtureSeries *fixture, SeriesKind kind, const char *name,
                                          const char *tags)
{
    return ((RefSlot *)fixture_series_find(fixture, kind, name, tags))->target;
}

static inline void fixture_series_record(FixtureSeries *fixture, const char *name, const char *tags,
                                         double value)
{
    Slot *slot = fixture_series_find(fixture, SERIES_STATS, name, tags);
    astats_cell_record(&((StatsSlot *)slot)->cell, value, 1);
}

static inline CounterCell *fixture_series_counter(FixtureSeries *fixture, const char *name,
                                                  const char *tags)
{
    return &((CounterSlot *)fixture_series_find(fixture, SERIES_COUNTER, name, tags))->cell;
}

static inline void fixture_series_gauge(FixtureSeries *fixture, const char *name, double value)
{
    gauge_cell_set(fixture_series_target(fixture, SERIES_GAUGE, name, ""), value, NULL);
}

static inline void fixture_series_set(FixtureSeries *fixture, const char *name, uint64_t values)
{
    SetCell *set = fixture_series_target(fixture, SERIES_SET, name, "");
    for (uint64_t i = 1; i <= values; i++) {
        uint64_t hash = i * UINT64_C(0x9e3779b97f4a7c15);
        if (set_cell_add(set, hash))
            continue;
        assert_int_equal(0, registry_grow_set(fixture->registry, set));
        assert_true(set_cell_add(set, hash));
    }
}

static inline void fixture_series_flag(FixtureSeries *fixture, const char *name, bool value)
{
    flag_cell_set(fixture_series_target(fixture, SERIES_FLAG, name, ""), value);
}

static inline ProgressCell *fixture_series_progress(FixtureSeries *fixture, const char *name)
{
    return fixture_series_target(fixture, SERIES_PROGRESS, name, "");
}

#endif
