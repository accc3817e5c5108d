/* What a pool is made of, for the modules that make it up: pool, pool_sockets, pool_report. */
#ifndef INGEST_POOL_PARTS_H
#define INGEST_POOL_PARTS_H

#include "ingest/pool.h"
#include "ingest/worker.h"

struct Pool {
    Registry *registry;
    IntakeCounts before; /* of earlier processes */
    TcpLimit tcp_limit;
    unsigned count;
    Worker *workers[POOL_MAX_THREADS]; /* each in lines of its own */
};

#endif
