#include "metrics/shared_cells.h"

#include <errno.h>
#include <string.h>

#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/progress_cell.h"

static const size_t cell_bytes[SERIES_KINDS] = {
    [SERIES_GAUGE] = sizeof(GaugeCell),
    [SERIES_SET] = sizeof(SetCell),
    [SERIES_FLAG] = sizeof(FlagCell),
    [SERIES_PROGRESS] = sizeof(ProgressCell),
};

bool series_kind_is_shared(SeriesKind kind)
{
    return cell_bytes[kind] != 0;
}

size_t shared_cell_size(SeriesKind kind)
{
    return cell_bytes[kind];
}

/* Makes zeroed memory a cell that is empty, and known to be. */
static void begin(SeriesKind kind, void *cell)
{
    switch (kind) {
    case SERIES_GAUGE:
        gauge_cell_begin(cell);
        break;
    case SERIES_SET:
        set_cell_begin(cell);
        break;
    case SERIES_FLAG:
        flag_cell_begin(cell);
        break;
    case SERIES_PROGRESS:
        progress_cell_begin(cell);
        break;
    case SERIES_STATS: /* these are not shared */
    case SERIES_COUNTER:
    case SERIES_KINDS:
        break;
    }
}

void *shared_cells_take(SharedCells *cells, SeriesKind kind)
{
    void *cell = blocks_take(cells->blocks, cell_bytes[kind]);
    if (cell != NULL)
        begin(kind, cell);
    return cell;
}

static void give_sketch(SharedCells *cells, SetCell *cell)
{
    /* relaxed: nobody else has the cell any more. */
    void *sketch = atomic_load_explicit(&cell->sketch, memory_order_relaxed);
    if (sketch == NULL)
        return;
    memcpy(sketch, &cells->free_sketches, sizeof cells->free_sketches);
    cells->free_sketches = sketch;
}

void shared_cells_give(SharedCells *cells, SeriesKind kind, void *cell)
{
    if (cell == NULL)
        return;
    if (kind == SERIES_SET)
        give_sketch(cells, cell);
    blocks_give(cells->blocks, cell, cell_bytes[kind]);
}

static SetSketch *take_sketch(SharedCells *cells)
{
    void *sketch = cells->free_sketches;
    if (sketch == NULL)
        return arena_alloc(cells->blocks->arena, sizeof(SetSketch), 64);
    memcpy(&cells->free_sketches, sketch, sizeof cells->free_sketches);
    return memset(sketch, 0, sizeof(SetSketch));
}

int shared_cells_grow_set(SharedCells *cells, SetCell *cell)
{
    /* relaxed: only written under the mutex that this thread holds. */
    if (atomic_load_explicit(&cell->sketch, memory_order_relaxed) != NULL)
        return 0;
    SetSketch *sketch = take_sketch(cells);
    if (sketch == NULL)
        return -ENOMEM;
    (void)set_cell_grow(cell, sketch);
    return 0;
}
