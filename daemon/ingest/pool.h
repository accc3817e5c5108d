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

#include "base/address.h"
#include "ingest/delimiters.h"
#include "ingest/reject_log.h"
#include "ingest/udp_socket.h"
#include "metrics/intake.h"
#include "metrics/registry.h"
#include "metrics/series_index.h"

typedef struct Pool Pool;

typedef struct {
    unsigned threads;         /* 1 to POOL_MAX_THREADS */
    const Address *udp;       /* addresses to bind; port 0 lets the kernel choose one */
    size_t udp_count;         /* at least 1, unless sockets are inherited */
    const int *inherited;     /* bound UDP sockets of a service manager; the pool closes them */
    size_t inherited_count;   /* when not 0, `udp` is not used */
    int receive_buffer_bytes; /* to ask for, per socket; 0: the system's default */
    bool gauge_sign_absolute; /* "+1|g" sets the gauge to 1 instead of adding */
    ScannerChoice scanner;    /* zero: the fastest */
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

/* Tells the log which receive buffer was asked for and granted. */
void pool_report_buffers(const Pool *pool);

/* Takes what the kernel holds at this moment, stops the threads and joins them. Idempotent. */
void pool_stop(Pool *pool);

/* Stops if need be and frees all. NULL is allowed. */
void pool_close(Pool *pool);

/* Asks every thread to show that it is alive; call it about once a second. */
void pool_ping(Pool *pool);

/* => nanoseconds for which the slowest thread owes an answer to pool_ping(); 0: none does. */
int64_t pool_stuck_ns(const Pool *pool);

/* ---- what it knows ---- */

typedef struct {
    Address address;            /* as bound: with the real port */
    int receive_buffer_asked;   /* bytes; 0: not asked */
    int receive_buffer_granted; /* bytes, as the kernel counts them (it doubles what is asked) */
    uint64_t queued_bytes;      /* in the kernel's queue now, with its overhead */
    uint64_t datagrams;         /* received */
    uint64_t dropped; /* by the kernel, over the socket's life: also before it was handed over */
} PoolSocketInfo;

unsigned pool_thread_count(const Pool *pool);

/* => what finds the delimiters in every thread, as delimiters_name() calls it. */
const char *pool_scanner_name(const Pool *pool);

size_t pool_socket_count(const Pool *pool, unsigned thread);
UdpSocket *pool_socket(const Pool *pool, unsigned thread, size_t socket);
void pool_socket_info(const Pool *pool, unsigned thread, size_t socket, PoolSocketInfo *out);

/* Counts of one thread, or of all and of earlier processes. Everything that these counts say was recorded is seen by a walk
 * over the registry that starts afterwards. */
void pool_thread_counts(const Pool *pool, unsigned thread, IntakeCounts *out);
void pool_counts(const Pool *pool, IntakeCounts *out);

/* The same, but `dropped_kernel` holds those of earlier processes only. */
void pool_counts_without_drops(const Pool *pool, IntakeCounts *out);

/* => ns for which this thread owes an answer to pool_ping(); 0: none. */
int64_t pool_thread_stuck_ns(const Pool *pool, unsigned thread);

/* => bytes of cells and names that all threads together hold. */
size_t pool_memory_bytes(const Pool *pool);

/* The latest rejected lines, newest first. => how many of the `capacity` were filled. */
size_t pool_recent_rejected(const Pool *pool, RejectRecord *out, size_t capacity);

#endif
