/* One ingest thread's intake figures, published for readers.
 *
 * The thread counts in plain numbers and publishes them once a batch, after the batch is recorded.
 * One writer, any number of readers; no read-modify-write, and no line that another thread writes.
 *
 * Promise: publishing releases, reading acquires. So everything that a read figure counts is seen
 * by a walk over the series that starts after the read. */
#ifndef INGEST_INTAKE_COUNTERS_H
#define INGEST_INTAKE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "metrics/intake.h"

/* Zeroed memory is valid. Lines of its own, the neighbour line that is prefetched with it included. */
typedef struct {
    _Alignas(128) _Atomic uint64_t datagrams;
    _Atomic uint64_t bytes;
    _Atomic uint64_t lines;
    _Atomic uint64_t values;
    _Atomic uint64_t ignored;
    _Atomic uint64_t rejected[REJECT_REASONS];
} IntakeCounters;

/* Makes the thread's own counts what readers see. dropped_kernel is not among them: the sockets know
 * it. The owning thread only. */
void intake_counters_publish(IntakeCounters *counters, const IntakeCounts *own);

/* Reads them; dropped_kernel is set to 0. Any thread. */
void intake_counters_read(const IntakeCounters *counters, IntakeCounts *out);

#endif
