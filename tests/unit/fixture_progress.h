/* The changes that a progress can go through, one by one. */
#ifndef TESTS_UNIT_FIXTURE_PROGRESS_H
#define TESTS_UNIT_FIXTURE_PROGRESS_H

#include "metrics/progress_cell.h"

static inline void progress_set_done(ProgressCell *cell, int64_t done, int64_t now_ns)
{
    progress_cell_change(cell, &(ProgressChange){.has_done = true, .done = done}, now_ns, NULL);
}

static inline void progress_add_done(ProgressCell *cell, int64_t more, int64_t now_ns)
{
    progress_cell_change(cell, &(ProgressChange){.has_more = true, .more = more}, now_ns, NULL);
}

static inline void progress_set_total(ProgressCell *cell, int64_t total, int64_t now_ns)
{
    progress_cell_change(cell, &(ProgressChange){.has_total = true, .total = total}, now_ns, NULL);
}

#endif
