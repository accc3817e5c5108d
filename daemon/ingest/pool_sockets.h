/* Opens a pool's sockets, and takes over those of a service manager, each for one of its threads.
 *
 * Thread rule: the thread that owns the pool, before pool_start(). */
#ifndef INGEST_POOL_SOCKETS_H
#define INGEST_POOL_SOCKETS_H

#include "ingest/pool.h"

/* => how many of the wanted threads will have a socket. */
unsigned pool_sockets_threads(const PoolOptions *options);

/* Opens and takes over all. => 0; negative errno, which has been logged: those that are open already are the
 * threads', and those of the service manager that are not are closed. */
int pool_sockets_open(Pool *pool, const PoolOptions *options);

/* Closes what the service manager has handed over, of which no thread has anything yet. */
void pool_sockets_close_inherited(const PoolOptions *options);

#endif
