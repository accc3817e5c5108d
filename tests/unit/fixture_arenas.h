/* Arenas in files as the ingest threads of a daemon have them, and what a process that comes after it makes
 * of them. */
#ifndef TESTS_UNIT_FIXTURE_ARENAS_H
#define TESTS_UNIT_FIXTURE_ARENAS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture_folder.h"
#include "fixture_udp.h"
#include "ingest/figures.h"
#include "ingest/hand.h"
#include "ingest/pipeline.h"
#include "ingest/pool.h"
#include "ingest/replay.h"
#include "metrics/arena_load.h"
#include "metrics/arena_past.h"
#include "metrics/arena_store.h"
#include "render/json_stats.h"

#define FIXTURE_NOW_NS INT64_C(1700000000000000000)

enum {
    FIXTURE_THREADS_MAX = 2
};

/* ---- a directory ---- */

/* Calls `each`, if it is not NULL, for all that is in it. => how many begin with `prefix`. */
static inline int fixture_folder_each(const FixtureFolder *d, const char *prefix,
                                      void (*each)(int directory_fd, const char *name))
{
    int count = 0;
    int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fdopendir(fd);
    const struct dirent *entry;
    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        count++;
        if (each != NULL)
            each(d->fd, entry->d_name);
    }
    assert_int_equal(0, closedir(directory));
    return count;
}

static inline void fixture_unlink(int directory_fd, const char *name)
{
    if (unlinkat(directory_fd, name, 0) != 0)
        assert_int_equal(0, unlinkat(directory_fd, name, AT_REMOVEDIR));
}

static inline void fixture_folder_empty(const FixtureFolder *d)
{
    (void)fixture_folder_each(d, "", fixture_unlink);
}

static inline void fixture_folder_close(FixtureFolder *d)
{
    fixture_folder_empty(d);
    close(d->fd);
    assert_int_equal(0, rmdir(d->path));
}

/* ---- threads, which do not run ---- */

typedef struct {
    ArenaStore *store;
    Registry *registry;
    unsigned threads;
    Arena memory[FIXTURE_THREADS_MAX];
    Hand *hand[FIXTURE_THREADS_MAX];
    Pipeline *pipeline[FIXTURE_THREADS_MAX];
    RejectLog rejects[FIXTURE_THREADS_MAX];
} FixtureArenas;

/* A generation that counts. */
static inline void fixture_arenas_open(FixtureArenas *f, int directory_fd, uint64_t generation,
                                       unsigned threads, uint32_t max_series)
{
    *f = (FixtureArenas){.threads = threads};
    assert_int_equal(0, arena_store_create(&f->store, directory_fd, generation));
    assert_int_equal(0, registry_create_in(&f->registry, max_series, f->store));
    for (unsigned i = 0; i < threads; i++) {
        reject_log_init(&f->rejects[i]);
        f->pipeline[i] = calloc(1, sizeof *f->pipeline[i]);
        assert_non_null(f->pipeline[i]);
        assert_int_equal(0, hand_open(f->store, &f->memory[i], &f->hand[i]));
        assert_int_equal(0, pipeline_init(f->pipeline[i], f->registry, &f->rejects[i], false));
        pipeline_set_ledger(f->pipeline[i], &f->hand[i]->ledger);
        pipeline_set_time(f->pipeline[i], FIXTURE_NOW_NS);
    }
    arena_store_ready(f->store);
}

/* As a kill does it: the files stay. */
static inline void fixture_arenas_close(FixtureArenas *f)
{
    for (unsigned i = 0; i < f->threads; i++) {
        pipeline_fini(f->pipeline[i]);
        arena_fini(&f->memory[i]);
        reject_log_fini(&f->rejects[i]);
        free(f->pipeline[i]);
    }
    registry_destroy(f->registry);
    arena_store_close(f->store);
}

/* What the kernel does: the bytes, and then the length that says that they are there. */
static inline void fixture_arenas_receive(FixtureArenas *f, unsigned thread, int i,
                                          const char *datagram)
{
    ReceiveBatch *batch = &f->hand[thread]->batch;
    size_t length = strlen(datagram);
    memcpy(batch->bytes + (size_t)i * RECEIVE_STRIDE, datagram, length);
    atomic_signal_fence(memory_order_seq_cst);
    batch->headers[i].msg_len = (unsigned)length;
    atomic_signal_fence(memory_order_seq_cst);
}

/* Takes a batch in as a worker does, but for the end of it. => datagrams. */
static inline int fixture_arenas_begin(FixtureArenas *f, unsigned thread,
                                       const char *const *datagrams)
{
    Pipeline *p = f->pipeline[thread];
    int count = 0;
    hand_unseal(f->hand[thread]);
    ledger_begin(p->ledger);
    for (; datagrams[count] != NULL; count++)
        fixture_arenas_receive(f, thread, count, datagrams[count]);
    hand_seal(f->hand[thread], count);
    for (int i = 0; i < count; i++)
        pipeline_datagram(p, receive_batch_bytes(&f->hand[thread]->batch, i),
                          f->hand[thread]->batch.headers[i].msg_len, NULL);
    pipeline_flush(p);
    return count;
}

static inline void fixture_arenas_end(FixtureArenas *f, unsigned thread, int count)
{
    ledger_end(f->pipeline[thread]->ledger, &f->pipeline[thread]->counts);
    receive_batch_clear(&f->hand[thread]->batch, count);
}

static inline void fixture_arenas_take(FixtureArenas *f, unsigned thread,
                                       const char *const *datagrams)
{
    fixture_arenas_end(f, thread, fixture_arenas_begin(f, thread, datagrams));
}

/* ---- what comes after ---- */

/* => everything as /stats shows it, for free(). */
static inline char *fixture_arenas_text(Registry *registry, const IntakeCounts *counts)
{
    const JsonStatsRequest request = {.service = {.name = "n", .version = "v"},
                                      .intake = *counts,
                                      .registry = registry,
                                      .kinds = JSON_STATS_ALL_KINDS};
    JsonStats *stats = malloc(sizeof *stats);
    size_t room = 1 << 16;
    char *text = malloc(room);
    assert_non_null(stats);
    assert_non_null(text);
    json_stats_init(stats, &request);
    ssize_t length = json_stats_read(stats, text, room - 1);
    assert_in_range(length, 1, room - 2);
    text[length] = '\0';
    json_stats_fini(stats);
    free(stats);
    return text;
}

typedef struct {
    Registry *registry;
    Pool *pool;
    ArenaPast *past;
    uint64_t series;
    CheckpointFigures figures;
    CheckpointReason reason;
} FixtureRecovery;

/* A process that has nothing yet. */
static inline void fixture_recovery_open(FixtureRecovery *r, unsigned threads)
{
    Address address = udp_address("127.0.0.1:0");
    const PoolOptions options = {.threads = threads, .udp = &address, .udp_count = 1};
    *r = (FixtureRecovery){.registry = NULL};
    assert_int_equal(0, registry_create(&r->registry, UINT32_MAX));
    assert_int_equal(0, pool_open(&r->pool, &options, r->registry));
}

static inline void fixture_recovery_close(FixtureRecovery *r)
{
    arena_past_close(r->past);
    pool_close(r->pool);
    registry_destroy(r->registry);
}

/* Takes up what is in the directory, in the order in which state.c does it.
 * => 0, 1: there is nothing; or what it failed with. */
static inline int fixture_recover(FixtureRecovery *r, int directory_fd, uint32_t max_series,
                                  ReplayResult *result)
{
    SeriesIndex *indexes[POOL_MAX_THREADS];
    CheckpointTarget target = {indexes, pool_thread_count(r->pool)};
    uint64_t next;
    bool in_hand = false;
    for (unsigned i = 0; i < target.index_count; i++)
        indexes[i] = pool_index(r->pool, i);
    int error = arena_past_open(&r->past, directory_fd, &next, &r->reason);
    if (error == 0 && r->past == NULL)
        return 1;
    if (error == 0)
        error = replay_figures(r->past, &r->figures, &in_hand, &r->reason);
    if (error == 0)
        error = arena_load(r->past, &target, in_hand, &r->series, &r->reason);
    if (error != 0)
        return error;
    figures_resume(r->pool, 0, &r->figures);
    registry_set_max_series(r->registry, max_series);
    return replay_batches(r->past, r->pool, directory_fd, result, &r->reason);
}

/* => what a process finds that comes now, for free(). */
static inline char *fixture_recovered_text(int directory_fd, unsigned threads, uint32_t max_series)
{
    FixtureRecovery r;
    ReplayResult result;
    IntakeCounts counts;
    fixture_recovery_open(&r, threads);
    int error = fixture_recover(&r, directory_fd, max_series, &result);
    if (error != 0)
        fail_msg("%d: %s", error, r.reason.text);
    pool_counts(r.pool, &counts);
    char *text = fixture_arenas_text(r.registry, &counts);
    fixture_recovery_close(&r);
    return text;
}

#endif
