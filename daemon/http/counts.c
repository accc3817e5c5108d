#include "http/counts.h"

/* Relaxed throughout: independent figures that publish nothing else. */
static void add_many(_Atomic uint64_t *figure, uint64_t number)
{
    atomic_fetch_add_explicit(figure, number, memory_order_relaxed);
}

static void add(_Atomic uint64_t *figure)
{
    add_many(figure, 1);
}

static uint64_t get(const _Atomic uint64_t *figure)
{
    return atomic_load_explicit(figure, memory_order_relaxed);
}

void http_counts_connected(HttpCounts *counts)
{
    add(&counts->connections);
    add(&counts->accepted);
}

void http_counts_disconnected(HttpCounts *counts)
{
    /* Relaxed: as above. */
    atomic_fetch_sub_explicit(&counts->connections, 1, memory_order_relaxed);
}

void http_counts_request(HttpCounts *counts)
{
    add(&counts->requests);
}

void http_counts_response(HttpCounts *counts, unsigned status)
{
    add(&counts->responses[status / 100 - 1]);
}

void http_counts_cut(HttpCounts *counts, unsigned late, unsigned crowded_out)
{
    add_many(&counts->cut_late, late);
    add_many(&counts->cut_crowded_out, crowded_out);
}

void http_counts_stranger(HttpCounts *counts)
{
    add(&counts->strangers);
}

void http_counts_read(const HttpCounts *counts, HttpFigures *out)
{
    out->connections = get(&counts->connections);
    out->accepted = get(&counts->accepted);
    out->requests = get(&counts->requests);
    for (unsigned i = 0; i < HTTP_STATUS_CLASSES; i++)
        out->responses[i] = get(&counts->responses[i]);
    out->cut_late = get(&counts->cut_late);
    out->cut_crowded_out = get(&counts->cut_crowded_out);
    out->strangers = get(&counts->strangers);
}
