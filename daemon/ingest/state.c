#include "ingest/state.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "ingest/figures.h"
#include "metrics/checkpoint_load.h"
#include "metrics/checkpoint_write.h"

#define SECOND_NS INT64_C(1000000000)
#define FAILURE_LOG_NS (60 * SECOND_NS)

struct State {
    const char *directory; /* the caller's */
    int directory_fd;
    int lock_fd;
    Registry *registry;
    Pool *pool;
    LogLevel story_level;
    char story[LOG_LINE_SIZE / 2]; /* of the taking up */
    Thread thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    bool stopping;
    unsigned interval_s;
    StateInfo info;
    /* The writing thread's: */
    CheckpointFigures figures; /* of the checkpoint that is being written */
    IntakeCounts saved;        /* what the latest good one counts */
    uint64_t saved_expired;
    bool failing;
    LogLimiter failures;
};

/* ---- the directory ---- */

static int cannot(const State *state, const char *what, int error)
{
    log_error("state", "cannot %s %s: %s", what, state->directory, strerrordesc_np(error));
    return -error;
}

static int open_directory(State *state)
{
    if (mkdir(state->directory, 0750) != 0 && errno != EEXIST)
        return cannot(state, "make", errno);
    state->directory_fd = open(state->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (state->directory_fd < 0)
        return cannot(state, "open", errno);
    state->lock_fd = openat(state->directory_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (state->lock_fd < 0)
        return cannot(state, "open the lock in", errno);
    if (flock(state->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return cannot(state, "lock", errno);
    log_error("state", "%s is in use by another daemon; each needs a directory of its own",
              state->directory);
    return -EBUSY;
}

/* ---- taking up ---- */

/* Keeps what is to be said when the daemon has said its name. */
__attribute__((format(printf, 3, 4))) static void tell(State *state, LogLevel level,
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(state->story, sizeof state->story, format, arguments);
    va_end(arguments);
    state->story_level = level;
}

void state_report(const State *state)
{
    log_write(state->story_level, "state", "%s: %s", state->directory, state->story);
}

/* What cannot be read stays, under another name, and is not written over. => 0 or negative errno. */
static int move_aside(State *state, const CheckpointReason *reason)
{
    char name[64];
    (void)snprintf(name, sizeof name, CHECKPOINT_NAME ".damaged-%lld",
                   (long long)(clock_realtime_ns() / SECOND_NS));
    if (renameat(state->directory_fd, CHECKPOINT_NAME, state->directory_fd, name) != 0)
        return cannot(state, "move aside a damaged checkpoint in", errno);
    tell(state, LOG_LEVEL_ERROR,
         "the checkpoint is not taken up: %s; it is now %s, and all begins at 0", reason->text,
         name);
    return 0;
}

static int load(State *state)
{
    SeriesIndex *indexes[POOL_MAX_THREADS];
    unsigned count = pool_thread_count(state->pool);
    for (unsigned i = 0; i < count; i++)
        indexes[i] = pool_index(state->pool, i);
    const CheckpointTarget target = {indexes, count};
    CheckpointReason reason;
    char time[CLOCK_TEXT_SIZE];
    int error = checkpoint_load(state->directory_fd, &target, &state->figures, &state->info.latest,
                                &reason);
    if (error == 0) {
        figures_resume(state->pool, clock_boottime_ns(), &state->figures);
        tell(state, LOG_LEVEL_NOTICE, "took up %llu series, saved at %s",
             (unsigned long long)state->info.latest.series,
             clock_format_utc(state->info.latest.created_ns, time));
        return 0;
    }
    if (error == -ENOENT) {
        tell(state, LOG_LEVEL_INFO, "there is no checkpoint yet, and all begins at 0");
        return 0;
    }
    if (error == -EPROTONOSUPPORT || error == -ENOMEM || error == -EDQUOT) {
        log_error("state", "%s/" CHECKPOINT_NAME " cannot be taken up: %s; it stays as it is",
                  state->directory, reason.text);
        return error;
    }
    return move_aside(state, &reason);
}

/* What is there stays, whatever the limit is now. */
static int load_all(State *state)
{
    uint32_t limit = registry_max_series(state->registry);
    registry_set_max_series(state->registry, UINT32_MAX);
    int error = load(state);
    registry_set_max_series(state->registry, limit);
    pool_counts(state->pool, &state->saved);
    return error;
}

/* ---- writing ---- */

static void say_failed(State *state, const CheckpointReason *reason)
{
    uint64_t suppressed;
    state->failing = true;
    if (log_limiter_pass(&state->failures, clock_monotonic_ns(), FAILURE_LOG_NS, &suppressed))
        log_error("state", "no checkpoint in %s: %s; the one before stays, and it is tried again",
                  state->directory, reason->text);
}

static void count_written(State *state, const CheckpointInfo *info, int64_t took_ns)
{
    pthread_mutex_lock(&state->lock);
    state->info.latest = *info;
    state->info.took_ns = took_ns;
    state->info.written++;
    pthread_mutex_unlock(&state->lock);
    if (state->failing)
        log_notice("state", "checkpoints in %s are written again", state->directory);
    state->failing = false;
}

static int write_checkpoint(State *state)
{
    int64_t began_ns = clock_monotonic_ns();
    uint64_t expired = registry_expired(state->registry);
    CheckpointReason reason;
    CheckpointInfo info;
    figures_collect(state->pool, clock_boottime_ns(), &state->figures);
    int error = checkpoint_write(state->directory_fd, state->registry, &state->figures,
                                 clock_realtime_ns(), &info, &reason);
    if (error != 0) {
        say_failed(state, &reason);
        pthread_mutex_lock(&state->lock);
        state->info.failed++;
        pthread_mutex_unlock(&state->lock);
        return error;
    }
    state->saved = state->figures.intake;
    state->saved_expired = expired;
    count_written(state, &info, clock_monotonic_ns() - began_ns);
    return 0;
}

/* A quiet daemon does not keep a disk from sleeping. */
static bool is_changed(const State *state)
{
    IntakeCounts counts;
    pool_counts(state->pool, &counts);
    return memcmp(&counts, &state->saved, sizeof counts) != 0 ||
           registry_expired(state->registry) != state->saved_expired;
}

/* => whether to go on. */
static bool wait_interval(State *state)
{
    pthread_mutex_lock(&state->lock);
    int64_t until = clock_monotonic_ns() + state->interval_s * SECOND_NS;
    const struct timespec at = {until / SECOND_NS, until % SECOND_NS};
    int error = 0;
    while (!state->stopping && error == 0)
        error = pthread_cond_timedwait(&state->wake, &state->lock, &at);
    bool go_on = !state->stopping;
    pthread_mutex_unlock(&state->lock);
    return go_on;
}

static void *write_body(void *argument)
{
    State *state = argument;
    while (wait_interval(state)) {
        if (is_changed(state))
            (void)write_checkpoint(state);
    }
    return NULL;
}

/* ---- life ---- */

static int open_wake(State *state)
{
    pthread_condattr_t monotonic;
    int error = pthread_mutex_init(&state->lock, NULL);
    if (error == 0)
        error = pthread_condattr_init(&monotonic);
    if (error != 0)
        return -error;
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    error = pthread_cond_init(&state->wake, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return -error;
}

static void free_state(State *state)
{
    (void)pthread_cond_destroy(&state->wake);
    (void)pthread_mutex_destroy(&state->lock);
    if (state->lock_fd >= 0)
        (void)close(state->lock_fd);
    if (state->directory_fd >= 0)
        (void)close(state->directory_fd);
    free(state);
}

int state_open(State **out, const char *directory, Registry *registry, Pool *pool)
{
    State *state = calloc(1, sizeof *state);
    if (state == NULL)
        return -ENOMEM;
    *state = (State){.directory = directory,
                     .directory_fd = -1,
                     .lock_fd = -1,
                     .registry = registry,
                     .pool = pool};
    int error = open_wake(state);
    if (error == 0)
        error = open_directory(state);
    if (error == 0)
        error = load_all(state);
    if (error != 0) {
        free_state(state);
        return error;
    }
    *out = state;
    return 0;
}

int state_start(State *state, unsigned interval_s)
{
    state->interval_s = interval_s;
    return thread_start(&state->thread, "checkpoint", write_body, state);
}

void state_set_interval(State *state, unsigned interval_s)
{
    pthread_mutex_lock(&state->lock);
    state->interval_s = interval_s;
    pthread_mutex_unlock(&state->lock);
}

int state_stop(State *state)
{
    if (state == NULL || state->stopping)
        return 0;
    pthread_mutex_lock(&state->lock);
    state->stopping = true;
    pthread_cond_signal(&state->wake);
    pthread_mutex_unlock(&state->lock);
    (void)thread_join(&state->thread);
    return is_changed(state) || state->info.latest.bytes == 0 ? write_checkpoint(state) : 0;
}

void state_close(State *state)
{
    if (state == NULL)
        return;
    (void)state_stop(state);
    free_state(state);
}

const char *state_directory(const State *state)
{
    return state->directory;
}

void state_info(State *state, StateInfo *out)
{
    pthread_mutex_lock(&state->lock);
    *out = state->info;
    pthread_mutex_unlock(&state->lock);
}
