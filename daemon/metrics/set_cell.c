#include "metrics/set_cell.h"

#include <math.h>

#include "base/hash.h"

/* ---- the sum of what is there ---- */

/* The places of a cell and its sketch, numbered. */
enum {
    PLACE_SKETCH, /* its address */
    PLACE_SMALL,
    PLACE_LISTED = PLACE_SMALL + SET_SMALL,
    PLACE_REGISTERS = PLACE_LISTED + SET_LISTED
};

/* => what a place adds to the sum: 0 while it holds 0, else 64 bits of both its number and its value (the
 * folded multiply of base/hash.h, whose constants these are). */
static uint64_t item(uint64_t place, uint64_t value)
{
    return hash_mix(value * UINT64_C(0x2d358dccaa6c78a5),
                    place * UINT64_C(0x8bb84b93962eacc9) + UINT64_C(0x4b33a62ed433d4a3));
}

static uint32_t check_of(uintptr_t address, uint32_t seq, uint64_t sum)
{
    return astats_check(address, seq, &sum, 1);
}

/* Under the turn: the sum, when one more change is made. */
static uint64_t sum_with(const SetCell *cell, uint64_t place, uint64_t before, uint64_t after)
{
    /* relaxed: the turn orders it. */
    return atomic_load_explicit(&cell->sum, memory_order_relaxed) + item(place, after) -
           item(place, before);
}

/* Tells the sum before the change is made. */
static void announce(SetCell *cell, uint64_t sum)
{
    /* relaxed: the turn orders it for the next writer; the signal fence for who comes after a kill. */
    atomic_store_explicit(&cell->sum, sum, memory_order_relaxed);
    atomic_signal_fence(memory_order_release);
}

static void end_turn(SetCell *cell, uint64_t word, uint64_t sum)
{
    turn_end(&cell->turn, word, check_of((uintptr_t)cell, turn_next(word), sum));
}

void set_cell_begin(SetCell *cell)
{
    turn_begin(&cell->turn, check_of((uintptr_t)cell, 0, 0));
}

/* ---- places ---- */

/* relaxed: a place is written once, and its value is all that is wanted of it. */
static uint64_t place_read(const _Atomic uint64_t *place)
{
    return atomic_load_explicit(place, memory_order_relaxed);
}

/* => where the hash is, else the first free place; `count`: neither. */
static size_t places_find(const _Atomic uint64_t *places, size_t count, uint64_t hash)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t seen = place_read(&places[i]);
        if (seen == hash || seen == 0)
            return i;
    }
    return count;
}

static bool places_have(const _Atomic uint64_t *places, size_t count, uint64_t hash)
{
    size_t i = places_find(places, count, hash);
    return i < count && place_read(&places[i]) == hash;
}

/* Ends the turn `word`, adding the hash, if there is room and it is not there. `first`: the number of the
 * first of these places. => whether it is in. */
static bool places_add(SetCell *cell, uint64_t word, _Atomic uint64_t *places, size_t count,
                       uint64_t first, uint64_t hash)
{
    size_t i = places_find(places, count, hash);
    if (i == count || place_read(&places[i]) == hash) {
        turn_drop(&cell->turn, word);
        return i < count;
    }
    uint64_t sum = sum_with(cell, first + i, 0, hash);
    announce(cell, sum);
    /* relaxed: for readers, as in place_read(). */
    atomic_store_explicit(&places[i], hash, memory_order_relaxed);
    end_turn(cell, word, sum);
    return true;
}

/* => how many places are taken. */
static size_t places_taken(const _Atomic uint64_t *places, size_t count)
{
    return places_find(places, count, 0);
}

/* ---- adding ---- */

static SetSketch *sketch_of(const SetCell *cell)
{
    /* acquire: pairs with the release in set_cell_grow(), which publishes what is in it. */
    return atomic_load_explicit(&cell->sketch, memory_order_acquire);
}

/* => 48 bits of the hash, which are enough to tell values apart, and above them a check of these bits. Never
 * 0, which is a free place. Of what is one already, the same. */
static uint64_t with_check(uint64_t hash)
{
    uint64_t low = hash & UINT64_C(0xffffffffffff);
    uint64_t check = (low * UINT64_C(0x9e3779b97f4a7c15) >> 48) ^ 0x5a5a;
    return check << 48 | low;
}

/* => whether the hash is in `small`; false: that is full, or there is a sketch by now. */
__attribute__((noinline)) static bool small_add(SetCell *cell, uint64_t hash)
{
    if (places_have(cell->small, SET_SMALL, hash))
        return true;
    uint64_t word = turn_take(&cell->turn);
    /* relaxed: the turn orders it. */
    if (atomic_load_explicit(&cell->sketch, memory_order_relaxed) != NULL) {
        turn_drop(&cell->turn, word);
        return false;
    }
    return places_add(cell, word, cell->small, SET_SMALL, PLACE_SMALL, hash);
}

/* Under the turn. => the sum with a register raised, which is done by the caller. */
static uint64_t sum_raised(const SetCell *cell, const SetSketch *sketch, HllRank to)
{
    return sum_with(cell, PLACE_REGISTERS + to.number, hll_rank_at(&sketch->hll, to.number),
                    to.rank);
}

__attribute__((noinline)) static void raise(SetCell *cell, SetSketch *sketch, HllRank to)
{
    uint64_t word = turn_take(&cell->turn);
    if (hll_rank_at(&sketch->hll, to.number) >= to.rank) {
        turn_drop(&cell->turn, word);
        return;
    }
    uint64_t sum = sum_raised(cell, sketch, to);
    announce(cell, sum);
    hll_raise(&sketch->hll, to);
    end_turn(cell, word, sum);
}

__attribute__((noinline)) static void list_add(SetCell *cell, SetSketch *sketch, uint64_t hash)
{
    if (!places_have(sketch->listed, SET_LISTED, hash))
        (void)places_add(cell, turn_take(&cell->turn), sketch->listed, SET_LISTED, PLACE_LISTED,
                         hash);
}

/* What is seldom is not inline, so that the rest needs no stack. */
static void sketch_add(SetCell *cell, SetSketch *sketch, uint64_t hash)
{
    HllRank rank = hll_rank_of(hash);
    if (__builtin_expect(hll_rank_at(&sketch->hll, rank.number) < rank.rank, 0))
        raise(cell, sketch, rank);
    /* A full list stays full, and large sets need not read it. */
    if (__builtin_expect(place_read(&sketch->listed[SET_LISTED - 1]) == 0, 0))
        list_add(cell, sketch, hash);
}

bool set_cell_add(SetCell *cell, uint64_t hash)
{
    hash = with_check(hash);
    SetSketch *sketch = sketch_of(cell);
    if (sketch == NULL) {
        if (small_add(cell, hash))
            return true;
        sketch = sketch_of(cell);
        if (sketch == NULL)
            return false;
    }
    sketch_add(cell, sketch, hash);
    return true;
}

/* ---- growing: under the turn ---- */

/* Puts one more hash into a sketch that nobody sees yet, at this place of the list. => the sum, with it. */
static uint64_t fill(SetSketch *sketch, size_t place, uint64_t hash, uint64_t sum)
{
    HllRank to = hll_rank_of(hash);
    uint8_t rank = hll_rank_at(&sketch->hll, to.number);
    if (rank < to.rank) {
        sum += item(PLACE_REGISTERS + to.number, to.rank) - item(PLACE_REGISTERS + to.number, rank);
        hll_raise(&sketch->hll, to);
    }
    /* relaxed: the release in set_cell_grow() publishes it. */
    atomic_store_explicit(&sketch->listed[place], hash, memory_order_relaxed);
    return sum + item(PLACE_LISTED + place, hash);
}

bool set_cell_grow(SetCell *cell, SetSketch *sketch)
{
    if (sketch_of(cell) != NULL)
        return false;
    uint64_t word = turn_take(&cell->turn);
    uint64_t sum = sum_with(cell, PLACE_SKETCH, 0, (uintptr_t)sketch);
    size_t taken = places_taken(cell->small, SET_SMALL);
    for (size_t i = 0; i < taken; i++)
        sum = fill(sketch, i, place_read(&cell->small[i]), sum);
    announce(cell, sum);
    /* release: publishes what is in it; pairs with the acquire in sketch_of(). */
    atomic_store_explicit(&cell->sketch, sketch, memory_order_release);
    end_turn(cell, word, sum);
    return true;
}

void set_cell_merge(SetCell *cell, const uint8_t registers[static HLL_REGISTERS])
{
    SetSketch *sketch = sketch_of(cell);
    uint64_t word = turn_take(&cell->turn);
    for (uint32_t i = 0; i < HLL_REGISTERS; i++) {
        const HllRank to = {i, registers[i]};
        if (hll_rank_at(&sketch->hll, i) >= to.rank)
            continue;
        announce(cell, sum_raised(cell, sketch, to));
        hll_raise(&sketch->hll, to);
    }
    /* relaxed: the turn orders it. */
    end_turn(cell, word, atomic_load_explicit(&cell->sum, memory_order_relaxed));
}

/* ---- reading ---- */

static uint64_t places_sum(const _Atomic uint64_t *places, size_t count, uint64_t first)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += item(first + i, place_read(&places[i]));
    return sum;
}

static uint64_t sum_of(const SetCell *cell, const SetSketch *sketch)
{
    uint64_t sum = places_sum(cell->small, SET_SMALL, PLACE_SMALL);
    /* relaxed: nobody writes any more. */
    sum += item(PLACE_SKETCH, (uintptr_t)atomic_load_explicit(&cell->sketch, memory_order_relaxed));
    if (sketch == NULL)
        return sum;
    sum += places_sum(sketch->listed, SET_LISTED, PLACE_LISTED);
    for (uint32_t i = 0; i < HLL_REGISTERS; i++)
        sum += item(PLACE_REGISTERS + i, hll_rank_at(&sketch->hll, i));
    return sum;
}

bool set_cell_is_sound(const SetCell *cell, uintptr_t address, const SetSketch *sketch)
{
    uint64_t sum = sum_of(cell, sketch);
    uint64_t word = turn_seen(&cell->turn);
    if (turn_is_sound(word, check_of(address, turn_seq(word), sum)))
        return true;
    /* relaxed: nobody writes any more. */
    return turn_is_taken(word) && atomic_load_explicit(&cell->sum, memory_order_relaxed) == sum;
}

size_t set_cell_hashes(const SetCell *cell, const SetSketch *sketch,
                       uint64_t out[static SET_LISTED])
{
    const _Atomic uint64_t *places = sketch != NULL ? sketch->listed : cell->small;
    size_t taken = places_taken(places, sketch != NULL ? SET_LISTED : SET_SMALL);
    for (size_t i = 0; i < taken; i++)
        out[i] = place_read(&places[i]);
    return taken;
}

SetSketch *set_cell_sketch(const SetCell *cell)
{
    return sketch_of(cell);
}

double set_cell_count(const SetCell *cell)
{
    const SetSketch *sketch = sketch_of(cell);
    if (sketch == NULL)
        return (double)places_taken(cell->small, SET_SMALL);
    size_t listed = places_taken(sketch->listed, SET_LISTED);
    return listed < SET_LISTED ? (double)listed : fmax(SET_LISTED, hll_estimate(&sketch->hll));
}
