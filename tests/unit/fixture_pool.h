/* A pool over its registry, on ports of its own; its counts, waited for. */
#ifndef TESTS_UNIT_FIXTURE_POOL_H
#define TESTS_UNIT_FIXTURE_POOL_H

#include <stdint.h>

#include "fixture_udp.h"
#include "ingest/pool.h"
#include "metrics/snapshot.h"

typedef struct {
    Registry *registry;
    Pool *pool;
    Address address; /* of the first socket */
} FixturePool;

static inline void fixture_pool_open(FixturePool *f, const PoolOptions *options)
{
    PoolSocketInfo info;
    *f = (FixturePool){.registry = NULL};
    assert_int_equal(0, registry_create(&f->registry, 1000));
    assert_int_equal(0, pool_open(&f->pool, options, f->registry));
    pool_socket_info(f->pool, 0, 0, &info);
    f->address = info.address;
}

static inline void fixture_pool_threads(FixturePool *f, unsigned threads)
{
    Address address = udp_address("127.0.0.1:0");
    PoolOptions options = {.threads = threads, .udp = &address, .udp_count = 1};
    fixture_pool_open(f, &options);
}

static inline void fixture_pool_close(FixturePool *f)
{
    pool_close(f->pool);
    registry_destroy(f->registry);
}

static inline IntakeCounts fixture_pool_counts(const FixturePool *f)
{
    IntakeCounts counts;
    pool_counts(f->pool, &counts);
    return counts;
}

static inline void fixture_pool_wait(const FixturePool *f, uint64_t lines)
{
    int64_t since = clock_monotonic_ns();
    while (fixture_pool_counts(f).lines < lines && udp_keep_waiting(since))
        continue;
    assert_int_equal(lines, fixture_pool_counts(f).lines);
}

static inline int64_t fixture_pool_counter(const FixturePool *f)
{
    SnapshotFilter all = {.glob = NULL};
    SnapshotCursor cursor;
    SeriesView view;
    snapshot_begin(&cursor, f->registry, SERIES_COUNTER, &all);
    bool any = snapshot_next(&cursor, &view);
    snapshot_end(&cursor);
    assert_true(any);
    return view.value.counter.integer;
}

/* Waits until every thread has published all that it has in hand. */
static inline void fixture_pool_settle(const FixturePool *f)
{
    int64_t since = clock_monotonic_ns();
    pool_ping(f->pool);
    while (pool_stuck_ns(f->pool) != 0)
        assert_true(udp_keep_waiting(since));
}

#endif
