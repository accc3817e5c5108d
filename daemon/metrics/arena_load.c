#include "metrics/arena_load.h"

#include <errno.h>
#include <stdio.h>

#include "metrics/arena_series.h"
#include "metrics/series_record.h"

typedef struct {
    ArenaPast *past;
    const SeriesTable *table;
    bool in_hand;                   /* something may be empty yet */
    const CheckpointTarget *target; /* NULL: series are only looked at */
    uint64_t count;                 /* series taken */
    uint64_t places;                /* that were met in lists */
    bool met_under_way;             /* the one under way is among them */
    unsigned char record[SERIES_RECORD_MAX];
} Load;

/* relaxed, in all of this file: what is read was written by a process that has ended. */

/* ---- one series: => NULL, or what is wrong ---- */

/* By way of its record, so that it is checked as one of a checkpoint is. */
static const char *take(Load *load, const SeriesContent *content, int *error)
{
    WireWriter w = {.data = load->record, .capacity = sizeof load->record};
    if (!series_record_write(content, &w))
        return load->in_hand ? NULL : "a series that nobody has sent";
    WireReader r = {.data = load->record, .length = w.length};
    SeriesRecord record;
    const char *wrong = series_record_read(&r, &record);
    if (wrong != NULL)
        return wrong;
    size_t turn = load->count++;
    if (load->target != NULL)
        *error =
            series_record_restore(&record, load->target->indexes[turn % load->target->index_count]);
    if (*error == -EEXIST)
        *error = 0; /* the same id twice: the first one counts */
    return NULL;
}

static const char *take_series(Load *load, const Series *series, SeriesKind kind, int *error)
{
    SeriesContent content;
    bool expired;
    const char *wrong =
        arena_series_read(load->past, series, kind, load->in_hand, &content, &expired);
    return wrong != NULL || expired ? wrong : take(load, &content, error);
}

/* ---- all of them ---- */

static const Series *series_at(const Load *load, uint32_t place)
{
    uint32_t index;
    unsigned segment = series_table_locate(place, &index);
    if (place > load->table->used || segment >= SERIES_SEGMENTS)
        return NULL;
    uintptr_t address = (uintptr_t)load->table->segment[segment] + index * sizeof(Series);
    return arena_past_at(load->past, address, sizeof(Series), sizeof(Series));
}

/* => whether the place was just being added, or taken out. */
static bool is_under_way(const Load *load, uint32_t place)
{
    return place != 0 && atomic_load_explicit(&load->table->under_way, memory_order_relaxed) ==
                             place; /* see above */
}

/* A place that was met in a list, or free. */
static void count_place(Load *load, uint32_t place)
{
    load->places++;
    load->met_under_way = load->met_under_way || is_under_way(load, place);
}

/* => whether `place` was just being taken out of its list, in which it came after `before`. */
static bool is_going(const Load *load, uint32_t place, uint32_t before)
{
    const Series *gone = is_under_way(load, place) ? series_at(load, place) : NULL;
    return gone != NULL && gone->previous == before &&
           atomic_load_explicit(&gone->live, memory_order_relaxed) == 0; /* see above */
}

/* => whether `series`, to which the list came from `before`, says so too: or it is that a series between
 * them was just being taken out. */
static bool is_linked(const Load *load, const Series *series, uint32_t before)
{
    return series->previous == before || is_going(load, series->previous, before);
}

/* => whether a list that came to its end at `place` ends there: or its last one was just being added, or
 * taken out. */
static bool is_end(const Load *load, uint32_t place, uint32_t last)
{
    if (place == last || is_going(load, last, place))
        return true;
    const Series *added = is_under_way(load, place) ? series_at(load, place) : NULL;
    return added != NULL && added->previous == last;
}

static const char *take_kind(Load *load, SeriesKind kind, int *error)
{
    const SeriesList *list = &load->table->list[kind];
    uint32_t place = atomic_load_explicit(&list->first, memory_order_relaxed); /* see above */
    uint32_t last = atomic_load_explicit(&list->last, memory_order_relaxed);   /* see above */
    uint32_t before = 0;
    for (uint32_t i = 0; place != 0 && *error == 0; i++) {
        const Series *series = series_at(load, place);
        count_place(load, place);
        if (series == NULL || i == load->table->used || !is_linked(load, series, before))
            return "a list of series that leads nowhere";
        const char *wrong = take_series(load, series, kind, error);
        if (wrong != NULL)
            return wrong;
        before = place;
        place = atomic_load_explicit(&series->next, memory_order_relaxed); /* see above */
    }
    return *error != 0 || is_end(load, before, last) ? NULL : "a list of series that is cut off";
}

/* => whether each place that was ever given is in a list, or free: but for the one that is under way. */
static bool are_all_there(Load *load)
{
    const SeriesTable *table = load->table;
    uint32_t place = table->free;
    for (uint32_t i = 0; place != 0 && i <= table->used; i++) {
        const Series *series = series_at(load, place);
        if (series == NULL)
            return false;
        count_place(load, place);
        place = atomic_load_explicit(&series->next, memory_order_relaxed); /* see above */
    }
    /* relaxed: see above. One that is about to be the newest is not counted yet. */
    bool one_less =
        atomic_load_explicit(&table->under_way, memory_order_relaxed) != 0 && !load->met_under_way;
    return load->places == table->used || load->places + one_less == table->used;
}

static const char *take_all(Load *load, const CheckpointTarget *target, int *error)
{
    const char *wrong = NULL;
    load->count = 0;
    load->places = 0;
    load->met_under_way = false;
    load->target = target;
    for (int kind = 0; kind < SERIES_KINDS && wrong == NULL && *error == 0; kind++)
        wrong = take_kind(load, (SeriesKind)kind, error);
    if (wrong == NULL && *error == 0 && !are_all_there(load))
        wrong = "places of series that are in no list";
    return wrong;
}

int arena_load(ArenaPast *past, const CheckpointTarget *target, bool in_hand, uint64_t *series,
               CheckpointReason *reason)
{
    uintptr_t address;
    const SeriesTable *table =
        arena_past_root(past, 0, ARENA_SERIES, sizeof(SeriesTable), &address);
    Load load = {.past = past, .in_hand = in_hand, .table = table};
    int error = 0;
    bool is_table = table != NULL && table->check == series_table_check(address);
    const char *wrong = is_table ? take_all(&load, NULL, &error) : "no table of series";
    if (wrong == NULL)
        wrong = take_all(&load, target, &error);
    if (wrong != NULL) {
        (void)snprintf(reason->text, sizeof reason->text, "its arenas hold %s", wrong);
        return -EBADMSG;
    }
    if (error != 0)
        (void)snprintf(reason->text, sizeof reason->text, "cannot take up its arenas: %s",
                       strerrordesc_np(-error));
    *series = load.count;
    return error;
}
