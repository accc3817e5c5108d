#include "metrics/set_cell.h"

#include <math.h>
#include <stddef.h>

static SetSketch *sketch_of(const SetCell *cell)
{
    /* acquire: pairs with the release in set_cell_grow(), which publishes the zeroes. */
    return atomic_load_explicit(&cell->sketch, memory_order_acquire);
}

/* => whether the hash is among the places; adds it if there is room. */
static bool places_add(_Atomic uint64_t *places, size_t count, uint64_t hash)
{
    for (size_t i = 0; i < count; i++) {
        /* relaxed: a place is written once, and its value is all that is wanted of it; the fence in
         * set_cell_add() orders it against the sketch. */
        uint64_t seen = atomic_load_explicit(&places[i], memory_order_relaxed);
        if (seen == 0 && atomic_compare_exchange_strong_explicit(
                             &places[i], &seen, hash, memory_order_relaxed, memory_order_relaxed))
            return true;
        if (seen == hash)
            return true;
    }
    return false;
}

/* => how many places are taken. */
static size_t places_taken(const _Atomic uint64_t *places, size_t count)
{
    size_t taken = 0;
    /* relaxed: a count of what was added up to about now. */
    while (taken < count && atomic_load_explicit(&places[taken], memory_order_relaxed) != 0)
        taken++;
    return taken;
}

static void sketch_add(SetSketch *sketch, uint64_t hash)
{
    hll_add(&sketch->hll, hash);
    /* relaxed: a place is written once; a full list stays full, and large sets need not read it. */
    if (atomic_load_explicit(&sketch->listed[SET_LISTED - 1], memory_order_relaxed) == 0)
        places_add(sketch->listed, SET_LISTED, hash);
}

/* => 48 bits of the hash, which are enough to tell values apart, and above them a check of these bits: so
 * that what is in a place can be told from what somebody has scribbled there. Never 0, which is a free place.
 * Of what is one already, the same. */
static uint64_t with_check(uint64_t hash)
{
    uint64_t low = hash & UINT64_C(0xffffffffffff);
    uint64_t check = (low * UINT64_C(0x9e3779b97f4a7c15) >> 48) ^ 0x5a5a;
    return check << 48 | low;
}

static bool places_are_sound(const _Atomic uint64_t *places, size_t count)
{
    size_t taken = places_taken(places, count);
    for (size_t i = 0; i < count; i++) {
        /* relaxed: written once. */
        uint64_t hash = atomic_load_explicit(&places[i], memory_order_relaxed);
        if (hash != (i < taken ? with_check(hash) : 0))
            return false;
    }
    return true;
}

bool set_cell_is_sound(const SetCell *cell, const SetSketch *sketch)
{
    return places_are_sound(cell->small, SET_SMALL) &&
           (sketch == NULL || places_are_sound(sketch->listed, SET_LISTED));
}

bool set_cell_add(SetCell *cell, uint64_t hash)
{
    hash = with_check(hash);
    SetSketch *sketch = sketch_of(cell);
    if (sketch == NULL) {
        bool in = places_add(cell->small, SET_SMALL, hash);
        /* seq_cst fence: our place is written before the sketch is looked for again. Pairs with the
         * one in set_cell_grow(); see Hazard. */
        atomic_thread_fence(memory_order_seq_cst);
        sketch = sketch_of(cell);
        if (sketch == NULL)
            return in;
    }
    sketch_add(sketch, hash);
    return true;
}

bool set_cell_grow(SetCell *cell, SetSketch *sketch)
{
    if (sketch_of(cell) != NULL)
        return false;
    /* release: publishes the zeroes; pairs with the acquire in sketch_of(). */
    atomic_store_explicit(&cell->sketch, sketch, memory_order_release);
    /* seq_cst fence: the sketch is there before the places are read; see Hazard. */
    atomic_thread_fence(memory_order_seq_cst);
    for (size_t i = 0; i < SET_SMALL; i++) {
        /* relaxed: the fence orders it. */
        uint64_t hash = atomic_load_explicit(&cell->small[i], memory_order_relaxed);
        if (hash != 0)
            sketch_add(sketch, hash);
    }
    return true;
}

static size_t places_copy(const _Atomic uint64_t *places, size_t count, uint64_t *out)
{
    size_t taken = places_taken(places, count);
    for (size_t i = 0; i < taken; i++)
        out[i] = atomic_load_explicit(&places[i], memory_order_relaxed); /* relaxed: written once */
    return taken;
}

size_t set_cell_hashes(const SetCell *cell, const SetSketch *sketch,
                       uint64_t out[static SET_LISTED])
{
    size_t listed = sketch != NULL ? places_copy(sketch->listed, SET_LISTED, out) : 0;
    /* A sketch with fewer has just been given, and not all is in it yet. To be told twice is nothing. */
    if (listed > SET_SMALL)
        return listed;
    return listed + places_copy(cell->small, SET_SMALL, out + listed);
}

SetSketch *set_cell_sketch(const SetCell *cell)
{
    return sketch_of(cell);
}

double set_cell_count(const SetCell *cell)
{
    double small = (double)places_taken(cell->small, SET_SMALL);
    const SetSketch *sketch = sketch_of(cell);
    if (sketch == NULL)
        return small;
    size_t listed = places_taken(sketch->listed, SET_LISTED);
    /* While the sketch is being filled it may know less than the places do. */
    if (listed < SET_LISTED)
        return fmax(small, (double)listed);
    return fmax(SET_LISTED, hll_estimate(&sketch->hll));
}
