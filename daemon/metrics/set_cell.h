/* A set series: how many different values were seen. One shared cell.
 *
 * Up to SET_SMALL values are kept in the cell as hashes. Then the set gets a sketch: a HyperLogLog (2 % at
 * worst, see hyperloglog.h), and beside it a longer list of hashes, so that fewer than SET_LISTED values
 * are counted exactly. Why: among few values one collision is more than 2 % (of 32 values 3 %, in one of
 * 64 sets); from 256 on it takes seven of them, in one of 10,000. Nothing is ever removed.
 *
 * Who          any ingest thread adds, any thread reads. A value that is known already is found without a
 *              lock, and it is most of them: of n values of a large set, some log n change a register. What
 *              changes anything is done under the cell's turn.h, one hash or one register at a time. Readers
 *              never wait.
 * Invariant    all hashes that were added are in `small`, or, from the moment on in which there is a sketch,
 *              in that: in the HyperLogLog, and in the list if that is not full. The sketch is filled under
 *              the turn before it is seen, and nothing is added to `small` after that.
 * Soundness    the turn's check is one of the address and of `sum`: all that the cell and its sketch hold,
 *              each made into a number with its place, added up. Whoever finds the cell in memory that outlived
 *              its process adds it up anew. A kill stops a writer between two stores:
 *                  takes the turn; sum' = sum + the new item - the old one; the item; ends the turn
 *              Up to the item, what is there still has the turn's check. After it, it has the sum that stands
 *              beside it, and the turn is taken. Once the turn is ended its check is that of the new sum. So
 *              it is sound if it has the check, or, of a cell whose turn is taken, the sum; and one changed
 *              item, or one that is gone, gives neither. */
#ifndef METRICS_SET_CELL_H
#define METRICS_SET_CELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/hyperloglog.h"
#include "metrics/turn.h"

enum {
    SET_SMALL = 29,
    SET_LISTED = 256
};

/* Zeroed memory is an empty sketch. */
typedef struct {
    HyperLogLog hll;
    _Atomic uint64_t listed[SET_LISTED]; /* filled from the front; 0: free */
} SetSketch;

/* Zeroed memory is an empty set; one that is to be sound begins with set_cell_begin(). */
typedef struct {
    _Atomic(SetSketch *) sketch;
    Turn turn;
    _Atomic uint64_t sum;              /* written under the turn */
    _Atomic uint64_t small[SET_SMALL]; /* filled from the front; 0: free */
} SetCell;

_Static_assert(sizeof(SetCell) == 256, "four lines");

/* Makes zeroed memory an empty set that is sound. Before other threads see it. */
void set_cell_begin(SetCell *cell);

/* Adds a value by its hash, of which the lower 48 bits count. Waits for another thread that adds a new value
 * to this set. => whether it is in; false: `small` is full and there is no sketch yet. The caller then gives
 * it one with set_cell_grow() and calls again. */
bool set_cell_add(SetCell *cell, uint64_t hash);

/* Gives the cell a sketch of zeroed memory. One thread at a time; does nothing if it has one.
 * => whether `sketch` was taken. */
bool set_cell_grow(SetCell *cell, SetSketch *sketch);

/* Adds all values that a HyperLogLog with these registers has seen to a cell that has a sketch. Before other
 * threads see it. */
void set_cell_merge(SetCell *cell, const uint8_t registers[static HLL_REGISTERS]);

/* Copies the hashes that the cell has one by one: all of its values, unless there are SET_LISTED.
 * `sketch`: set_cell_sketch(), asked for before this. => how many. */
size_t set_cell_hashes(const SetCell *cell, const SetSketch *sketch,
                       uint64_t out[static SET_LISTED]);

/* => whether the cell, which stood at `address`, and its sketch (NULL: none) are as they were written. Nobody
 * may be adding. */
bool set_cell_is_sound(const SetCell *cell, uintptr_t address, const SetSketch *sketch);

/* => the cell's sketch, NULL: it has none. */
SetSketch *set_cell_sketch(const SetCell *cell);

/* => how many different values: exact below SET_LISTED, else the estimate. */
double set_cell_count(const SetCell *cell);

#endif
