/* Writes a checkpoint. The good file is never touched: a new one is written beside it, flushed to the disk,
 * and takes its name; then the folder is flushed. At every moment there is one whole checkpoint under
 * the name.
 *
 * Thread rule: one thread at a time for one directory. It goes along with recording and reading. */
#ifndef METRICS_CHECKPOINT_WRITE_H
#define METRICS_CHECKPOINT_WRITE_H

#include "metrics/checkpoint_figures.h"
#include "metrics/checkpoint_head.h"
#include "metrics/registry.h"

/* Writes what is there now into the directory. `figures`: read before, so that what they
 * count is in the series. `now_ns`: CLOCK_REALTIME. Memory: a few hundred KiB, whatever the number of series.
 * => 0 and *info; negative errno and *reason: the file that was there is as it was. */
int checkpoint_write(int directory_fd, Registry *registry, const CheckpointFigures *figures,
                     int64_t now_ns, CheckpointInfo *info, CheckpointReason *reason);

#endif
