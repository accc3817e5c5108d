/* A flag series: a boolean, and whether it was ever set, so that a reader never sees a value that nobody
 * sent. One shared cell. Any thread; wait-free.
 *
 * Like an AtomicFlag it announces: what was written before it was set is seen by who reads that value. Its
 * word has a check of itself and the cell's address (atomicstats/check.h), so that what somebody else has
 * written there is found out. */
#ifndef METRICS_FLAG_CELL_H
#define METRICS_FLAG_CELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <atomicstats/check.h>

typedef enum {
    FLAG_CELL_UNSET,
    FLAG_CELL_FALSE,
    FLAG_CELL_TRUE
} FlagCellState;

/* Zeroed memory is a flag that is not set; one that is to be sound begins with flag_cell_begin(). */
typedef struct {
    _Atomic uint64_t word; /* FlagCellState, and above its 32 bits the check */
} FlagCell;

static inline uint64_t flag_cell_word_(uintptr_t address, uint32_t state)
{
    return astats_check_word(state, astats_check(address, state, NULL, 0));
}

/* Makes zeroed memory a flag that is not set, and sound. Before other threads see it. */
static inline void flag_cell_begin(FlagCell *cell)
{
    /* relaxed: nobody sees it yet. */
    atomic_store_explicit(&cell->word, flag_cell_word_((uintptr_t)cell, FLAG_CELL_UNSET),
                          memory_order_relaxed);
}

static inline void flag_cell_set(FlagCell *cell, bool value)
{
    uint32_t state = value ? FLAG_CELL_TRUE : FLAG_CELL_FALSE;
    /* release: pairs with the acquire in flag_cell_get(). */
    atomic_store_explicit(&cell->word, flag_cell_word_((uintptr_t)cell, state),
                          memory_order_release);
}

/* => whether it was ever set; then *value is what it is. */
static inline bool flag_cell_get(const FlagCell *cell, bool *value)
{
    /* acquire: pairs with the release in flag_cell_set(). */
    uint32_t state = (uint32_t)atomic_load_explicit(&cell->word, memory_order_acquire);
    if (state == FLAG_CELL_UNSET)
        return false;
    *value = state == FLAG_CELL_TRUE;
    return true;
}

/* => whether the cell, which stood at `address`, is as it was written there. */
static inline bool flag_cell_is_sound(const FlagCell *cell, uintptr_t address)
{
    /* relaxed: the value alone. */
    uint64_t word = atomic_load_explicit(&cell->word, memory_order_relaxed);
    return (uint32_t)word <= FLAG_CELL_TRUE && word == flag_cell_word_(address, (uint32_t)word);
}

#endif
