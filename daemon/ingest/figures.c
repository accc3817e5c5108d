#include "ingest/figures.h"

void figures_collect(const Pool *pool, int64_t booted_ns, CheckpointFigures *out)
{
    *out = (CheckpointFigures){.booted_ns = booted_ns};
    pool_counts_without_drops(pool, &out->intake);
    for (unsigned t = 0; t < pool_thread_count(pool); t++) {
        for (size_t i = 0; i < pool_socket_count(pool, t); i++) {
            UdpSocket *s = pool_socket(pool, t, i);
            uint64_t dropped = udp_socket_dropped(s); /* one look for both, so that they agree */
            out->intake.dropped_kernel += dropped;
            if (s->cookie != 0 && out->socket_count < CHECKPOINT_SOCKETS)
                out->sockets[out->socket_count++] = (SocketDrops){s->cookie, dropped};
        }
    }
}

static const SocketDrops *find(const CheckpointFigures *figures, uint64_t cookie)
{
    for (size_t i = 0; i < figures->socket_count; i++) {
        if (figures->sockets[i].cookie == cookie)
            return &figures->sockets[i];
    }
    return NULL;
}

void figures_resume(Pool *pool, int64_t booted_ns, const CheckpointFigures *figures)
{
    IntakeCounts before = figures->intake;
    for (unsigned t = 0; t < pool_thread_count(pool); t++) {
        for (size_t i = 0; i < pool_socket_count(pool, t); i++) {
            UdpSocket *s = pool_socket(pool, t, i);
            const SocketDrops *known = s->cookie != 0 ? find(figures, s->cookie) : NULL;
            if (known != NULL && booted_ns >= figures->booted_ns &&
                known->dropped <= before.dropped_kernel && udp_socket_resume(s, known->dropped))
                before.dropped_kernel -= known->dropped;
        }
    }
    pool_add_counts(pool, &before);
}
