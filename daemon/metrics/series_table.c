#include "metrics/series_table.h"

#include <stddef.h>
#include <string.h>

#include <xxhash.h>

#include <atomicstats/check.h>

unsigned series_table_locate(uint32_t place, uint32_t *index)
{
    uint64_t shifted = (uint64_t)(place - 1) + (1U << SERIES_FIRST_SEGMENT_LOG2);
    unsigned log2 = 63 - (unsigned)__builtin_clzll(shifted);
    *index = (uint32_t)(shifted - (UINT64_C(1) << log2));
    return log2 - SERIES_FIRST_SEGMENT_LOG2;
}

Series *series_table_at(const SeriesTable *table, uint32_t place)
{
    uint32_t index;
    unsigned segment = series_table_locate(place, &index);
    return &table->segment[segment][index];
}

uint16_t series_check(unsigned kind, const char *id, size_t id_length, size_t name_length)
{
    uint64_t hash = XXH3_64bits_withSeed(id, id_length, (uint64_t)name_length << 8 | kind);
    return (uint16_t)(hash >> 48);
}

/* For what is written under the writers' mutex, by who holds it. relaxed: the mutex orders it. */
static uint32_t own(const _Atomic uint32_t *link)
{
    return atomic_load_explicit(link, memory_order_relaxed);
}

uint32_t series_table_check(uintptr_t address)
{
    return astats_check(address, 1, NULL, 0);
}

void series_table_init(SeriesTable *table)
{
    table->check = series_table_check((uintptr_t)table);
}

/* What follows it is about that place; 0: what came before was. */
static void set_under_way(SeriesTable *table, uint32_t place)
{
    /* relaxed: for who comes after the process; the signal fences keep the order of the stores. */
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&table->under_way, place, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
}

/* ---- places ---- */

uint32_t series_table_take(SeriesTable *table, Arena *arena)
{
    uint32_t place = table->free;
    if (place != 0) {
        Series *series = series_table_at(table, place);
        set_under_way(table, place);
        table->free = own(&series->next);
        atomic_signal_fence(memory_order_seq_cst); /* it is not free any more, and then not one */
        memset(series, 0, sizeof *series);
        return place;
    }
    place = table->used + 1;
    uint32_t index;
    unsigned segment = series_table_locate(place, &index);
    if (segment >= SERIES_SEGMENTS)
        return 0;
    if (table->segment[segment] == NULL) {
        size_t bytes = sizeof(Series) << (SERIES_FIRST_SEGMENT_LOG2 + segment);
        table->segment[segment] = arena_alloc(arena, bytes, 64);
        if (table->segment[segment] == NULL)
            return 0;
    }
    set_under_way(table, place);
    table->used = place;
    return place;
}

void series_table_give(SeriesTable *table, uint32_t place)
{
    /* relaxed: no walk knows the place. */
    atomic_store_explicit(&series_table_at(table, place)->next, table->free, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst); /* its link is there first */
    table->free = place;
    set_under_way(table, 0);
}

/* ---- the lists ---- */

/* Sets what walks follow to get to `place`. */
static void link_forward(SeriesTable *table, SeriesList *list, uint32_t previous, uint32_t place)
{
    _Atomic uint32_t *link = previous != 0 ? &series_table_at(table, previous)->next : &list->first;
    /* release: whoever comes to the place finds the series complete; pairs with the acquire in
     * series_walk_next() and series_walk_begin(). */
    atomic_store_explicit(link, place, memory_order_release);
}

void series_table_append(SeriesTable *table, uint32_t place)
{
    Series *series = series_table_at(table, place);
    SeriesList *list = &table->list[series->kind];
    series->previous = own(&list->last);
    link_forward(table, list, series->previous, place);
    /* release: a walk that ends there finds the way there complete; pairs with the acquire in
     * series_walk_begin(). */
    atomic_store_explicit(&list->last, place, memory_order_release);
    set_under_way(table, 0);
}

/* A walk never stands behind its end, so before its end there is a place for it to end at. */
static void move_on(SeriesWalk *walk, uint32_t place, const Series *series)
{
    if (walk->next == place)
        walk->next = walk->last == place ? 0 : own(&series->next);
    else if (walk->next != 0 && walk->last == place)
        walk->last = series->previous;
}

void series_table_remove(SeriesTable *table, uint32_t place)
{
    const Series *series = series_table_at(table, place);
    SeriesList *list = &table->list[series->kind];
    for (SeriesWalk *walk = table->walks; walk != NULL; walk = walk->older)
        move_on(walk, place, series);
    uint32_t next = own(&series->next);
    set_under_way(table, place);
    link_forward(table, list, series->previous, next);
    /* Who comes after a kill knows a series that is being taken out by this order (arena_load.c). */
    atomic_signal_fence(memory_order_seq_cst);
    if (next != 0)
        series_table_at(table, next)->previous = series->previous;
    else
        /* release: as in series_table_append(). */
        atomic_store_explicit(&list->last, series->previous, memory_order_release);
}

/* ---- walks ---- */

void series_walk_begin(SeriesWalk *walk, SeriesTable *table, SeriesKind kind)
{
    const SeriesList *list = &table->list[kind];
    *walk = (SeriesWalk){.table = table, .older = table->walks};
    /* acquire, `last` first: the links on the way there are seen; pairs with the releases in
     * series_table_append(). */
    walk->last = atomic_load_explicit(&list->last, memory_order_acquire);
    if (walk->last != 0)
        walk->next = atomic_load_explicit(&list->first, memory_order_acquire);
    if (walk->older != NULL)
        walk->older->newer = walk;
    table->walks = walk;
}

const Series *series_walk_next(SeriesWalk *walk)
{
    uint32_t place = walk->next;
    if (place == 0)
        return NULL;
    const Series *series = series_table_at(walk->table, place);
    /* acquire: pairs with the release in link_forward(). */
    walk->next =
        place == walk->last ? 0 : atomic_load_explicit(&series->next, memory_order_acquire);
    return series;
}

void series_walk_end(SeriesWalk *walk)
{
    SeriesTable *table = walk->table;
    if (table == NULL)
        return;
    if (walk->newer != NULL)
        walk->newer->older = walk->older;
    else
        table->walks = walk->older;
    if (walk->older != NULL)
        walk->older->newer = walk->newer;
    *walk = (SeriesWalk){0};
}
