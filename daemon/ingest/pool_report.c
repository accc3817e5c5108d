#include "ingest/pool_report.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ingest/pool_parts.h"

void pool_report_buffers(const Pool *pool)
{
    const UdpSocket *s = &pool->workers[0]->sockets[0].udp;
    for (size_t i = 0; i < pool->workers[0]->socket_count && s->fd < 0; i++)
        s = &pool->workers[0]->sockets[i].udp;
    if (s->fd < 0)
        return; /* no UDP socket */
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
    WorkerSocket *s = &pool->workers[thread]->sockets[socket];
    bool udp = s->transport == TRANSPORT_UDP;
    char text[ADDRESS_TEXT_SIZE];
    *out = (PoolSocketInfo){
        .transport = s->transport,
        .address = s->udp.address,
        .receive_buffer_asked = s->udp.receive_buffer_asked,
        .receive_buffer_granted = s->udp.receive_buffer_granted,
        .queued_bytes = udp_socket_queued_bytes(&s->udp),
        /* relaxed: a figure. */
        .datagrams = atomic_load_explicit(udp ? &s->udp.datagrams : &s->local.datagrams,
                                          memory_order_relaxed),
        .dropped = udp_socket_dropped(&s->udp),
    };
    (void)snprintf(out->name, sizeof out->name, "%s", worker_socket_text(s, text));
}

size_t pool_listener_count(const Pool *pool, unsigned thread)
{
    return pool->workers[thread]->listener_count;
}

static uint64_t read_figure(const _Atomic uint64_t *figure)
{
    /* relaxed: for people. */
    return atomic_load_explicit(figure, memory_order_relaxed);
}

const Address *pool_listener_info(const Pool *pool, unsigned thread, size_t listener,
                                  PoolTcpFigures *out)
{
    const TcpListener *l = pool->workers[thread]->listeners[listener];
    *out = (PoolTcpFigures){
        .connections = read_figure(&l->figures.connections),
        .accepted = read_figure(&l->figures.accepted),
        .refused = read_figure(&l->figures.refused),
        .crowded_out = read_figure(&l->figures.crowded_out),
        .bytes = read_figure(&l->figures.bytes),
    };
    return &l->address;
}

unsigned pool_tcp_figures(const Pool *pool, PoolTcpFigures *out)
{
    PoolTcpFigures total = {0};
    for (unsigned t = 0; t < pool->count; t++) {
        for (size_t i = 0; i < pool_listener_count(pool, t); i++) {
            PoolTcpFigures part;
            (void)pool_listener_info(pool, t, i, &part);
            total.connections += part.connections;
            total.accepted += part.accepted;
            total.refused += part.refused;
            total.crowded_out += part.crowded_out;
            total.bytes += part.bytes;
        }
    }
    *out = total;
    return pool->tcp_limit.most;
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
