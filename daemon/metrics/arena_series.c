#include "metrics/arena_series.h"

#include <stddef.h>
#include <string.h>

#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/progress_cell.h"
#include "metrics/shared_cells.h"
#include "metrics/slot.h"

enum {
    SLOTS_MAX = 1024 /* of one series: one for each thread */
};

typedef struct {
    ArenaPast *past;
    bool in_hand;             /* a cell may be empty yet */
    uintptr_t shared_address; /* where the cell was, of shared kinds */
} Reading;

/* relaxed, in all of this file: what is read was written by a process that has ended. Each => NULL, or what is
 * wrong. */

static size_t slot_size(SeriesKind kind)
{
    return kind == SERIES_STATS     ? sizeof(StatsSlot)
           : kind == SERIES_COUNTER ? sizeof(CounterSlot)
                                    : sizeof(RefSlot);
}

/* => whether the slot's key is the series' id. Its bytes lie in an arena. */
static bool is_slot_of(Reading *reading, const Slot *slot, const SeriesContent *content)
{
    size_t length = slot_key_length(slot);
    size_t tags = content->id_length - content->name_length;
    const char *bytes = slot->key.inside;
    if ((slot->shape & SLOT_KEY_OUTSIDE) != 0)
        bytes = arena_past_at(reading->past, (uintptr_t)slot->key.outside, length, 1);
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

static const char *add_shared(Reading *reading, const Slot *slot, uintptr_t address,
                              SeriesContent *content)
{
    const RefSlot *ref = (const RefSlot *)slot;
    uintptr_t target = (uintptr_t)ref->target;
    content->shared = arena_past_at(reading->past, target, shared_cell_size(content->kind), 8);
    reading->shared_address = target;
    if (content->shared == NULL || ref->check != ref_slot_check(address, target))
        return "a cell that is in no arena";
    return is_sound(content->kind, content->shared, target) ? NULL : "a cell that nobody wrote so";
}

/* Adds what the slot holds, which stood at `address`. */
static const char *add_slot(Reading *reading, const Slot *slot, uintptr_t address,
                            SeriesContent *content)
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
            return reading->in_hand ? NULL : empty;
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
            return reading->in_hand ? NULL : empty;
        counter_cell_read(cell, &content->counter);
        return NULL;
    }
    return add_shared(reading, slot, address, content);
}

static const char *read_slots(Reading *reading, const Series *series, SeriesContent *content)
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
            arena_past_at(reading->past, address, slot_size(content->kind), SLOT_ALIGNMENT);
        if (i == SLOTS_MAX || slot == NULL || !is_slot_of(reading, slot, content))
            return "a slot that is in no arena";
        if (i > 0 && slot_depth_before(slot_depth(slot)) != before)
            return cut;
        before = slot_depth(slot);
        const char *wrong = add_slot(reading, slot, address, content);
        if (wrong != NULL)
            return wrong;
        address = (uintptr_t)slot->next;
    }
    return before == 1 ? NULL : cut;
}

static const char *read_sketch(Reading *reading, SeriesContent *content)
{
    content->sketch = NULL;
    if (content->kind != SERIES_SET)
        return NULL;
    const SetCell *cell = content->shared;
    uintptr_t address =
        (uintptr_t)atomic_load_explicit(&cell->sketch, memory_order_relaxed); /* see above */
    if (address != 0) {
        content->sketch =
            arena_past_at(reading->past, address, sizeof(SetSketch), _Alignof(SetSketch));
        if (content->sketch == NULL)
            return "a sketch that is in no arena";
    }
    return set_cell_is_sound(cell, reading->shared_address, content->sketch)
               ? NULL
               : "a set that nobody can have sent";
}

const char *arena_series_read(ArenaPast *past, const Series *series, SeriesKind kind, bool in_hand,
                              SeriesContent *content, bool *expired)
{
    Reading reading = {.past = past, .in_hand = in_hand};
    *content = (SeriesContent){
        .kind = kind, .id_length = series->id_length, .name_length = series->name_length};
    content->id = arena_past_at(past, (uintptr_t)series->id, content->id_length, 1);
    if (series->kind != kind || content->id == NULL ||
        (content->id_length != content->name_length &&
         content->id_length < content->name_length + 2U))
        return "a series that is in no arena";
    uint16_t check = series_check(kind, content->id, content->id_length, content->name_length);
    *expired = (series->check ^ check) == UINT16_MAX;
    if (*expired)
        return NULL;
    if (series->check != check ||
        atomic_load_explicit(&series->live, memory_order_relaxed) == 0) /* see above */
        return "a series that nobody made so";
    const char *wrong = read_slots(&reading, series, content);
    return wrong != NULL ? wrong : read_sketch(&reading, content);
}
