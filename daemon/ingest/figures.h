/* What a pool has counted, as a checkpoint keeps it, and back.
 *
 * Thread rule: figures_collect() any thread; figures_resume() before pool_start(). */
#ifndef INGEST_FIGURES_H
#define INGEST_FIGURES_H

#include "ingest/pool.h"
#include "metrics/checkpoint_figures.h"

/* `booted_ns`: CLOCK_BOOTTIME now. */
void figures_collect(const Pool *pool, int64_t booted_ns, CheckpointFigures *out);

/* Makes the pool go on from these figures. Drops on sockets that the pool has taken over are in their own
 * counters already, if it is the boot in which the figures were collected. */
void figures_resume(Pool *pool, int64_t booted_ns, const CheckpointFigures *figures);

#endif
