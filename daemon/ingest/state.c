#include "ingest/state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ingest/figures.h"
#include "ingest/replay.h"
#include "ingest/state_directory.h"
#include "metrics/arena_load.h"
#include "metrics/checkpoint_load.h"

#define SECOND_NS INT64_C(1000000000)

struct State {
    StateDirectory directory;
    StateDirectory arenas; /* not open if it is the same one */
    ArenaPast *past;       /* NULL: there is none to be taken up */
    ArenaStore *store;
    Saver *saver;
    StateInfo info; /* without its checkpoints */
    bool ready;     /* the arenas count */
    bool saved;     /* all is in a checkpoint, for good */
    LogLevel story_level;
    char story[LOG_LINE_SIZE / 2]; /* of the taking up */
};

/* ---- the story ---- */

/* Keeps what is to be said when the daemon has said its name. */
__attribute__((format(printf, 3, 4))) static void tell(State *state, LogLevel level,
                                                       const char *format, ...)
{
    size_t length = strlen(state->story);
    if (length > 0 && length < sizeof state->story - 3)
        length += (size_t)snprintf(state->story + length, sizeof state->story - length, "; ");
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(state->story + length, sizeof state->story - length, format, arguments);
    va_end(arguments);
    if (level < state->story_level)
        state->story_level = level;
}

void state_report(const State *state)
{
    log_write(state->story_level, "state", "%s: %s", state->directory.path, state->story);
}

/* ---- opening ---- */

static int arenas_fd(const State *state)
{
    return state->arenas.fd >= 0 ? state->arenas.fd : state->directory.fd;
}

/* What is there of earlier arenas, if it is of no use: aside, or away. => 0, or `error`. */
static int set_past_aside(State *state, int error, const CheckpointReason *reason)
{
    if (error == -EBADMSG) {
        arena_past_move_aside(state->past);
        tell(state, LOG_LEVEL_ERROR, "the arenas are not taken up: %s; they are now damaged.N",
             reason->text);
    } else if (error == -ESTALE) {
        arena_past_remove(state->past);
        tell(state, LOG_LEVEL_INFO, "the arenas are not taken up: %s", reason->text);
    } else {
        log_error("state", "%s: %s; what is there stays as it is", state_arenas(state),
                  reason->text);
        return error;
    }
    arena_past_close(state->past);
    state->past = NULL;
    return 0;
}

static int open_arenas(State *state)
{
    CheckpointReason reason;
    uint64_t generation = 1;
    int error = arena_past_open(&state->past, arenas_fd(state), &generation, &reason);
    if (error != 0)
        error = set_past_aside(state, error, &reason);
    if (error != 0)
        return error;
    error = arena_store_create(&state->store, arenas_fd(state), generation);
    if (error != 0)
        log_error("state", "cannot begin arenas in %s: %s", state_arenas(state),
                  strerrordesc_np(-error));
    return error;
}

int state_open(State **out, const char *directory, const char *arenas)
{
    State *state = calloc(1, sizeof *state);
    if (state == NULL) {
        log_error("state", "cannot take up %s: %s", directory, strerrordesc_np(ENOMEM));
        return -ENOMEM;
    }
    state->story_level = LOG_LEVEL_DEBUG;
    state->arenas = (StateDirectory){.fd = -1, .lock_fd = -1};
    int error = state_directory_open(&state->directory, directory);
    if (error == 0 && strcmp(directory, arenas) != 0)
        error = state_directory_open(&state->arenas, arenas);
    if (error == 0)
        error = open_arenas(state);
    if (error != 0) {
        state_close(state);
        return error;
    }
    *out = state;
    return 0;
}

ArenaStore *state_store(State *state)
{
    return state->store;
}

/* ---- taking up ---- */

/* What cannot be read stays, under another name, and is not written over. => 0 or negative errno. */
static int move_aside(State *state, const CheckpointReason *reason)
{
    char name[64];
    (void)snprintf(name, sizeof name, CHECKPOINT_NAME ".damaged-%lld",
                   (long long)(clock_realtime_ns() / SECOND_NS));
    if (renameat(state->directory.fd, CHECKPOINT_NAME, state->directory.fd, name) != 0) {
        int error = -errno;
        log_error("state", "cannot move aside a damaged checkpoint in %s: %s",
                  state->directory.path, strerrordesc_np(-error));
        return error;
    }
    tell(state, LOG_LEVEL_ERROR,
         "the checkpoint is not taken up: %s; it is now %s, and all begins at 0", reason->text,
         name);
    return 0;
}

/* Where to, and what with it. */
typedef struct {
    Registry *registry;
    Pool *pool;
    CheckpointTarget series;
    CheckpointFigures figures;
} Target;

static int load_checkpoint(State *state, Target *target)
{
    CheckpointReason reason;
    CheckpointInfo info;
    char time[CLOCK_TEXT_SIZE];
    int error =
        checkpoint_load(state->directory.fd, &target->series, &target->figures, &info, &reason);
    if (error == 0) {
        figures_resume(target->pool, clock_boottime_ns(), &target->figures);
        saver_set_latest(state->saver, &info);
        tell(state, LOG_LEVEL_NOTICE, "took up %llu series, saved at %s",
             (unsigned long long)info.series, clock_format_utc(info.created_ns, time));
        return 0;
    }
    if (error == -ENOENT) {
        tell(state, LOG_LEVEL_INFO, "there is no checkpoint yet, and all begins at 0");
        return 0;
    }
    if (error == -EPROTONOSUPPORT || error == -ENOMEM || error == -EDQUOT) {
        log_error("state", "%s/" CHECKPOINT_NAME " cannot be taken up: %s; it stays as it is",
                  state->directory.path, reason.text);
        return error;
    }
    return move_aside(state, &reason);
}

/* => 0; 1: they are damaged, and the checkpoint is to be taken up instead; negative errno. */
static int load_arenas(State *state, Target *target)
{
    CheckpointReason reason;
    bool in_hand;
    int error = replay_figures(state->past, &target->figures, &in_hand, &reason);
    if (error == 0)
        error = arena_load(state->past, &target->series, in_hand, &state->info.recovered_series,
                           &reason);
    if (error == 0) {
        figures_resume(target->pool, clock_boottime_ns(), &target->figures);
        tell(state, LOG_LEVEL_NOTICE, "took up %llu series from the arenas of a killed process",
             (unsigned long long)state->info.recovered_series);
        return 0;
    }
    error = set_past_aside(state, error, &reason);
    return error == 0 ? 1 : error;
}

static int replay(State *state, Pool *pool)
{
    CheckpointReason reason;
    ReplayResult result;
    int error = replay_batches(state->past, pool, state->directory.fd, &result, &reason);
    if (error != 0) {
        log_error("state", "%s: %s", state->directory.path, reason.text);
        return error;
    }
    state->info.recovered_datagrams = result.datagrams;
    state->info.quarantined = result.quarantined;
    if (result.datagrams > 0)
        tell(state, LOG_LEVEL_NOTICE, "%llu datagrams that it had in hand are taken in",
             (unsigned long long)result.datagrams);
    if (result.quarantined > 0)
        tell(state, LOG_LEVEL_ERROR,
             "%llu datagrams crash this program: they are not taken in, but stand in quarantine-…",
             (unsigned long long)result.quarantined);
    return 0;
}

/* What is there stays, whatever the limit is now. */
static int load_series(State *state, Target *target)
{
    uint32_t limit = registry_max_series(target->registry);
    registry_set_max_series(target->registry, UINT32_MAX);
    int error = state->past != NULL ? load_arenas(state, target) : 1;
    if (error == 1)
        error = load_checkpoint(state, target);
    registry_set_max_series(target->registry, limit);
    return error;
}

int state_take_up(State *state, Registry *registry, Pool *pool)
{
    SeriesIndex *indexes[POOL_MAX_THREADS];
    Target target = {
        .registry = registry, .pool = pool, .series = {indexes, pool_thread_count(pool)}};
    for (unsigned i = 0; i < target.series.index_count; i++)
        indexes[i] = pool_index(pool, i);
    int error =
        saver_open(&state->saver, state->directory.path, state->directory.fd, registry, pool);
    if (error != 0)
        log_error("state", "cannot make what writes checkpoints: %s", strerrordesc_np(-error));
    if (error == 0)
        error = load_series(state, &target);
    if (error == 0 && state->past != NULL)
        error = replay(state, pool);
    if (error != 0)
        return error;
    pool_keep_figures(pool);
    arena_store_ready(state->store);
    state->ready = true;
    if (state->past != NULL)
        arena_past_remove(state->past);
    arena_past_close(state->past);
    state->past = NULL;
    return 0;
}

/* ---- life ---- */

int state_start(State *state, unsigned interval_s)
{
    int error = saver_start(state->saver, interval_s);
    if (error != 0)
        log_error("state", "cannot start the thread that writes checkpoints: %s",
                  strerrordesc_np(-error));
    return error;
}

void state_set_interval(State *state, unsigned interval_s)
{
    saver_set_interval(state->saver, interval_s);
}

int state_stop(State *state)
{
    if (state == NULL || state->saver == NULL || state->saved)
        return 0;
    int error = saver_stop(state->saver);
    if (error == 0)
        error = arena_store_remove(state->store);
    state->saved = error == 0;
    return error;
}

void state_close(State *state)
{
    if (state == NULL)
        return;
    saver_close(state->saver);
    if (state->store != NULL && !state->ready)
        (void)arena_store_remove(state->store); /* nobody will ever want them */
    arena_store_close(state->store);
    arena_past_close(state->past);
    state_directory_close(&state->arenas);
    state_directory_close(&state->directory);
    free(state);
}

const char *state_directory(const State *state)
{
    return state->directory.path;
}

const char *state_arenas(const State *state)
{
    return state->arenas.fd >= 0 ? state->arenas.path : state->directory.path;
}

void state_info(State *state, StateInfo *out)
{
    *out = state->info;
    saver_info(state->saver, &out->checkpoints);
}
