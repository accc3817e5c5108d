#include "ingest/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "ingest/pool_parts.h"
#include "ingest/pool_sockets.h"

/* ---- opening ---- */

static int add_worker(Pool *pool, const PoolOptions *options)
{
    DelimiterScanner scan = delimiters_choose(options->scanner);
    if (scan == NULL)
        return -ENOTSUP;
    Worker *w = aligned_alloc(_Alignof(Worker), sizeof *w);
    if (w == NULL)
        return -ENOMEM;
    int error = worker_init(w, pool->count, pool->registry, options->gauge_sign_absolute);
    if (error != 0) {
        free(w);
        return error;
    }
    w->pipeline.scan = scan;
    w->tcp.limit = &pool->tcp_limit;
    pool->workers[pool->count++] = w;
    return 0;
}

int pool_open(Pool **out, const PoolOptions *options, Registry *registry)
{
    unsigned threads = options->threads;
    if (threads == 0 || threads > POOL_MAX_THREADS)
        return -EINVAL;
    threads = pool_sockets_threads(options);
    Pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        log_error("ingest", "cannot make the threads: %s", uv_strerror(UV_ENOMEM));
        return -ENOMEM;
    }
    pool->registry = registry;
    pool->tcp_limit.most = options->tcp_max_connections;
    int error = 0;
    while (pool->count < threads && error == 0)
        error = add_worker(pool, options);
    if (error == 0) {
        error = pool_sockets_open(pool, options);
    } else {
        log_error("ingest", "cannot make thread %u: %s", pool->count, uv_strerror(error));
        pool_sockets_close_inherited(options);
    }
    if (error != 0) {
        pool_close(pool);
        return error;
    }
    *out = pool;
    return 0;
}

/* ---- running ---- */

int pool_start(Pool *pool)
{
    for (unsigned i = 0; i < pool->count; i++) {
        int error = worker_start(pool->workers[i]);
        if (error != 0) {
            log_error("ingest", "cannot start thread %u: %s", i, uv_strerror(error));
            pool_stop(pool);
            return error;
        }
    }
    return 0;
}

void pool_stop(Pool *pool)
{
    for (unsigned i = 0; i < pool->count; i++)
        worker_stop(pool->workers[i]);
    for (unsigned i = 0; i < pool->count; i++)
        worker_join(pool->workers[i]);
}

void pool_close(Pool *pool)
{
    if (pool == NULL)
        return;
    pool_stop(pool);
    for (unsigned i = 0; i < pool->count; i++) {
        worker_fini(pool->workers[i]);
        free(pool->workers[i]);
    }
    free(pool);
}

void pool_ping(Pool *pool)
{
    int64_t now = clock_monotonic_ns();
    for (unsigned i = 0; i < pool->count; i++)
        worker_ping(pool->workers[i], now);
}

/* ---- before it runs ---- */

SeriesIndex *pool_index(Pool *pool, unsigned thread)
{
    return &pool->workers[thread]->pipeline.index;
}

void pool_add_counts(Pool *pool, const IntakeCounts *before)
{
    intake_add(&pool->before, before);
}

void pool_replay(Pool *pool, unsigned turn, const struct Hand *hand, uint64_t done)
{
    worker_replay(pool->workers[turn % pool->count], hand, done);
}

void pool_keep_figures(Pool *pool)
{
    pool->workers[0]->hand->origin.before = pool->before;
    for (unsigned t = 0; t < pool->count; t++) {
        Worker *w = pool->workers[t];
        for (size_t i = 0; i < w->socket_count; i++) {
            w->hand->origin.cookies[i] = w->sockets[i].udp.cookie;
            udp_socket_keep_dropped(&w->sockets[i].udp, &w->hand->dropped[i]);
        }
        hand_sign_origin(w->hand);
    }
}
