#include "ingest/state.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "fixture_udp.h"
#include "metrics/counter_cell.h"
#include "metrics/slot.h"

typedef struct {
    char parent[64];
    char directory[80];
    Registry *registry;
    Pool *pool;
    State *state;
} Bench;

static int setup(void **state)
{
    Bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    log_set_level(LOG_LEVEL_ERROR);
    strcpy(b->parent, "/tmp/atomicstatsd-test-XXXXXX");
    assert_non_null(mkdtemp(b->parent));
    (void)snprintf(b->directory, sizeof b->directory, "%s/state", b->parent);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    Bench *b = *state;
    char line[160];
    (void)snprintf(line, sizeof line, "rm -r %s", b->parent);
    /* NOLINTNEXTLINE(cert-env33-c): our own directory */
    assert_int_equal(0, system(line));
    free(b);
    return 0;
}

/* A pool whose threads do not run yet. */
static int begin(Bench *b)
{
    Address address = udp_address("127.0.0.1:0");
    const PoolOptions options = {.threads = 2, .udp = &address, .udp_count = 1};
    int error = state_open(&b->state, b->directory, b->directory);
    if (error != 0)
        return error;
    assert_int_equal(0, registry_create_in(&b->registry, 5, state_store(b->state)));
    assert_int_equal(0, pool_open(&b->pool, &options, b->registry));
    return state_take_up(b->state, b->registry, b->pool);
}

/* As a kill ends it: nothing is saved. */
static void crash(Bench *b)
{
    state_close(b->state);
    pool_close(b->pool);
    registry_destroy(b->registry);
    b->state = NULL;
    b->pool = NULL;
    b->registry = NULL;
}

static void end(Bench *b)
{
    (void)state_stop(b->state);
    crash(b);
}

static CounterCell *counter(Bench *b, unsigned thread, const char *name)
{
    SeriesIndex *index = pool_index(b->pool, thread);
    SeriesKey key = {SERIES_COUNTER, name, strlen(name), "", 0};
    Slot *slot;
    assert_int_equal(0, series_index_find(index, &key, series_index_hash(index, &key), &slot));
    return &((CounterSlot *)slot)->cell;
}

static int64_t total(Bench *b, const char *name)
{
    CounterSum sum = {0};
    for (unsigned i = 0; i < 2; i++)
        counter_cell_read(counter(b, i, name), &sum);
    return counter_sum_value(&sum).integer;
}

static void test_values_and_figures_go_on(void **state)
{
    Bench *b = *state;
    for (int64_t round = 0; round < 3; round++) {
        IntakeCounts counts = {.datagrams = 7, .values = 9};
        assert_int_equal(0, begin(b));
        assert_int_equal(7 * round, (pool_counts(b->pool, &counts), counts.datagrams));
        assert_int_equal(5 * round, total(b, "hits"));
        counter_cell_add_integer(counter(b, 0, "hits"), 2);
        counter_cell_add_integer(counter(b, 1, "hits"), 3);
        counts = (IntakeCounts){.datagrams = 7, .values = 9};
        pool_add_counts(b->pool, &counts);
        assert_int_equal(0, state_stop(b->state));
        assert_int_equal(0, state_stop(b->state)); /* once is enough */
        StateInfo info;
        state_info(b->state, &info);
        assert_int_equal(1, info.checkpoints.written);
        assert_int_equal(1, info.checkpoints.latest.series);
        assert_string_equal(b->directory, state_directory(b->state));
        end(b);
    }
}

static void test_what_is_not_saved_is_in_the_arenas(void **state)
{
    Bench *b = *state;
    for (int64_t round = 0; round < 4; round++) {
        IntakeCounts counts;
        assert_int_equal(0, begin(b));
        pool_counts(b->pool, &counts);
        assert_int_equal(7 * round, counts.datagrams);
        assert_int_equal(5 * round, total(b, "hits"));
        StateInfo info;
        state_info(b->state, &info);
        assert_int_equal(round > 0 ? 1 : 0, info.recovered_series);
        assert_int_equal(0, info.checkpoints.latest.bytes);
        counter_cell_add_integer(counter(b, 0, "hits"), 2);
        counter_cell_add_integer(counter(b, 1, "hits"), 3);
        counts = (IntakeCounts){.datagrams = 7, .values = 9};
        pool_add_counts(b->pool, &counts);
        pool_keep_figures(b->pool);
        crash(b);
    }
}

static void test_nothing_new_is_not_written_again(void **state)
{
    Bench *b = *state;
    struct stat first;
    struct stat second;
    char path[100];
    (void)snprintf(path, sizeof path, "%s/" CHECKPOINT_NAME, b->directory);
    assert_int_equal(0, begin(b));
    end(b);
    assert_int_equal(0, stat(path, &first)); /* an empty one: the directory can be written */
    assert_int_equal(0, begin(b));
    end(b);
    assert_int_equal(0, stat(path, &second));
    assert_true(first.st_ino == second.st_ino);
}

static void test_one_daemon_a_directory(void **state)
{
    Bench *b = *state;
    assert_int_equal(0, begin(b));
    State *other = NULL;
    log_set_level(LOG_LEVEL_ERROR);
    assert_int_equal(-EBUSY, state_open(&other, b->directory, b->directory));
    assert_null(other);
    end(b);
    assert_int_equal(0, begin(b)); /* the lock went with the first one */
    end(b);
}

static void test_no_directory(void **state)
{
    Bench *b = *state;
    FILE *file = fopen(b->directory, "we");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(-ENOTDIR, begin(b));
    end(b);
    strcat(b->directory, "/below");
    assert_int_equal(-ENOTDIR, begin(b));
    end(b);
    (void)snprintf(b->directory, sizeof b->directory, "%s/no/such", b->parent);
    assert_int_equal(-ENOENT, begin(b));
    end(b);
}

/* What is held is more than the limit allows now: nothing is lost, nothing new comes. */
static void test_more_than_the_limit(void **state)
{
    Bench *b = *state;
    assert_int_equal(0, begin(b));
    registry_set_max_series(b->registry, 100);
    char name[16];
    for (int i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof name, "c%d", i);
        counter_cell_add_integer(counter(b, 0, name), i + 1);
    }
    IntakeCounts counts = {.datagrams = 1};
    pool_add_counts(b->pool, &counts);
    end(b);
    assert_int_equal(0, begin(b));
    assert_int_equal(20, registry_count(b->registry, SERIES_COUNTER));
    assert_int_equal(5, registry_max_series(b->registry));
    for (int i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof name, "c%d", i);
        assert_int_equal(i + 1, total(b, name));
    }
    end(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values_and_figures_go_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_saved_is_in_the_arenas, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_new_is_not_written_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_daemon_a_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_more_than_the_limit, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
