#include "metrics/progress_cell.h"

#include <math.h>
#include <stdatomic.h>

static void begin_run(ProgressState *state, int64_t done, int64_t now_ns)
{
    state->base = done;
    state->started_ns = now_ns;
}

/* Both numbers are 0 or more. => their sum, at most INT64_MAX. */
static int64_t add(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static void apply(ProgressState *state, const ProgressChange *change, int64_t now_ns)
{
    bool fresh = state->updated_ns == 0;
    if (change->has_more) {
        state->done = add(state->done, change->more);
    } else if (change->has_done) {
        fresh = fresh || change->done < state->done;
        state->done = change->done;
    }
    if (fresh)
        begin_run(state, state->done, now_ns);
    if (change->has_total)
        state->total = change->total;
    state->updated_ns = now_ns;
}

/* relaxed: whoever reads does it between turn_seen() and turn_still(), or has the turn. */
static int64_t get(const _Atomic int64_t *field)
{
    return atomic_load_explicit(field, memory_order_relaxed);
}

static ProgressState load(const _Atomic int64_t *copy)
{
    return (ProgressState){get(&copy[0]), get(&copy[1]), get(&copy[2]), get(&copy[3]),
                           get(&copy[4])};
}

static uint32_t check_of(uintptr_t address, uint32_t seq, const ProgressState *state)
{
    const uint64_t words[PROGRESS_FIELDS] = {(uint64_t)state->done, (uint64_t)state->total,
                                             (uint64_t)state->base, (uint64_t)state->started_ns,
                                             (uint64_t)state->updated_ns};
    return astats_check(address, seq, words, PROGRESS_FIELDS);
}

void progress_cell_begin(ProgressCell *cell)
{
    static const ProgressState none;
    turn_begin(&cell->turn, check_of((uintptr_t)cell, 0, &none));
}

/* The rest of a turn. */
static void finish(ProgressCell *cell, uint64_t word, const ProgressState *state)
{
    const int64_t fields[PROGRESS_FIELDS] = {state->done, state->total, state->base,
                                             state->started_ns, state->updated_ns};
    _Atomic int64_t *copy = cell->copy[!turn_copy(word)];
    turn_write();
    for (int i = 0; i < PROGRESS_FIELDS; i++)
        atomic_store_explicit(&copy[i], fields[i], memory_order_relaxed); /* turn_end() publishes */
    turn_end(&cell->turn, word, check_of((uintptr_t)cell, turn_next(word), state));
}

void progress_cell_change(ProgressCell *cell, const ProgressChange *change, int64_t now_ns,
                          Redo *redo)
{
    uint64_t word = turn_take(&cell->turn);
    ProgressState state = load(cell->copy[turn_copy(word)]);
    apply(&state, change, now_ns);
    if (redo != NULL)
        redo_begin(redo, &cell->turn.word, word, 1);
    finish(cell, word, &state);
}

void progress_cell_restore(ProgressCell *cell, const ProgressState *state)
{
    finish(cell, turn_take(&cell->turn), state);
}

static uint64_t read_cell(const ProgressCell *cell, ProgressState *state)
{
    uint64_t seen;
    do {
        seen = turn_seen(&cell->turn);
        *state = load(cell->copy[turn_copy(seen)]);
    } while (!turn_still(&cell->turn, seen));
    return seen;
}

ProgressState progress_cell_state(const ProgressCell *cell)
{
    ProgressState state;
    (void)read_cell(cell, &state);
    return state;
}

bool progress_cell_is_sound(const ProgressCell *cell, uintptr_t address)
{
    ProgressState state;
    uint64_t word = read_cell(cell, &state);
    return turn_is_sound(word, check_of(address, turn_seq(word), &state));
}

bool progress_cell_read(const ProgressCell *cell, ProgressValue *out)
{
    ProgressState state = progress_cell_state(cell);
    if (state.updated_ns == 0)
        return false;

    const double unknown = (double)NAN;
    ProgressValue value = {
        .done = state.done,
        .total = state.total,
        .fraction = unknown,
        .rate_per_s = unknown,
        .eta_s = unknown,
        .started_ns = state.started_ns,
        .updated_ns = state.updated_ns,
    };
    if (value.total > 0)
        value.fraction = (double)value.done / (double)value.total;
    if (value.done > state.base && value.updated_ns > value.started_ns)
        value.rate_per_s = ((double)value.done - (double)state.base) /
                           ((double)(value.updated_ns - value.started_ns) * 1e-9);
    if (value.total > 0 && !isnan(value.rate_per_s))
        value.eta_s = fmax(0, ((double)value.total - (double)value.done) / value.rate_per_s);
    *out = value;
    return true;
}
