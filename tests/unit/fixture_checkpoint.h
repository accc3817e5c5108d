/* A directory for checkpoints, series of all kinds to put into one, and what a registry holds as text. */
#ifndef TESTS_UNIT_FIXTURE_CHECKPOINT_H
#define TESTS_UNIT_FIXTURE_CHECKPOINT_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture_folder.h"
#include "fixture_progress.h"
#include "fixture_series.h"
#include "metrics/checkpoint_load.h"
#include "metrics/checkpoint_write.h"
#include "render/json_stats.h"

enum {
    FIXTURE_CREATED_NS = 1234567890
};

typedef FixtureFolder FixtureDirectory;

static inline void fixture_directory_init(FixtureDirectory *d)
{
    fixture_folder_open(d);
}

static inline void fixture_directory_fini(const FixtureDirectory *d)
{
    static const char *const names[] = {CHECKPOINT_NAME, CHECKPOINT_NAME ".new"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlinkat(d->fd, names[i], 0);
    close(d->fd);
    assert_int_equal(0, rmdir(d->path)); /* nothing else is left in it */
}

/* A file of the directory, whole. => its bytes, for free(). */
static inline unsigned char *fixture_directory_read(const FixtureDirectory *d, const char *name,
                                                    size_t *length)
{
    int fd = openat(d->fd, name, O_RDONLY | O_CLOEXEC);
    struct stat file;
    assert_true(fd >= 0);
    assert_int_equal(0, fstat(fd, &file));
    *length = (size_t)file.st_size;
    unsigned char *bytes = malloc(*length + 1);
    assert_non_null(bytes);
    assert_int_equal(*length, read(fd, bytes, *length + 1));
    close(fd);
    return bytes;
}

static inline void fixture_directory_write(const FixtureDirectory *d, const char *name,
                                           const void *bytes, size_t length)
{
    /* Not truncated: some file systems flush a file to the disk that was truncated and written again. */
    (void)unlinkat(d->fd, name, 0);
    int fd = openat(d->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(length, write(fd, bytes, length));
    close(fd);
}

/* Series of all kinds, with all that a cell can hold. */
static inline void fixture_checkpoint_fill(FixtureSeries *f)
{
    fixture_series_record(f, "one", "", 0.1);
    for (int i = 0; i < 1000; i++)
        fixture_series_record(f, "many", "env:prod,route:/x", 1e9 + i * 0.1);
    fixture_series_record(f, "huge", "", 1e308);
    fixture_series_record(f, "huge", "", 1e308); /* its sum is infinite */
    fixture_series_record(f, "a.name.that.does.not.fit.into.a.slot.caf\xc3\xa9", "", -3);
    (void)fixture_series_find(f, SERIES_STATS, "empty", "");
    counter_cell_add_integer(fixture_series_counter(f, "hits", ""), INT64_MAX);
    counter_cell_add_integer(fixture_series_counter(f, "hits", ""), INT64_MAX);
    counter_cell_add_double(fixture_series_counter(f, "fraction", "a"), -2.75);
    counter_cell_add_integer(fixture_series_counter(f, "zero", ""), 0);
    fixture_series_gauge(f, "temperature", -3.5);
    fixture_series_set(f, "few", 3);
    /* As many as a set had without a sketch when the first checkpoints were written. */
    fixture_series_set(f, "small.full", 31);
    SetCell *set = fixture_series_target(f, SERIES_SET, "large", "x:y");
    for (uint64_t i = 1; i <= 5000; i++) {
        uint64_t hash = i * UINT64_C(0x9e3779b97f4a7c15);
        if (!set_cell_add(set, hash)) {
            assert_int_equal(0, registry_grow_set(f->registry, set));
            assert_true(set_cell_add(set, hash));
        }
    }
    fixture_series_flag(f, "on", true);
    fixture_series_flag(f, "off", false);
    ProgressCell *progress = fixture_series_progress(f, "import");
    progress_set_total(progress, 1000, 5);
    progress_set_done(progress, 250, 2000000005);
}

/* => everything in the registry as /stats shows it, for free(). */
static inline char *fixture_checkpoint_text(const FixtureSeries *f)
{
    const JsonStatsRequest request = {.service = {.name = "n", .version = "v"},
                                      .registry = f->registry,
                                      .kinds = JSON_STATS_ALL_KINDS};
    JsonStats *stats = malloc(sizeof *stats);
    size_t room = 1 << 20;
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

static inline const CheckpointFigures *fixture_checkpoint_figures(void)
{
    static const CheckpointFigures figures = {.intake = {.datagrams = 1,
                                                         .bytes = UINT64_C(1) << 40,
                                                         .lines = 3,
                                                         .values = 4,
                                                         .ignored = 5,
                                                         .rejected = {6, 7, 8, 9, 10, 11, 12},
                                                         .dropped_kernel = 13},
                                              .booted_ns = 14,
                                              .socket_count = 2,
                                              .sockets = {{15, 16}, {17, 18}}};
    return &figures;
}

static inline CheckpointInfo fixture_checkpoint_write(const FixtureDirectory *d, FixtureSeries *f)
{
    CheckpointInfo info;
    CheckpointReason reason;
    if (checkpoint_write(d->fd, f->registry, fixture_checkpoint_figures(), FIXTURE_CREATED_NS,
                         &info, &reason) != 0)
        fail_msg("%s", reason.text);
    return info;
}

static inline int fixture_checkpoint_load(const FixtureDirectory *d, FixtureSeries *f,
                                          CheckpointFigures *figures, CheckpointReason *reason)
{
    SeriesIndex *const indexes[] = {&f->index};
    const CheckpointTarget target = {indexes, 1};
    CheckpointInfo info;
    return checkpoint_load(d->fd, &target, figures, &info, reason);
}

#endif
