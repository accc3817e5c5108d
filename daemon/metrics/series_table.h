/* Where the series stand, and in which order.
 *
 * A series stands at a place, a number from 1; places are given again when a series has gone. They lie
 * in segments that never move, so a place leads to a series without a lock. Apart from that, the series
 * of each kind form a list in the order of first sight, linked by places.
 *
 * A walk goes along that list piece by piece, over seconds if its reader is slow. It stands on the
 * place that comes next; so that the place is still good then, the table knows every walk that is open
 * and moves it on when that series goes.
 *
 *                             | take, give, append | remove | walk_begin, next, end |  at
 *   take, give, append        |       writer       | writer |         safe          | safe
 *   remove                    |       writer       | writer |        reader         | safe
 *   walk_begin, next, end     |        safe        | reader |        reader         | safe
 *
 * "writer", "reader": not at the same time; the registry has a mutex for each. Whoever removes holds
 * both. */
#ifndef METRICS_SERIES_TABLE_H
#define METRICS_SERIES_TABLE_H

#include <stdatomic.h>
#include <stdint.h>

#include "metrics/arena.h"
#include "metrics/series.h"

struct Slot;

/* One series, for all threads. Whoever is told of it by a walk may read it until the walk's next
 * step. */
typedef struct {
    char *id; /* as in SeriesView; nobody writes it after it was made */
    uint16_t id_length;
    uint8_t name_length;
    uint8_t kind; /* SeriesKind */
    /* Threads that have the series in their index. 0: it has expired and is about to go. Written under
     * the writers' mutex. */
    _Atomic uint16_t live;
    uint16_t
        check; /* series_check(); its complement once the series has expired. For who comes after the
                       process; written under the writers' mutex */
    /* The latest thread's slot (struct Slot); the others hang on it. Pushed with release under the
     * writers' mutex; whoever walks them acquires. */
    _Atomic(struct Slot *) slots;
    _Atomic uint32_t next; /* place; 0: the last one */
    uint32_t previous;     /* place; 0: the first one. For writers */
} Series;

_Static_assert(sizeof(Series) == 32, "two series a line");

/* => the check of who a series is: its kind, and its id, of which so many bytes are the name. */
uint16_t series_check(unsigned kind, const char *id, size_t id_length, size_t name_length);

enum {
    SERIES_FIRST_SEGMENT_LOG2 = 10, /* segments of 1024 * 2^k */
    SERIES_SEGMENTS = 18,           /* 2^28 places in all */
};

typedef struct {
    _Atomic uint32_t first; /* place; 0: none */
    _Atomic uint32_t last;
} SeriesList;

typedef struct SeriesWalk SeriesWalk;

typedef struct {
    Series *segment[SERIES_SEGMENTS]; /* each written before a place in it is told */
    uint32_t used;                    /* places given so far */
    uint32_t free; /* a place that can be given again, linked by `next`; 0: none */
    SeriesList list[SERIES_KINDS];
    /* The place that is being taken, appended, removed or given; 0: none. For who comes after a kill: all others
     * are in a list, or free. */
    _Atomic uint32_t under_way;
    uint32_t check;    /* series_table_check() */
    SeriesWalk *walks; /* all that are open */
} SeriesTable;

/* A walk over one kind. Its owner provides the memory, which must not move while the walk is open. */
struct SeriesWalk {
    SeriesTable *table; /* NULL: not open */
    uint32_t next;      /* place; 0: the walk is over */
    uint32_t last;      /* place where it ends */
    SeriesWalk *newer;
    SeriesWalk *older;
};

/* => SeriesTable.check of a table that is, or was, at `address`: it tells an empty one from zeroes. */
uint32_t series_table_check(uintptr_t address);

/* Makes zeroed memory an empty table. */
void series_table_init(SeriesTable *table);

/* => the segment in which a place (1 or more) lies, SERIES_SEGMENTS or more: in none; and in *index where
 * in it. */
unsigned series_table_locate(uint32_t place, uint32_t *index);

/* Makes a place, taking memory from `arena` if need be. => the place, with a zeroed series that no walk
 * can see yet; 0: no memory. To be given back, or appended. */
uint32_t series_table_take(SeriesTable *table, Arena *arena);

/* Gives back a place that was not appended, or has been removed. */
void series_table_give(SeriesTable *table, uint32_t place);

/* => the series at a place that was taken. */
Series *series_table_at(const SeriesTable *table, uint32_t place);

/* Makes a series, complete with its kind and first slot, the last one of its kind. */
void series_table_append(SeriesTable *table, uint32_t place);

/* Takes it out of its list, and moves on the walks that stand on it. */
void series_table_remove(SeriesTable *table, uint32_t place);

/* Opens a walk over what there is of that kind now. */
void series_walk_begin(SeriesWalk *walk, SeriesTable *table, SeriesKind kind);

/* => the next series; NULL: that was the last. */
const Series *series_walk_next(SeriesWalk *walk);

/* Closes the walk. One that is closed, or zeroed, may be closed again. */
void series_walk_end(SeriesWalk *walk);

#endif
