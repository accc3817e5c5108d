#include "metrics/arena_load.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/progress_cell.h"
#include "metrics/series_record.h"
#include "metrics/shared_cells.h"
#include "metrics/slot.h"

enum {
    SLOTS_MAX = 1024 /* of one series: one for each thread */
};

typedef struct {
    ArenaPast *past;
    const SeriesTable *table;
    bool in_hand;                   /* something may be empty yet */
    const CheckpointTarget *target; /* NULL: series are only looked at */
    uintptr_t shared_address;       /* of the latest cell of a shared kind */
    uint64_t count;                 /* series taken */
    uint64_t places;                /* that were met in lists */
    bool met_under_way;             /* the one under way is among them */
    unsigned char record[SERIES_RECORD_MAX];
} Load;

/* relaxed, in all of this file: what is read was written by a process that has ended. */

/* ---- one series: each => NULL, or what is wrong ---- */

static size_t slot_size(SeriesKind kind)
{
    return kind == SERIES_STATS     ? sizeof(StatsSlot)
           : kind == SERIES_COUNTER ? sizeof(CounterSlot)
                                    : sizeof(RefSlot);
}

/* => whether the slot's key is the series' id. Its bytes lie in an arena. */
static bool is_slot_of(Load *load, const Slot *slot, const SeriesContent *content)
{
    size_t length = slot_key_length(slot);
    size_t tags = content->id_length - content->name_length;
    const char *bytes = slot->key.inside;
    if ((slot->shape & SLOT_KEY_OUTSIDE) != 0)
        bytes = arena_past_at(load->past, (uintptr_t)slot->key.outside, length, 1);
    else if (length > SLOT_KEY_INLINE)
        bytes = NULL;
    if (bytes == NULL || slot_kind(slot) != content->kind || slot_is_alias(slot) ||
        slot_name_length(slot) != content->name_length ||
        length != content->name_length + (tags > 2 ? tags - 2 : 0))
        return false;
    return memcmp(bytes, content->id, content->name_length) == 0 &&
           (tags == 0 || memcmp(bytes + content->name_length,
                                content->id + content->name_length + 2, tags - 2) == 0);
}

static bool is_sound(SeriesKind kind, const void *cell, uintptr_t address)
{
    switch (kind) {
    case SERIES_GAUGE:
        return gauge_cell_is_sound(cell, address);
    case SERIES_PROGRESS:
        return progress_cell_is_sound(cell, address);
    case SERIES_FLAG:
        return flag_cell_is_sound(cell, address);
    case SERIES_SET: /* read_sketch() tells */
    case SERIES_STATS:
    case SERIES_COUNTER:
    case SERIES_KINDS:
        break;
    }
    return true;
}

static const char *add_shared(Load *load, const Slot *slot, uintptr_t address,
                              SeriesContent *content)
{
    const RefSlot *ref = (const RefSlot *)slot;
    uintptr_t target = (uintptr_t)ref->target;
    content->shared = arena_past_at(load->past, target, shared_cell_size(content->kind), 8);
    load->shared_address = target;
    if (content->shared == NULL || ref->check != ref_slot_check(address, target))
        return "a cell that is in no arena";
    return is_sound(content->kind, content->shared, target) ? NULL : "a cell that nobody wrote so";
}

/* Adds what the slot holds, which stood at `address`. */
static const char *add_slot(Load *load, const Slot *slot, uintptr_t address, SeriesContent *content)
{
    const char *wrong = "a cell that nobody wrote so";
    static const char empty[] = "a cell that nobody has written";
    if (content->kind == SERIES_STATS) {
        const AstatsCell *cell = &((const StatsSlot *)slot)->cell;
        AstatsCellState state;
        double shift;
        uintptr_t cell_address = address + offsetof(StatsSlot, cell);
        if (atomic_load_explicit(&cell->seq, memory_order_relaxed) == /* see above */
            astats_cell_fresh_(cell_address))
            return load->in_hand ? NULL : empty;
        uint64_t seq = astats_cell_snapshot(cell, &state, &shift);
        if (seq == 0 || !astats_cell_is_sound(seq, cell_address, &state, shift))
            return wrong;
        astats_merge_add(&content->stats, &state, shift);
        return NULL;
    }
    if (content->kind == SERIES_COUNTER) {
        const CounterCell *cell = &((const CounterSlot *)slot)->cell;
        if (!counter_cell_is_sound(cell, address + offsetof(CounterSlot, cell)))
            return wrong;
        if (!counter_cell_was_written(cell))
            return load->in_hand ? NULL : empty;
        counter_cell_read(cell, &content->counter);
        return NULL;
    }
    return add_shared(load, slot, address, content);
}

static const char *read_slots(Load *load, const Series *series, SeriesContent *content)
{
    uintptr_t address =
        (uintptr_t)atomic_load_explicit(&series->slots, memory_order_relaxed); /* see above */
    static const char cut[] = "a list of slots that is cut off";
    astats_merge_init(&content->stats);
    content->counter = (CounterSum){0};
    content->shared = NULL;
    unsigned before = 0;
    for (int i = 0; address != 0; i++) {
        const Slot *slot =
            arena_past_at(load->past, address, slot_size(content->kind), SLOT_ALIGNMENT);
        if (i == SLOTS_MAX || slot == NULL || !is_slot_of(load, slot, content))
            return "a slot that is in no arena";
        if (i > 0 && slot_depth_before(slot_depth(slot)) != before)
            return cut;
        before = slot_depth(slot);
        const char *wrong = add_slot(load, slot, address, content);
        if (wrong != NULL)
            return wrong;
        address = (uintptr_t)slot->next;
    }
    return before == 1 ? NULL : cut;
}

static const char *read_sketch(Load *load, SeriesContent *content)
{
    content->sketch = NULL;
    if (content->kind != SERIES_SET)
        return NULL;
    const SetCell *cell = content->shared;
    uintptr_t address =
        (uintptr_t)atomic_load_explicit(&cell->sketch, memory_order_relaxed); /* see above */
    if (address != 0) {
        content->sketch =
            arena_past_at(load->past, address, sizeof(SetSketch), _Alignof(SetSketch));
        if (content->sketch == NULL)
            return "a sketch that is in no arena";
    }
    return set_cell_is_sound(cell, load->shared_address, content->sketch)
               ? NULL
               : "a set that nobody can have sent";
}

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
    SeriesContent content = {
        .kind = kind, .id_length = series->id_length, .name_length = series->name_length};
    content.id = arena_past_at(load->past, (uintptr_t)series->id, content.id_length, 1);
    if (series->kind != kind || content.id == NULL ||
        (content.id_length != content.name_length && content.id_length < content.name_length + 2U))
        return "a series that is in no arena";
    uint16_t check = series_check(kind, content.id, content.id_length, content.name_length);
    if ((series->check ^ check) == UINT16_MAX)
        return NULL; /* it has expired */
    if (series->check != check ||
        atomic_load_explicit(&series->live, memory_order_relaxed) == 0) /* see above */
        return "a series that nobody made so";
    const char *wrong = read_slots(load, series, &content);
    if (wrong == NULL)
        wrong = read_sketch(load, &content);
    return wrong != NULL ? wrong : take(load, &content, error);
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
