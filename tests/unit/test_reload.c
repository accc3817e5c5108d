#include "app/reload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct {
    char path[64]; /* the configuration file */
    Options options;
    Config config;
    Registry *registry;
    int log; /* what stderr becomes while something is reloaded */
    char text[8192];
} Fixture;

static void write_file(const Fixture *f, const char *text)
{
    FILE *file = fopen(f->path, "we");
    assert_non_null(file);
    assert_int_equal(strlen(text), fwrite(text, 1, strlen(text), file));
    assert_int_equal(0, fclose(file));
}

/* As at start-up: the file, then the command line. */
static void start(Fixture *f, const char *text)
{
    ConfigError error;
    write_file(f, text);
    f->options.config_path = f->path;
    config_defaults(&f->config);
    assert_int_equal(0, config_load(f->path, &f->config, &error));
    options_apply(&f->options, &f->config);
    assert_int_equal(0, registry_create(&f->registry, f->config.limits.max_series));
}

/* Reloads, and keeps what the log says in f->text. */
static void reload(Fixture *f)
{
    int real = dup(STDERR_FILENO);
    assert_int_equal(0, ftruncate(f->log, 0));
    assert_int_equal(0, lseek(f->log, 0, SEEK_SET));
    assert_int_equal(STDERR_FILENO, dup2(f->log, STDERR_FILENO));
    reload_config(&f->config, &f->options, f->registry);
    assert_int_equal(STDERR_FILENO, dup2(real, STDERR_FILENO));
    close(real);
    ssize_t length = pread(f->log, f->text, sizeof f->text - 1, 0);
    assert_in_range(length, 0, sizeof f->text - 1);
    f->text[length] = '\0';
}

static void expect_said(const Fixture *f, const char *text)
{
    if (strstr(f->text, text) == NULL)
        fail_msg("expected \"%s\" in: %s", text, f->text);
}

static void expect_not_said(const Fixture *f, const char *text)
{
    if (strstr(f->text, text) != NULL)
        fail_msg("expected no \"%s\" in: %s", text, f->text);
}

static int setup(void **state)
{
    Fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->path, "/tmp/atomicstatsd-test-XXXXXX");
    int fd = mkstemp(f->path);
    assert_in_range(fd, 0, 1 << 20);
    close(fd);
    f->log = memfd_create("log", MFD_CLOEXEC);
    assert_in_range(f->log, 0, 1 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    log_set_level(LOG_LEVEL_INFO);
    registry_destroy(f->registry);
    close(f->log);
    unlink(f->path);
    free(f);
    return 0;
}

static void test_what_can_change_changes(void **state)
{
    Fixture *f = *state;
    start(f, "{\"limits\": {\"max_series\": 10}, \"log\": {\"level\": \"info\"}}");
    write_file(f, "{\"limits\": {\"max_series\": 20, \"expire_after_s\": 60},"
                  " \"state\": {\"checkpoint_s\": 3}, \"log\": {\"level\": \"debug\"}}");
    reload(f);
    assert_int_equal(20, f->config.limits.max_series);
    assert_int_equal(20, registry_max_series(f->registry));
    assert_int_equal(60, registry_expire_after(f->registry));
    assert_int_equal(3, f->config.state.checkpoint_s);
    assert_int_equal(LOG_LEVEL_DEBUG, f->config.log.level);
    expect_said(f, "limits.max_series is changed\n");
    expect_said(f, "state.checkpoint_s is changed\n");
    expect_said(f, "log.level is changed\n");
    expect_said(f, "configuration reloaded");
    reload(f);
    expect_said(f, "nothing has changed");
    expect_not_said(f, "is changed");
    /* The new level is in force from the reload on, also for its own last line. */
    write_file(f, "{\"limits\": {\"max_series\": 20}, \"log\": {\"level\": \"error\"}}");
    reload(f);
    expect_said(f, "log.level is changed\n");
    expect_not_said(f, "configuration reloaded");
    reload(f);
    assert_string_equal("", f->text);
}

static void test_what_needs_a_restart_stays(void **state)
{
    Fixture *f = *state;
    start(f, "{\"limits\": {\"max_series\": 10}, \"ingest\": {\"threads\": 3},"
             " \"state\": {\"directory\": \"/a\"}}");
    unsigned connections = f->config.http.max_connections;
    write_file(f, "{\"limits\": {\"max_series\": 11}, \"ingest\": {\"threads\": 4},"
                  " \"http\": {\"max_connections\": 99},"
                  " \"state\": {\"directory\": \"/b\", \"checkpoint_s\": 3}}");
    for (int i = 0; i < 2; i++) { /* it is told again each time */
        reload(f);
        assert_int_equal(3, f->config.ingest.threads);
        assert_int_equal(connections, f->config.http.max_connections);
        assert_int_equal(11, registry_max_series(f->registry));
        assert_string_equal("/a", f->config.state.directory);
        assert_int_equal(3, f->config.state.checkpoint_s);
        expect_said(f, "state.directory is changed in the configuration, but needs a restart");
        expect_said(f, "ingest.threads is changed in the configuration, but needs a restart");
        expect_said(f, "http.max_connections is changed in the configuration, but needs a restart");
    }
}

static void expect_refused(Fixture *f)
{
    Config before = f->config;
    reload(f);
    assert_int_equal(0, config_diff(&before, &f->config, NULL, 0));
    assert_int_equal(10, registry_max_series(f->registry));
    expect_said(f, "the old configuration stays");
    expect_said(f, f->path);
    expect_not_said(f, "is changed");
}

static void test_a_wrong_file_changes_nothing(void **state)
{
    Fixture *f = *state;
    start(f, "{\"limits\": {\"max_series\": 10}}");
    write_file(f, "{\"limits\": {\"max_series\": 20}, \"nonsense\": 1}");
    expect_refused(f);
    expect_said(f, "nonsense");
    write_file(f, "{\"limits\": {\"max_series\": 0}}");
    expect_refused(f);
    write_file(f, "{\"limits\": {\"max_series\": 20}");
    expect_refused(f);
    write_file(f, "");
    expect_refused(f);
    assert_int_equal(0, unlink(f->path));
    expect_refused(f);
}

static void test_the_command_line_still_wins(void **state)
{
    Fixture *f = *state;
    f->options.given.threads = true;
    f->options.values.ingest.threads = 2;
    start(f, "{\"limits\": {\"max_series\": 10}, \"ingest\": {\"threads\": 3}}");
    assert_int_equal(2, f->config.ingest.threads);
    write_file(f, "{\"limits\": {\"max_series\": 10}, \"ingest\": {\"threads\": 4}}");
    reload(f);
    assert_int_equal(2, f->config.ingest.threads);
    expect_said(f, "nothing has changed");
}

static void test_without_a_file(void **state)
{
    Fixture *f = *state;
    start(f, "{}");
    f->options.config_path = NULL;
    Config before = f->config;
    reload(f);
    expect_said(f, "nothing has changed");
    assert_int_equal(0, config_diff(&before, &f->config, NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_can_change_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_needs_a_restart_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_wrong_file_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_command_line_still_wins, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_a_file, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
