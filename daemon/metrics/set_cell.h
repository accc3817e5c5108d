/* A set series: how many different values were seen. One shared cell.
 *
 * Up to SET_SMALL values are kept in the cell as their 64-bit hashes. Then the set gets a sketch: a
 * HyperLogLog (2 % at worst, see hyperloglog.h), and beside it a longer list of hashes, so that fewer
 * than SET_LISTED values are counted exactly. Why: among few values one collision is more than 2 %
 * (of 32 values 3 %, in one of 64 sets); from 256 on it takes seven of them, in one of 10,000.
 * Nothing is ever removed.
 *
 * Who          any ingest thread adds, any thread reads. Both are lock-free.
 * Invariant    a hash that was added is in `small` or in the sketch. In the sketch it is in the
 *              HyperLogLog, and in the list if that is not full.
 * Hazard       a thread adds to `small` while another moves `small` into the new sketch: the mover
 *              may have passed that place already. So the adder looks for the sketch once more after
 *              its addition, and adds there too if it is there by now. Store of the sketch / load of
 *              the places, against store of a place / load of the sketch: with a sequentially
 *              consistent fence between the two on both sides, at least one side sees the other's
 *              (Dekker's argument). Adding twice is adding once. */
#ifndef METRICS_SET_CELL_H
#define METRICS_SET_CELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/hyperloglog.h"

enum {
    SET_SMALL = 31,
    SET_LISTED = 256
};

/* Zeroed memory is an empty sketch. */
typedef struct {
    HyperLogLog hll;
    _Atomic uint64_t listed[SET_LISTED]; /* filled from the front; 0: free */
} SetSketch;

/* Zeroed memory is an empty set. */
typedef struct {
    _Atomic(SetSketch *) sketch;
    _Atomic uint64_t small[SET_SMALL]; /* filled from the front; 0: free */
} SetCell;

/* Adds a value by its hash, of which the lower 48 bits count. => whether it is in; false: `small` is full and there is no sketch yet.
 * The caller then gives it one with set_cell_grow() and calls again. */
bool set_cell_add(SetCell *cell, uint64_t hash);

/* Gives the cell a sketch of zeroed memory. One thread at a time; does nothing if it has one.
 * => whether `sketch` was taken. */
bool set_cell_grow(SetCell *cell, SetSketch *sketch);

/* Copies the hashes that the cell has one by one: all of its values, unless there are SET_LISTED.
 * `sketch`: set_cell_sketch(), asked for before this. What is on its way to a new sketch is among them.
 * => how many. */
size_t set_cell_hashes(const SetCell *cell, const SetSketch *sketch,
                       uint64_t out[static SET_LISTED]);

/* => whether each place, of the cell and of its sketch (NULL: none), has a hash that was added, up to a free
 * one, and none after it. */
bool set_cell_is_sound(const SetCell *cell, const SetSketch *sketch);

/* => the cell's sketch, NULL: it has none. */
SetSketch *set_cell_sketch(const SetCell *cell);

/* => how many different values: exact below SET_LISTED, else the estimate. */
double set_cell_count(const SetCell *cell);

#endif
