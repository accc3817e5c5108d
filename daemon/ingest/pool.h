/* The ingest threads together: opened in order, started, watched, drained and stopped.
 *
 * Thread rule: open, start, stop and close are for the thread that owns the pool; everything else
 * may be called by any thread between pool_open() and pool_close(). Nothing here blocks an ingest
 * thread. */
#ifndef INGEST_POOL_H
#define INGEST_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/address.h"
#include "ingest/delimiters.h"
#include "ingest/pool_report.h"
#include "metrics/intake.h"
#include "metrics/registry.h"
#include "metrics/series_index.h"

typedef struct {
    unsigned threads;          /* 1 to POOL_MAX_THREADS */
    const Address *udp;        /* addresses to bind; port 0 lets the kernel choose one */
    size_t udp_count;          /* at least 1, unless sockets are inherited */
    const int *inherited;      /* bound UDP sockets of a service manager; the pool closes them */
    size_t inherited_count;    /* when not 0, `udp` is not used */
    const char *unix_name;     /* as unix_socket_open() takes it; NULL or "": no Unix socket */
    mode_t unix_mode;          /* who may send to it */
    const int *inherited_unix; /* as `inherited`, Unix datagram sockets */
    size_t inherited_unix_count;
    const Address *tcp; /* addresses to listen at, as `udp` */
    size_t tcp_count;
    const int *
        inherited_tcp; /* as `inherited`, listening TCP sockets; when there are any, `tcp` is not used */
    size_t inherited_tcp_count;
    unsigned tcp_max_connections; /* of all threads together, from 1 */
    int receive_buffer_bytes;     /* to ask for, per socket; 0: the system's default */
    bool gauge_sign_absolute;     /* "+1|g" sets the gauge to 1 instead of adding */
    ScannerChoice scanner;        /* zero: the fastest */
} PoolOptions;

enum {
    POOL_MAX_THREADS = 256,
    POOL_MAX_ADDRESSES = 64
};

/* Opens and binds every socket and makes the threads' state, but starts no thread yet.
 * => 0; -EINVAL: no thread is wanted, or too many; other negative errno: nothing is open, and it has been logged
 * what could not be opened and why. */
int pool_open(Pool **out, const PoolOptions *options, Registry *registry);

/* The threads' indexes, for putting series into them before pool_start(). */
SeriesIndex *pool_index(Pool *pool, unsigned thread);

/* Figures of earlier processes, to be counted in from now on. Before pool_start(). */
void pool_add_counts(Pool *pool, const IntakeCounts *before);

/* Takes in a batch that a thread of another process had in its hands: the first `done` of its values are in
 * (worker_replay()). `turn`: any number; the threads take turns. Before pool_start(). */
struct Hand;
void pool_replay(Pool *pool, unsigned turn, const struct Hand *hand, uint64_t done);

/* From now on the figures stand where the next process finds them, too. After the two above. */
void pool_keep_figures(Pool *pool);

/* Starts the threads, with all signals blocked. => 0 or negative errno (none runs then). */
int pool_start(Pool *pool);

/* Takes what the kernel holds at this moment, stops the threads and joins them. Idempotent. */
void pool_stop(Pool *pool);

/* Stops if need be and frees all. NULL is allowed. */
void pool_close(Pool *pool);

/* Asks every thread to show that it is alive; call it about once a second. */
void pool_ping(Pool *pool);

#endif
