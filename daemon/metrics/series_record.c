#include "metrics/series_record.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/shared_cells.h"
#include "metrics/slot.h"
#include "metrics/tags.h"

/* ---- writing: each => whether the series holds anything ---- */

static bool write_stats(const AstatsMerge *merge, WireWriter *w)
{
    if (!(merge->count > 0))
        return false;
    double shift;
    AstatsCellState state = astats_merge_state(merge, &shift);
    const double fields[] = {state.count, state.sum, state.compensation, state.min,
                             state.max,   shift,     state.squares};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        wire_write_double(w, fields[i]);
    return true;
}

static bool write_counter(const CounterSum *sum, WireWriter *w)
{
    wire_write_u64(w, (uint64_t)sum->integer);
    wire_write_i64(w, (int64_t)(sum->integer >> 64));
    wire_write_double(w, sum->fraction);
    return sum->any;
}

static bool write_gauge(const GaugeCell *cell, WireWriter *w)
{
    double value = gauge_cell_get(cell);
    wire_write_double(w, value);
    return !isnan(value);
}

static bool write_flag(const FlagCell *cell, WireWriter *w)
{
    bool value = false;
    bool any = flag_cell_get(cell, &value);
    wire_write_u8(w, value);
    return any;
}

static bool write_progress(const ProgressCell *cell, WireWriter *w)
{
    ProgressState state = progress_cell_state(cell);
    wire_write_i64(w, state.done);
    wire_write_i64(w, state.total);
    wire_write_i64(w, state.base);
    wire_write_i64(w, state.started_ns);
    wire_write_i64(w, state.updated_ns);
    return state.updated_ns != 0;
}

static bool write_set(const SetCell *cell, const SetSketch *sketch, WireWriter *w)
{
    uint64_t hashes[SET_LISTED];
    size_t count = set_cell_hashes(cell, sketch, hashes);
    wire_write_u8(w, sketch != NULL);
    wire_write_u16(w, (uint16_t)count);
    for (size_t i = 0; i < count; i++)
        wire_write_u64(w, hashes[i]);
    if (sketch != NULL) {
        uint8_t registers[HLL_REGISTERS];
        hll_read(&sketch->hll, registers);
        wire_write_bytes(w, registers, sizeof registers);
    }
    return sketch != NULL || count != 0;
}

static bool write_body(const SeriesContent *content, WireWriter *w)
{
    switch (content->kind) {
    case SERIES_STATS:
        return write_stats(&content->stats, w);
    case SERIES_COUNTER:
        return write_counter(&content->counter, w);
    case SERIES_GAUGE:
        return write_gauge(content->shared, w);
    case SERIES_SET:
        return write_set(content->shared, content->sketch, w);
    case SERIES_FLAG:
        return write_flag(content->shared, w);
    case SERIES_PROGRESS:
        return write_progress(content->shared, w);
    case SERIES_KINDS:
        break;
    }
    return false;
}

bool series_record_write(const SeriesContent *content, WireWriter *w)
{
    WireWriter before = *w;
    wire_write_u8(w, (uint8_t)content->kind);
    wire_write_u8(w, (uint8_t)content->name_length);
    wire_write_u16(w, (uint16_t)content->id_length);
    wire_write_bytes(w, content->id, content->id_length);
    if (write_body(content, w))
        return true;
    *w = before;
    return false;
}

/* ---- reading: each => NULL, or what is wrong ---- */

static const char *read_stats(WireReader *r, SeriesRecord *record)
{
    AstatsCellState *state = &record->value.stats.state;
    state->count = wire_read_double(r);
    state->sum = wire_read_double(r);
    state->compensation = wire_read_double(r);
    state->min = wire_read_double(r);
    state->max = wire_read_double(r);
    record->value.stats.shift = wire_read_double(r);
    state->squares = wire_read_double(r);
    bool sound = state->count > 0 && isfinite(state->min) && isfinite(state->max) &&
                 state->min <= state->max;
    return sound ? NULL : "stats that nobody can have recorded";
}

static const char *read_counter(WireReader *r, SeriesRecord *record)
{
    CounterSum *sum = &record->value.counter;
    uint64_t low = wire_read_u64(r);
    sum->integer = wire_read_i64(r);
    sum->integer = sum->integer * ((__extension__(__int128) 1) << 64) + low;
    sum->fraction = wire_read_double(r);
    sum->any = true;
    return NULL; /* any: two threads' may have overflowed, each to its side, and are no number together */
}

static const char *read_gauge(WireReader *r, SeriesRecord *record)
{
    record->value.gauge = wire_read_double(r);
    return isnan(record->value.gauge) ? "a gauge that is no number" : NULL;
}

static const char *read_flag(WireReader *r, SeriesRecord *record)
{
    uint8_t value = wire_read_u8(r);
    record->value.flag = value != 0;
    return value > 1 ? "a flag that is neither true nor false" : NULL;
}

static const char *read_progress(WireReader *r, SeriesRecord *record)
{
    ProgressState *state = &record->value.progress;
    state->done = wire_read_i64(r);
    state->total = wire_read_i64(r);
    state->base = wire_read_i64(r);
    state->started_ns = wire_read_i64(r);
    state->updated_ns = wire_read_i64(r);
    bool sound =
        state->done >= 0 && state->total >= 0 && state->base >= 0 && state->updated_ns != 0;
    return sound ? NULL : "a progress that nobody can have reported";
}

static const char *read_set(WireReader *r, SeriesRecord *record)
{
    uint8_t sketch = wire_read_u8(r);
    size_t count = wire_read_u16(r);
    record->value.set.count = count;
    record->value.set.hashes = wire_read_bytes(r, count * sizeof(uint64_t));
    record->value.set.registers = sketch != 0 ? wire_read_bytes(r, HLL_REGISTERS) : NULL;
    if (r->failed)
        return NULL; /* the caller says it */
    bool sound = sketch <= 1 && count <= SET_LISTED && (count != 0 || sketch != 0) &&
                 (sketch == 0 || hll_are_registers(record->value.set.registers));
    return sound ? NULL : "a set that nobody can have sent";
}

static const char *read_key(WireReader *r, SeriesKey *key)
{
    uint8_t kind = wire_read_u8(r);
    size_t name_length = wire_read_u8(r);
    size_t id_length = wire_read_u16(r);
    const char *id = wire_read_bytes(r, id_length);
    if (r->failed)
        return NULL; /* the caller says it */
    if (kind >= SERIES_KINDS)
        return "a series of an unknown kind";
    bool tagged = id_length != name_length;
    size_t tags_length = tagged ? id_length - name_length - 2 : 0;
    if (name_length == 0 || id_length < name_length || (tagged && id_length < name_length + 3) ||
        tags_length > SERIES_TAGS_MAX || !utf8_is_clean(id, id_length) ||
        memchr(id, '|', name_length) != NULL || memchr(id, ':', name_length) != NULL)
        return "a name that no series can have";
    const char *tags = id + id_length - tags_length;
    if (tagged &&
        (memcmp(id + name_length, "|#", 2) != 0 || memchr(tags, '|', tags_length) != NULL ||
         !tags_are_canonical(tags, tags_length)))
        return "tags that no series can have";
    *key = (SeriesKey){(SeriesKind)kind, id, name_length, tags, tags_length};
    return NULL;
}

static const char *read_body(WireReader *r, SeriesRecord *record)
{
    static const char *(*const read[SERIES_KINDS])(WireReader *, SeriesRecord *) = {
        [SERIES_STATS] = read_stats, [SERIES_COUNTER] = read_counter,
        [SERIES_GAUGE] = read_gauge, [SERIES_SET] = read_set,
        [SERIES_FLAG] = read_flag,   [SERIES_PROGRESS] = read_progress,
    };
    return read[record->key.kind](r, record);
}

const char *series_record_read(WireReader *r, SeriesRecord *record)
{
    const char *wrong = read_key(r, &record->key);
    if (wrong == NULL && !r->failed)
        wrong = read_body(r, record);
    return r->failed ? "a series that is cut off" : wrong;
}

/* ---- restoring ---- */

static int restore_set(const SeriesRecord *record, SeriesIndex *index, SetCell *cell)
{
    if (record->value.set.registers != NULL || record->value.set.count > SET_SMALL) {
        int error = registry_grow_set(index->registry, cell);
        if (error != 0)
            return error;
    }
    if (record->value.set.registers != NULL)
        set_cell_merge(cell, record->value.set.registers);
    WireReader hashes = {.data = record->value.set.hashes, .length = record->value.set.count * 8};
    while (wire_left(&hashes) > 0)
        (void)set_cell_add(cell, wire_read_u64(&hashes));
    return 0;
}

static int restore_shared(const SeriesRecord *record, SeriesIndex *index, void *cell)
{
    switch (record->key.kind) {
    case SERIES_GAUGE:
        gauge_cell_set(cell, record->value.gauge, NULL);
        break;
    case SERIES_SET:
        return restore_set(record, index, cell);
    case SERIES_FLAG:
        flag_cell_set(cell, record->value.flag);
        break;
    case SERIES_PROGRESS:
        progress_cell_restore(cell, &record->value.progress);
        break;
    case SERIES_STATS:
    case SERIES_COUNTER:
    case SERIES_KINDS:
        break;
    }
    return 0;
}

int series_record_restore(const SeriesRecord *record, SeriesIndex *index)
{
    uint32_t known = registry_count(index->registry, record->key.kind);
    uint32_t hash = series_index_hash(index, &record->key);
    Slot *slot;
    int error = series_index_find(index, &record->key, hash, &slot);
    if (error != 0)
        return error;
    if (registry_count(index->registry, record->key.kind) == known)
        return -EEXIST;
    if (record->key.kind == SERIES_STATS)
        astats_cell_restore(&((StatsSlot *)slot)->cell, &record->value.stats.state,
                            record->value.stats.shift);
    else if (record->key.kind == SERIES_COUNTER)
        counter_cell_restore(&((CounterSlot *)slot)->cell, &record->value.counter);
    else
        return restore_shared(record, index, ((RefSlot *)slot)->target);
    return 0;
}
