#include "ingest/saver.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "ingest/figures.h"
#include "metrics/checkpoint_write.h"

#define SECOND_NS INT64_C(1000000000)
#define FAILURE_LOG_NS (60 * SECOND_NS)

struct Saver {
    const char *directory;
    int directory_fd;
    Registry *registry;
    Pool *pool;
    Thread thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    bool stopping;
    unsigned interval_s;
    SaverInfo info;
    /* The writing thread's: */
    CheckpointFigures figures; /* of the checkpoint that is being written */
    bool is_saved;             /* there is one: */
    IntakeCounts saved;        /* what the latest good one counts */
    uint64_t saved_expired;
    bool failing;
    LogLimiter failures;
    bool ended; /* and what is there is saved */
};

/* ---- writing ---- */

static void say_failed(Saver *s, const CheckpointReason *reason)
{
    uint64_t suppressed;
    s->failing = true;
    if (log_limiter_pass(&s->failures, clock_monotonic_ns(), FAILURE_LOG_NS, &suppressed))
        log_error("state", "no checkpoint in %s: %s; the one before stays, and it is tried again",
                  s->directory, reason->text);
}

static void count_written(Saver *s, const CheckpointInfo *info, int64_t took_ns)
{
    pthread_mutex_lock(&s->lock);
    s->info.latest = *info;
    s->info.took_ns = took_ns;
    s->info.written++;
    pthread_mutex_unlock(&s->lock);
    if (s->failing)
        log_notice("state", "checkpoints in %s are written again", s->directory);
    s->failing = false;
}

static int write_checkpoint(Saver *s)
{
    int64_t began_ns = clock_monotonic_ns();
    uint64_t expired = registry_expired(s->registry);
    CheckpointReason reason;
    CheckpointInfo info;
    figures_collect(s->pool, clock_boottime_ns(), &s->figures);
    int error = checkpoint_write(s->directory_fd, s->registry, &s->figures, clock_realtime_ns(),
                                 &info, &reason);
    if (error != 0) {
        say_failed(s, &reason);
        pthread_mutex_lock(&s->lock);
        s->info.failed++;
        pthread_mutex_unlock(&s->lock);
        return error;
    }
    s->is_saved = true;
    s->saved = s->figures.intake;
    s->saved_expired = expired;
    count_written(s, &info, clock_monotonic_ns() - began_ns);
    return 0;
}

/* A quiet daemon does not keep a disk from sleeping. */
static bool is_changed(const Saver *s)
{
    IntakeCounts counts;
    pool_counts(s->pool, &counts);
    return !s->is_saved || memcmp(&counts, &s->saved, sizeof counts) != 0 ||
           registry_expired(s->registry) != s->saved_expired;
}

/* => whether to go on. */
static bool wait_interval(Saver *s)
{
    pthread_mutex_lock(&s->lock);
    int64_t until = clock_monotonic_ns() + s->interval_s * SECOND_NS;
    const struct timespec at = {until / SECOND_NS, until % SECOND_NS};
    int error = 0;
    while (!s->stopping && error == 0)
        error = pthread_cond_timedwait(&s->wake, &s->lock, &at);
    bool go_on = !s->stopping;
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

static void *write_body(void *argument)
{
    Saver *s = argument;
    while (wait_interval(s)) {
        if (is_changed(s))
            (void)write_checkpoint(s);
    }
    return NULL;
}

/* ---- life ---- */

static int open_wake(Saver *s)
{
    pthread_condattr_t monotonic;
    int error = pthread_mutex_init(&s->lock, NULL);
    if (error == 0)
        error = pthread_condattr_init(&monotonic);
    if (error != 0)
        return -error;
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    error = pthread_cond_init(&s->wake, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return -error;
}

int saver_open(Saver **out, const char *directory, int directory_fd, Registry *registry, Pool *pool)
{
    Saver *s = calloc(1, sizeof *s);
    if (s == NULL)
        return -ENOMEM;
    *s = (Saver){
        .directory = directory, .directory_fd = directory_fd, .registry = registry, .pool = pool};
    int error = open_wake(s);
    if (error != 0) {
        free(s);
        return error;
    }
    *out = s;
    return 0;
}

void saver_set_latest(Saver *s, const CheckpointInfo *latest)
{
    s->info.latest = *latest;
    s->is_saved = true;
    pool_counts(s->pool, &s->saved);
}

int saver_start(Saver *s, unsigned interval_s)
{
    s->interval_s = interval_s;
    return thread_start(&s->thread, "checkpoint", write_body, s);
}

void saver_set_interval(Saver *s, unsigned interval_s)
{
    pthread_mutex_lock(&s->lock);
    s->interval_s = interval_s;
    pthread_mutex_unlock(&s->lock);
}

static void end_thread(Saver *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    (void)thread_join(&s->thread);
}

int saver_stop(Saver *s)
{
    if (s->ended)
        return 0;
    end_thread(s);
    int error = is_changed(s) ? write_checkpoint(s) : 0;
    s->ended = error == 0;
    return error;
}

void saver_close(Saver *s)
{
    if (s == NULL)
        return;
    end_thread(s);
    (void)pthread_cond_destroy(&s->wake);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

void saver_info(Saver *s, SaverInfo *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->info;
    pthread_mutex_unlock(&s->lock);
}
