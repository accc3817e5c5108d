/* Writes a checkpoint every few seconds, from a thread of its own.
 *
 * Thread rule: open, start, stop and close are for one thread; the rest for any. */
#ifndef INGEST_SAVER_H
#define INGEST_SAVER_H

#include <stdint.h>

#include "ingest/pool.h"
#include "metrics/checkpoint_head.h"
#include "metrics/registry.h"

typedef struct Saver Saver;

typedef struct {
    CheckpointInfo latest; /* the latest good one; all 0: none yet */
    uint64_t written;      /* since the start */
    uint64_t failed;       /* attempts since the start */
    int64_t took_ns;       /* the latest good one */
} SaverInfo;

/* Makes one for a directory, whose name and descriptor outlive it. => 0 or negative errno. */
int saver_open(Saver **out, const char *directory, int directory_fd, Registry *registry,
               Pool *pool);

/* What is there now is what this checkpoint has. */
void saver_set_latest(Saver *saver, const CheckpointInfo *latest);

/* Starts to write one every `interval_s` (1 or more). => 0 or negative errno. */
int saver_start(Saver *saver, unsigned interval_s);

/* From the next checkpoint on. */
void saver_set_interval(Saver *saver, unsigned interval_s);

/* Ends the writing, with a last checkpoint if anything has changed. Once that is done, to ask again does
 * nothing; what has failed is tried again.
 * => 0; negative errno: it could not be written, which has been logged. */
int saver_stop(Saver *saver);

/* Ends the writing without a last checkpoint, if it has not ended yet, and frees all. NULL is allowed. */
void saver_close(Saver *saver);

void saver_info(Saver *saver, SaverInfo *out);

#endif
