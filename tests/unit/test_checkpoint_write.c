#include "metrics/checkpoint_write.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "fixture_checkpoint.h"

static void expect_taken_up(const FixtureDirectory *d, const char *expected)
{
    FixtureSeries f;
    CheckpointFigures figures;
    CheckpointReason reason = {"no reason"};
    fixture_series_init(&f, 1000);
    if (fixture_checkpoint_load(d, &f, &figures, &reason) != 0)
        fail_msg("%s", reason.text);
    char *text = fixture_checkpoint_text(&f);
    assert_string_equal(expected, text);
    assert_memory_equal(fixture_checkpoint_figures(), &figures, sizeof figures);
    free(text);
    fixture_series_fini(&f);
}

static void test_everything_comes_back(void **state)
{
    (void)state;
    FixtureDirectory d;
    FixtureSeries f;
    fixture_directory_init(&d);
    fixture_series_init(&f, 1000);
    fixture_checkpoint_fill(&f);
    char *text = fixture_checkpoint_text(&f);
    CheckpointInfo info = fixture_checkpoint_write(&d, &f);
    assert_int_equal(FIXTURE_CREATED_NS, info.created_ns);
    assert_int_equal(14, info.series); /* "empty" holds nothing */
    size_t length;
    free(fixture_directory_read(&d, CHECKPOINT_NAME, &length));
    assert_int_equal(length, info.bytes);
    expect_taken_up(&d, text);
    free(text);
    fixture_series_fini(&f);
    fixture_directory_fini(&d);
}

static void test_nothing_is_a_checkpoint_too(void **state)
{
    (void)state;
    FixtureDirectory d;
    FixtureSeries f;
    fixture_directory_init(&d);
    fixture_series_init(&f, 10);
    char *text = fixture_checkpoint_text(&f);
    assert_int_equal(0, fixture_checkpoint_write(&d, &f).series);
    expect_taken_up(&d, text);
    free(text);
    fixture_series_fini(&f);
    fixture_directory_fini(&d);
}

/* More than one buffer's worth, of several threads. */
static void test_many_series_of_two_threads(void **state)
{
    (void)state;
    FixtureDirectory d;
    FixtureSeries f;
    SeriesIndex other;
    fixture_directory_init(&d);
    fixture_series_init(&f, 20000);
    assert_int_equal(0, series_index_init(&other, f.registry));
    for (int i = 0; i < 10000; i++) {
        char name[40];
        size_t length = (size_t)snprintf(name, sizeof name, "some.series.%d", i);
        fixture_series_record(&f, name, "", i);
        SeriesKey key = {SERIES_STATS, name, length, "", 0};
        Slot *slot;
        assert_int_equal(0,
                         series_index_find(&other, &key, series_index_hash(&other, &key), &slot));
        astats_cell_record(&((StatsSlot *)slot)->cell, 2 * i, 1);
        (void)fixture_series_counter(&f, name, "no:value");
    }
    assert_int_equal(10000, fixture_checkpoint_write(&d, &f).series);
    series_index_fini(&other);
    fixture_series_fini(&f);

    fixture_series_init(&f, 20000);
    CheckpointFigures figures;
    CheckpointReason reason;
    assert_int_equal(0, fixture_checkpoint_load(&d, &f, &figures, &reason));
    SnapshotCursor cursor;
    SeriesView view;
    snapshot_begin(&cursor, f.registry, SERIES_STATS, &(SnapshotFilter){0});
    for (int i = 0; i < 10000; i++) { /* in the order of first sight */
        assert_true(snapshot_next(&cursor, &view));
        assert_true(view.value.stats.count == 2 && view.value.stats.sum == 3.0 * i);
        assert_true(view.value.stats.min == i && view.value.stats.max == 2.0 * i);
        assert_true(fabs(view.value.stats.stddev - 0.5 * i) <= 1e-9 * i);
    }
    assert_false(snapshot_next(&cursor, &view));
    fixture_series_fini(&f);
    fixture_directory_fini(&d);
}

/* What cannot be written leaves the good one, and nothing beside it. */
static void expect_failure(const FixtureDirectory *d, FixtureSeries *f, int expected,
                           const char *why)
{
    CheckpointInfo info;
    CheckpointReason reason = {"no reason"};
    size_t before;
    size_t after;
    unsigned char *good = fixture_directory_read(d, CHECKPOINT_NAME, &before);
    assert_int_equal(expected, checkpoint_write(d->fd, f->registry, fixture_checkpoint_figures(),
                                                99, &info, &reason));
    assert_non_null(strstr(reason.text, why));
    unsigned char *still = fixture_directory_read(d, CHECKPOINT_NAME, &after);
    assert_int_equal(before, after);
    assert_memory_equal(good, still, before);
    free(good);
    free(still);
}

static void test_failures_keep_the_good_one(void **state)
{
    (void)state;
    FixtureDirectory d;
    FixtureSeries f;
    fixture_directory_init(&d);
    fixture_series_init(&f, 1000);
    fixture_checkpoint_fill(&f);
    char *text = fixture_checkpoint_text(&f);
    (void)fixture_checkpoint_write(&d, &f);

    /* A file that may not grow: as on a full disk, at the first bytes and in the middle. */
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &limit));
    static const rlim_t sizes[] = {0, 64, 1000, 30000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct rlimit small = {sizes[i], limit.rlim_max};
        assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &small));
        expect_failure(&d, &f, -EFBIG, "cannot write " CHECKPOINT_NAME ".new: File too large");
        assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &limit));
        assert_int_not_equal(0, faccessat(d.fd, CHECKPOINT_NAME ".new", F_OK, 0));
    }

    /* Something else has the name. */
    assert_int_equal(0, mkdirat(d.fd, CHECKPOINT_NAME ".new", 0700));
    expect_failure(&d, &f, -EISDIR, "cannot open " CHECKPOINT_NAME ".new: Is a directory");
    assert_int_equal(0, unlinkat(d.fd, CHECKPOINT_NAME ".new", AT_REMOVEDIR));
    assert_int_equal(0, symlinkat("elsewhere", d.fd, CHECKPOINT_NAME ".new"));
    expect_failure(&d, &f, -ELOOP, "cannot open " CHECKPOINT_NAME ".new");
    assert_int_equal(0, unlinkat(d.fd, CHECKPOINT_NAME ".new", 0));

    expect_taken_up(&d, text);
    free(text);
    fixture_series_fini(&f);
    fixture_directory_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_comes_back),
        cmocka_unit_test(test_nothing_is_a_checkpoint_too),
        cmocka_unit_test(test_many_series_of_two_threads),
        cmocka_unit_test(test_failures_keep_the_good_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
