#include "ingest/saver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/log.h"
#include "fixture_arenas.h"

typedef struct {
    FixtureFolder folder;
    Registry *registry;
    Pool *pool;
    Saver *saver;
} Bench;

static int setup(void **state)
{
    Bench *b = calloc(1, sizeof *b);
    Address address = udp_address("127.0.0.1:0");
    const PoolOptions options = {.threads = 1, .udp = &address, .udp_count = 1};
    assert_non_null(b);
    log_set_level(LOG_LEVEL_ERROR);
    fixture_folder_open(&b->folder);
    assert_int_equal(0, registry_create(&b->registry, 100));
    assert_int_equal(0, pool_open(&b->pool, &options, b->registry));
    assert_int_equal(0, saver_open(&b->saver, b->folder.path, b->folder.fd, b->registry, b->pool));
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    Bench *b = *state;
    saver_close(b->saver);
    pool_close(b->pool);
    registry_destroy(b->registry);
    fixture_folder_close(&b->folder);
    free(b);
    return 0;
}

static SaverInfo info_of(const Bench *b)
{
    SaverInfo info;
    saver_info(b->saver, &info);
    return info;
}

static void change(const Bench *b)
{
    const IntakeCounts one = {.datagrams = 1};
    pool_add_counts(b->pool, &one);
}

static int files(const Bench *b)
{
    return fixture_folder_each(&b->folder, "", NULL);
}

static void test_the_last_one_is_written_at_the_end(void **state)
{
    Bench *b = *state;
    assert_int_equal(0, saver_start(b->saver, 1000));
    assert_int_equal(0, files(b));
    assert_int_equal(0, saver_stop(b->saver));
    assert_int_equal(1, files(b));
    assert_int_equal(1, info_of(b).written);
    assert_true(info_of(b).latest.bytes > 0 && info_of(b).latest.created_ns > 0);
    change(b);
    assert_int_equal(0, saver_stop(b->saver)); /* it has ended */
    assert_int_equal(1, info_of(b).written);
}

static void test_closed_without_a_last_one(void **state)
{
    Bench *b = *state;
    assert_int_equal(0, saver_start(b->saver, 1000));
    saver_close(b->saver);
    b->saver = NULL;
    saver_close(NULL);
    assert_int_equal(0, files(b));
}

static void test_what_is_saved_is_not_written_again(void **state)
{
    Bench *b = *state;
    const CheckpointInfo latest = {.series = 7, .bytes = 8, .created_ns = 9};
    saver_set_latest(b->saver, &latest);
    assert_int_equal(0, saver_stop(b->saver)); /* was never started */
    assert_int_equal(0, files(b));
    assert_int_equal(0, info_of(b).written);
    assert_int_equal(7, info_of(b).latest.series);
}

static void test_what_has_changed_since_is_written(void **state)
{
    Bench *b = *state;
    const CheckpointInfo latest = {.series = 7, .bytes = 8, .created_ns = 9};
    saver_set_latest(b->saver, &latest);
    change(b);
    assert_int_equal(0, saver_stop(b->saver));
    assert_int_equal(1, files(b));
    assert_int_equal(0, info_of(b).latest.series);
}

static void wait_for(const Bench *b, uint64_t written, uint64_t failed)
{
    int64_t since = clock_monotonic_ns();
    while (info_of(b).written < written || info_of(b).failed < failed)
        assert_true(udp_keep_waiting(since));
}

static void test_one_after_the_other(void **state)
{
    Bench *b = *state;
    assert_int_equal(0, saver_start(b->saver, 1));
    wait_for(b, 1, 0);
    change(b);
    wait_for(b, 2, 0);
    saver_set_interval(b->saver, 1000);
    assert_int_equal(1, files(b));
    assert_int_equal(0, info_of(b).failed);
    assert_int_equal(0, saver_stop(b->saver));
}

/* Whoever asks again must not take it for saved. */
static void test_what_could_not_be_saved_is_not(void **state)
{
    Bench *b = *state;
    char gone[80];
    /* The directory is gone, so nothing can be made in it. */
    (void)snprintf(gone, sizeof gone, "%s", b->folder.path);
    assert_int_equal(0, rmdir(gone));
    int first = saver_stop(b->saver);
    int second = saver_stop(b->saver);
    int third = mkdir(gone, 0700); /* for the end of the test */
    assert_int_equal(-ENOENT, first);
    assert_int_equal(-ENOENT, second);
    assert_int_equal(0, third);
    assert_int_equal(0, info_of(b).written);
    assert_true(info_of(b).failed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_last_one_is_written_at_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closed_without_a_last_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_saved_is_not_written_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_has_changed_since_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_after_the_other, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_could_not_be_saved_is_not, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
