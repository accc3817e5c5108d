#include "ingest/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/advice.h"
#include "base/clock.h"
#include "base/log.h"
#include "ingest/worker.h"

struct Pool {
    Registry *registry;
    IntakeCounts before; /* of earlier processes */
    unsigned count;
    Worker *workers[POOL_MAX_THREADS]; /* each in lines of its own */
};

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
    pool->workers[pool->count++] = w;
    return 0;
}

/* One socket for each thread, all in one group. The first finds out the port if it is 0. */
static int open_address(Pool *pool, const Address *wanted, int receive_buffer)
{
    Address address = *wanted;
    for (unsigned i = 0; i < pool->count; i++) {
        WorkerSocket *s = worker_next_socket(pool->workers[i]);
        int error = s != NULL ? udp_socket_open(&s->udp, &address, i == 0, receive_buffer) : -E2BIG;
        if (error != 0) {
            char text[ADDRESS_TEXT_SIZE];
            char why[ADVICE_SIZE];
            log_error("ingest", "cannot receive on udp %s: %s", address_format(&address, text),
                      advice_address(error, &address, ADVICE_UDP, "--udp or ingest.udp", why));
            return error;
        }
        pool->workers[i]->socket_count++;
        address = s->udp.address;
    }
    return 0;
}

/* The service manager's sockets, dealt out to the threads in turn. From here on they are the pool's. */
static int adopt_all(Pool *pool, const PoolOptions *options)
{
    int error = 0;
    for (size_t i = 0; i < options->inherited_count; i++) {
        Worker *w = pool->workers[i % pool->count];
        WorkerSocket *s = worker_next_socket(w);
        int each = s == NULL ? -E2BIG
                             : udp_socket_adopt(&s->udp, options->inherited[i],
                                                options->receive_buffer_bytes);
        if (each == 0) {
            w->socket_count++;
        } else {
            log_error("ingest",
                      "cannot use the inherited socket %d: %s; it comes from the service manager: "
                      "see the .socket unit",
                      options->inherited[i], strerrordesc_np(-each));
            close(options->inherited[i]);
            error = each;
        }
    }
    return error;
}

static int open_sockets(Pool *pool, const PoolOptions *options)
{
    if (options->inherited_count > 0)
        return adopt_all(pool, options);
    int error = 0;
    for (size_t i = 0; i < options->udp_count && error == 0; i++)
        error = open_address(pool, &options->udp[i], options->receive_buffer_bytes);
    return error;
}

int pool_open(Pool **out, const PoolOptions *options, Registry *registry)
{
    unsigned threads = options->threads;
    if (threads == 0 || threads > POOL_MAX_THREADS)
        return -EINVAL;
    if (options->inherited_count > 0 && options->inherited_count < threads) {
        log_notice("ingest", "%zu inherited udp sockets feed %zu of the %u threads: no more start",
                   options->inherited_count, options->inherited_count, threads);
        threads = (unsigned)options->inherited_count;
    }
    Pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        log_error("ingest", "cannot make the threads: %s", uv_strerror(UV_ENOMEM));
        return -ENOMEM;
    }
    pool->registry = registry;
    int error = 0;
    while (pool->count < threads && error == 0)
        error = add_worker(pool, options);
    if (error == 0) {
        error = open_sockets(pool, options);
    } else {
        log_error("ingest", "cannot make thread %u: %s", pool->count, uv_strerror(error));
        for (size_t i = 0; i < options->inherited_count; i++)
            close(options->inherited[i]);
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

void pool_report_buffers(const Pool *pool)
{
    const UdpSocket *s = &pool->workers[0]->sockets[0].udp;
    /* The kernel doubles what it is asked for, but not its own default. */
    int granted =
        s->receive_buffer_asked > 0 ? s->receive_buffer_granted / 2 : s->receive_buffer_granted;
    if (granted < s->receive_buffer_asked)
        log_warning(
            "ingest",
            "asked for a receive buffer of %d bytes, the kernel grants %d; to have it, raise "
            "net.core.rmem_max or give the daemon CAP_NET_ADMIN",
            s->receive_buffer_asked, granted);
    else
        log_info("ingest", "receive buffer: %d bytes a socket", granted);
}

/* ---- what it knows ---- */

int64_t pool_thread_stuck_ns(const Pool *pool, unsigned thread)
{
    return worker_stuck_ns(pool->workers[thread], clock_monotonic_ns());
}

int64_t pool_stuck_ns(const Pool *pool)
{
    int64_t now = clock_monotonic_ns();
    int64_t longest = 0;
    for (unsigned i = 0; i < pool->count; i++) {
        int64_t stuck = worker_stuck_ns(pool->workers[i], now);
        longest = stuck > longest ? stuck : longest;
    }
    return longest;
}

unsigned pool_thread_count(const Pool *pool)
{
    return pool->count;
}

const char *pool_scanner_name(const Pool *pool)
{
    return delimiters_name(pool->workers[0]->pipeline.scan); /* set before the threads start */
}

size_t pool_socket_count(const Pool *pool, unsigned thread)
{
    return pool->workers[thread]->socket_count;
}

UdpSocket *pool_socket(const Pool *pool, unsigned thread, size_t socket)
{
    return &pool->workers[thread]->sockets[socket].udp;
}

void pool_socket_info(const Pool *pool, unsigned thread, size_t socket, PoolSocketInfo *out)
{
    UdpSocket *s = &pool->workers[thread]->sockets[socket].udp;
    *out = (PoolSocketInfo){
        .address = s->address,
        .receive_buffer_asked = s->receive_buffer_asked,
        .receive_buffer_granted = s->receive_buffer_granted,
        .queued_bytes = udp_socket_queued_bytes(s),
        /* relaxed: a figure. */
        .datagrams = atomic_load_explicit(&s->datagrams, memory_order_relaxed),
        .dropped = udp_socket_dropped(s),
    };
}

void pool_thread_counts(const Pool *pool, unsigned thread, IntakeCounts *out)
{
    Worker *w = pool->workers[thread];
    intake_counters_read(&w->counters, out);
    for (size_t i = 0; i < w->socket_count; i++)
        out->dropped_kernel += udp_socket_dropped(&w->sockets[i].udp);
}

void pool_counts_without_drops(const Pool *pool, IntakeCounts *out)
{
    IntakeCounts total = pool->before;
    for (unsigned i = 0; i < pool->count; i++) {
        IntakeCounts part;
        intake_counters_read(&pool->workers[i]->counters, &part);
        intake_add(&total, &part);
    }
    *out = total;
}

void pool_counts(const Pool *pool, IntakeCounts *out)
{
    pool_counts_without_drops(pool, out);
    for (unsigned t = 0; t < pool->count; t++) {
        for (size_t i = 0; i < pool->workers[t]->socket_count; i++)
            out->dropped_kernel += udp_socket_dropped(pool_socket(pool, t, i));
    }
}

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

size_t pool_memory_bytes(const Pool *pool)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < pool->count; i++)
        bytes += series_index_memory_bytes(&pool->workers[i]->pipeline.index);
    return bytes;
}

/* Puts a record where its time belongs among the `count` newest, newest first. => the new count. */
static size_t insert_by_time(RejectRecord *out, size_t count, size_t capacity,
                             const RejectRecord *record)
{
    size_t place = count;
    while (place > 0 && out[place - 1].time_ns < record->time_ns)
        place--;
    if (place == capacity)
        return count;
    size_t kept = count < capacity ? count : capacity - 1;
    memmove(&out[place + 1], &out[place], (kept - place) * sizeof *out);
    out[place] = *record;
    return kept + 1;
}

size_t pool_recent_rejected(const Pool *pool, RejectRecord *out, size_t capacity)
{
    RejectRecord records[REJECT_LOG_SIZE];
    size_t filled = 0;
    for (unsigned i = 0; i < pool->count; i++) {
        size_t count = reject_log_copy(&pool->workers[i]->rejects, records, REJECT_LOG_SIZE);
        for (size_t k = 0; k < count; k++)
            filled = insert_by_time(out, filled, capacity, &records[k]);
    }
    return filled;
}
