/* One series as bytes, for files that outlive the process: its id and all that its cells hold, so that
 * nothing is rounded on the way. What a record looks like is in ARCHITECTURE.md under "The checkpoint".
 *
 * A stats series' cells are merged into one state, a counter's are added up: which thread recorded what
 * is not kept, so another number of threads can take it over. */
#ifndef METRICS_SERIES_RECORD_H
#define METRICS_SERIES_RECORD_H

#include <stdbool.h>

#include <atomicstats/cell.h>

#include "base/wire.h"
#include "metrics/counter_cell.h"
#include "metrics/progress_cell.h"
#include "metrics/series_index.h"
#include "metrics/series_read.h"

enum {
    /* The longest: a set with a full sketch. */
    SERIES_RECORD_MAX = 16 + SERIES_ID_MAX + 8 * (SET_LISTED + 2) + HLL_REGISTERS
};

/* Writes the record of a series with this content, if it holds anything: between its birth and its first
 * value it does not. Pure, but that shared cells are read. => whether it does. */
bool series_record_write(const SeriesContent *content, WireWriter *writer);

/* A record that was taken apart and found to be sound. The texts lie in what it was read from. */
typedef struct {
    SeriesKey key;
    union {
        struct {
            AstatsCellState state;
            double shift;
        } stats;
        CounterSum counter;
        double gauge;
        bool flag;
        ProgressState progress;
        struct {
            const unsigned char *hashes; /* `count` of them, 8 bytes each, little-endian */
            size_t count;
            const uint8_t *registers; /* HLL_REGISTERS; NULL: there is no sketch */
        } set;
    } value;
} SeriesRecord;

/* Takes the next record. => NULL: *record is sound; else what is wrong with it, in English. */
const char *series_record_read(WireReader *reader, SeriesRecord *record);

/* Makes the series with what the record says, as if this index's thread had recorded it. No other thread
 * may be using the index or reading the registry.
 * => 0; -EEXIST: the series is there already, and stays as it is; -EDQUOT, -ENOMEM. */
int series_record_restore(const SeriesRecord *record, SeriesIndex *index);

#endif
