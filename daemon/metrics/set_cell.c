#include "metrics/set_cell.h"

#include <math.h>
#include <stddef.h>

static HyperLogLog *sketch_of(const SetCell *cell)
{
    /* acquire: pairs with the release in set_cell_grow(), which publishes the zeroed registers. */
    return atomic_load_explicit(&cell->sketch, memory_order_acquire);
}

/* => whether the hash is among the small ones; adds it if there is room. */
static bool small_add(SetCell *cell, uint64_t hash)
{
    for (size_t i = 0; i < SET_SMALL; i++) {
        /* relaxed: a place is written once, and its value is all that is wanted of it; the fence in
         * set_cell_add() orders it against the sketch. */
        uint64_t seen = atomic_load_explicit(&cell->small[i], memory_order_relaxed);
        if (seen == 0 &&
            atomic_compare_exchange_strong_explicit(&cell->small[i], &seen, hash,
                                                    memory_order_relaxed, memory_order_relaxed))
            return true;
        if (seen == hash)
            return true;
    }
    return false;
}

bool set_cell_add(SetCell *cell, uint64_t hash)
{
    hash = hash != 0 ? hash : 1; /* 0 means a free place */
    HyperLogLog *sketch = sketch_of(cell);
    if (sketch == NULL) {
        bool in = small_add(cell, hash);
        /* seq_cst fence: our place is written before the sketch is looked for again. Pairs with the
         * one in set_cell_grow(); see Hazard. */
        atomic_thread_fence(memory_order_seq_cst);
        sketch = sketch_of(cell);
        if (sketch == NULL)
            return in;
    }
    hll_add(sketch, hash);
    return true;
}

bool set_cell_grow(SetCell *cell, HyperLogLog *sketch)
{
    if (sketch_of(cell) != NULL)
        return false;
    /* release: publishes the registers; pairs with the acquire in sketch_of(). */
    atomic_store_explicit(&cell->sketch, sketch, memory_order_release);
    /* seq_cst fence: the sketch is there before the places are read; see Hazard. */
    atomic_thread_fence(memory_order_seq_cst);
    for (size_t i = 0; i < SET_SMALL; i++) {
        /* relaxed: the fence orders it. */
        uint64_t hash = atomic_load_explicit(&cell->small[i], memory_order_relaxed);
        if (hash != 0)
            hll_add(sketch, hash);
    }
    return true;
}

double set_cell_count(const SetCell *cell)
{
    double small = 0;
    for (size_t i = 0; i < SET_SMALL; i++) {
        /* relaxed: a count of what was added up to about now. */
        if (atomic_load_explicit(&cell->small[i], memory_order_relaxed) == 0)
            break;
        small++;
    }
    const HyperLogLog *sketch = sketch_of(cell);
    /* While the sketch is being filled it may know less than the places do. */
    return sketch == NULL ? small : fmax(small, hll_estimate(sketch));
}
