#include "metrics/series_read.h"

#include "metrics/slot.h"

static const Slot *first_slot(const Series *series)
{
    /* acquire: pairs with the release in registry_join(); `next` of a linked slot is final. */
    return atomic_load_explicit(&series->slots, memory_order_acquire);
}

bool series_read_stats(const Series *series, AstatsMerge *out)
{
    astats_merge_init(out);
    for (const Slot *slot = first_slot(series); slot != NULL; slot = slot->next) {
        AstatsCellState state;
        double shift;
        if (astats_cell_snapshot(&((const StatsSlot *)slot)->cell, &state, &shift) != 0)
            astats_merge_add(out, &state, shift);
    }
    return out->count > 0;
}

bool series_read_counter(const Series *series, CounterSum *out)
{
    *out = (CounterSum){0};
    for (const Slot *slot = first_slot(series); slot != NULL; slot = slot->next)
        counter_cell_read(&((const CounterSlot *)slot)->cell, out);
    return out->any;
}

const void *series_read_shared(const Series *series)
{
    return ((const RefSlot *)first_slot(series))->target;
}

void series_read(const Series *series, SeriesContent *out)
{
    out->kind = (SeriesKind)series->kind;
    out->id = series->id;
    out->id_length = series->id_length;
    out->name_length = series->name_length;
    out->sketch = NULL;
    if (out->kind == SERIES_STATS)
        (void)series_read_stats(series, &out->stats);
    else if (out->kind == SERIES_COUNTER)
        (void)series_read_counter(series, &out->counter);
    else
        out->shared = series_read_shared(series);
    if (out->kind == SERIES_SET)
        out->sketch = set_cell_sketch(out->shared);
}

bool series_is_live(const Series *series)
{
    /* relaxed: who sees it a moment late still reads what was there, which stays until the readers'
     * mutex is free. */
    return atomic_load_explicit(&series->live, memory_order_relaxed) != 0;
}
