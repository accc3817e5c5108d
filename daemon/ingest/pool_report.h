/* What a pool knows: its sockets, figures and threads. To be included by way of pool.h.
 *
 * Thread rule: any thread between pool_open() and pool_close(). */
#ifndef INGEST_POOL_REPORT_H
#define INGEST_POOL_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "ingest/reject_log.h"
#include "ingest/transport.h"
#include "ingest/udp_socket.h"
#include "ingest/unix_socket.h"
#include "metrics/intake.h"

typedef struct Pool Pool;

enum {
    POOL_NAME_SIZE = 112 /* of any socket, with the closing zero */
};

_Static_assert((int)POOL_NAME_SIZE >= (int)ADDRESS_TEXT_SIZE &&
                   (int)POOL_NAME_SIZE >= (int)UNIX_SOCKET_TEXT_SIZE,
               "any name fits");

/* Tells the log which receive buffer was asked for and granted. */
void pool_report_buffers(const Pool *pool);

typedef struct {
    Transport transport;
    char name[POOL_NAME_SIZE];  /* what it is bound to, as people write it: with the real port */
    Address address;            /* as bound: with the real port. Of a Unix socket: none */
    int receive_buffer_asked;   /* bytes; 0: not asked */
    int receive_buffer_granted; /* bytes, as the kernel counts them (it doubles what is asked) */
    uint64_t queued_bytes;      /* in the kernel's queue now, with its overhead */
    uint64_t datagrams;         /* received */
    uint64_t dropped; /* by the kernel, over the socket's life: also before it was handed over */
} PoolSocketInfo;

unsigned pool_thread_count(const Pool *pool);

/* => what finds the delimiters in every thread, as delimiters_name() calls it. */
const char *pool_scanner_name(const Pool *pool);

/* Datagram sockets. */
size_t pool_socket_count(const Pool *pool, unsigned thread);
UdpSocket *pool_socket(const Pool *pool, unsigned thread, size_t socket);
void pool_socket_info(const Pool *pool, unsigned thread, size_t socket, PoolSocketInfo *out);

typedef struct {
    uint64_t connections; /* open now */
    uint64_t accepted;
    uint64_t refused;     /* closed at once */
    uint64_t crowded_out; /* closed for a newcomer after a long silence */
    uint64_t bytes;       /* received */
} PoolTcpFigures;

/* Listening TCP sockets. => the address as bound, with the real port; its figures in *out. */
size_t pool_listener_count(const Pool *pool, unsigned thread);
const Address *pool_listener_info(const Pool *pool, unsigned thread, size_t listener,
                                  PoolTcpFigures *out);

/* All of them together. => how many connections there may be at a time. */
unsigned pool_tcp_figures(const Pool *pool, PoolTcpFigures *out);

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

/* => nanoseconds for which the slowest thread owes an answer to pool_ping(); 0: none does. */
int64_t pool_stuck_ns(const Pool *pool);

#endif
