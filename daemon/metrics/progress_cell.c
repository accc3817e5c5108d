#include "metrics/progress_cell.h"

#include <math.h>
#include <stdatomic.h>

static int64_t get(const _Atomic int64_t *field)
{
    /* relaxed: independent figures. Only updated_ns publishes others, see progress_cell_read(). */
    return atomic_load_explicit(field, memory_order_relaxed);
}

static void put(_Atomic int64_t *field, int64_t value)
{
    atomic_store_explicit(field, value, memory_order_relaxed); /* relaxed: see get() */
}

static void begin_run(ProgressCell *cell, int64_t done, int64_t now_ns)
{
    put(&cell->base, done);
    put(&cell->started_ns, now_ns);
}

static void touch(ProgressCell *cell, int64_t now_ns)
{
    /* release: whoever sees that the cell was updated sees the update; pairs with the acquire in
     * progress_cell_read(). */
    atomic_store_explicit(&cell->updated_ns, now_ns, memory_order_release);
}

void progress_cell_set_done(ProgressCell *cell, int64_t done, int64_t now_ns)
{
    if (get(&cell->updated_ns) == 0 || done < astats_progress_done(&cell->progress))
        begin_run(cell, done, now_ns);
    astats_progress_set_done(&cell->progress, done);
    touch(cell, now_ns);
}

void progress_cell_add_done(ProgressCell *cell, int64_t more, int64_t now_ns)
{
    int64_t done = astats_progress_add(&cell->progress, more);
    if (done < more) {
        /* Both are 0 or more, so the sum has wrapped around. */
        done = INT64_MAX;
        astats_progress_set_done(&cell->progress, done);
    }
    if (get(&cell->updated_ns) == 0)
        begin_run(cell, done, now_ns);
    touch(cell, now_ns);
}

void progress_cell_set_total(ProgressCell *cell, int64_t total, int64_t now_ns)
{
    astats_progress_set_total(&cell->progress, total);
    if (get(&cell->updated_ns) == 0)
        begin_run(cell, 0, now_ns);
    touch(cell, now_ns);
}

ProgressState progress_cell_state(const ProgressCell *cell)
{
    ProgressState state;
    /* acquire, and first: as in progress_cell_read(). */
    state.updated_ns = atomic_load_explicit(&cell->updated_ns, memory_order_acquire);
    state.done = astats_progress_done(&cell->progress);
    state.total = astats_progress_total(&cell->progress);
    state.base = get(&cell->base);
    state.started_ns = get(&cell->started_ns);
    return state;
}

void progress_cell_restore(ProgressCell *cell, const ProgressState *state)
{
    astats_progress_set_done(&cell->progress, state->done);
    astats_progress_set_total(&cell->progress, state->total);
    put(&cell->base, state->base);
    put(&cell->started_ns, state->started_ns);
    touch(cell, state->updated_ns);
}

bool progress_cell_read(const ProgressCell *cell, ProgressValue *out)
{
    /* acquire: pairs with the release in touch(). */
    int64_t updated = atomic_load_explicit(&cell->updated_ns, memory_order_acquire);
    if (updated == 0)
        return false;

    const double unknown = (double)NAN;
    ProgressValue value = {
        .done = astats_progress_done(&cell->progress),
        .total = astats_progress_total(&cell->progress),
        .fraction = unknown,
        .rate_per_s = unknown,
        .eta_s = unknown,
        .started_ns = get(&cell->started_ns),
        .updated_ns = updated,
    };
    int64_t base = get(&cell->base);
    if (value.total > 0)
        value.fraction = (double)value.done / (double)value.total;
    if (value.done > base && value.updated_ns > value.started_ns)
        value.rate_per_s = ((double)value.done - (double)base) /
                           ((double)(value.updated_ns - value.started_ns) * 1e-9);
    if (value.total > 0 && !isnan(value.rate_per_s))
        value.eta_s = fmax(0, ((double)value.total - (double)value.done) / value.rate_per_s);
    *out = value;
    return true;
}
