#include "ingest/replay.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/log.h"
#include "fixture_arenas.h"
#include "fixture_tcp.h"
#include "ingest/state.h"

enum {
    KILLS = 150,
    SENT_AT_ONCE = 60, /* twice as many are fewer than any receive buffer holds */
    MAX_SERIES = 100
};

typedef struct {
    FixtureFolder folder;
    Address address;
    int socket; /* as a service manager holds it */
    int sender;
    int listener; /* the same, TCP */
    int client;
} Bench;

/* One process of the daemon, without HTTP. */
typedef struct {
    State *state;
    Registry *registry;
    Pool *pool;
} Process;

static int setup(void **state)
{
    Bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    log_set_level(LOG_LEVEL_ERROR);
    fixture_folder_open(&b->folder);
    b->address = udp_address("127.0.0.1:0");
    b->socket = udp_foreign(&b->address);
    b->sender = udp_sender(&b->address);
    b->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, listen(b->listener, 5)); /* binds it, too */
    Address any = udp_local(b->listener);
    Address to = udp_address("127.0.0.1:0");
    ((struct sockaddr_in *)&to.storage)->sin_port = htons((uint16_t)address_port(&any));
    b->client = tcp_connect(&to);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    Bench *b = *state;
    close(b->sender);
    close(b->socket);
    close(b->client);
    close(b->listener);
    fixture_folder_close(&b->folder);
    free(b);
    return 0;
}

/* => the thread's pipeline, for putting in what crashes. */
static Pipeline *pipeline_of(const Process *p)
{
    char *index = (char *)pool_index(p->pool, 0);
    return (Pipeline *)(void *)(index - offsetof(Pipeline, index));
}

/* `scan`: what finds delimiters while it takes up what there is; NULL: what always does.
 * => as state_take_up(). */
static int begin(Process *p, const Bench *b, DelimiterScanner scan)
{
    int inherited = dup(b->socket);
    int inherited_tcp = dup(b->listener);
    const PoolOptions options = {.threads = 1,
                                 .inherited = &inherited,
                                 .inherited_count = 1,
                                 .inherited_tcp = &inherited_tcp,
                                 .inherited_tcp_count = 1,
                                 .tcp_max_connections = 10};
    assert_true(inherited >= 0 && inherited_tcp >= 0);
    assert_int_equal(0, state_open(&p->state, b->folder.path, b->folder.path));
    assert_int_equal(0, registry_create_in(&p->registry, MAX_SERIES, state_store(p->state)));
    assert_int_equal(0, pool_open(&p->pool, &options, p->registry));
    DelimiterScanner usual = pipeline_of(p)->scan;
    if (scan != NULL)
        pipeline_of(p)->scan = scan;
    int error = state_take_up(p->state, p->registry, p->pool);
    pipeline_of(p)->scan = usual;
    return error;
}

/* As a kill does it. */
static void end(Process *p)
{
    state_close(p->state);
    pool_close(p->pool);
    registry_destroy(p->registry);
}

/* => a process that takes in what comes, with `live` in place of what finds delimiters; NULL: with that. */
static pid_t start(const Bench *b, DelimiterScanner replaying, DelimiterScanner live)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child != 0)
        return child;
    static const struct rlimit none;
    Process p;
    (void)setrlimit(RLIMIT_CORE, &none);
    if (begin(&p, b, replaying) != 0)
        _exit(3);
    if (live != NULL)
        pipeline_of(&p)->scan = live;
    if (pool_start(p.pool) != 0)
        _exit(4);
    for (;;)
        (void)pause();
}

/* => the signal that ended it. */
static int ended_by(pid_t child)
{
    int status;
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_true(WIFSIGNALED(status));
    return WTERMSIG(status);
}

static void kill_it(pid_t child)
{
    assert_int_equal(0, kill(child, SIGKILL));
    assert_int_equal(SIGKILL, ended_by(child));
}

/* ---- what goes wrong ---- */

static Delimiters is_killed(const char *text, size_t length, uint16_t *positions)
{
    (void)kill(getpid(), SIGKILL);
    return delimiters_scan_portable(text, length, positions);
}

static Delimiters touches_what_is_not_there(const char *text, size_t length, uint16_t *positions)
{
    char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(page, text, length);
    return delimiters_scan_portable(page, length, positions);
}

static Delimiters aborts(const char *text, size_t length, uint16_t *positions)
{
    (void)text;
    (void)length;
    (void)positions;
    abort();
}

/* ---- killed from outside ---- */

static const char datagram[] = "hits:1|c\nms:3:4|ms\ng:+1|g\njob:+1|p\nbad";

static void wait_until_taken(const Bench *b)
{
    int queued = 1;
    int64_t since = clock_monotonic_ns();
    while (queued != 0) {
        assert_int_equal(0, ioctl(b->socket, FIONREAD, &queued));
        assert_true(udp_keep_waiting(since));
    }
}

static SeriesView view_of(const Process *p, SeriesKind kind)
{
    SnapshotFilter all = {.glob = NULL};
    SnapshotCursor cursor;
    SeriesView view = {.kind = SERIES_KINDS};
    snapshot_begin(&cursor, p->registry, kind, &all);
    (void)snapshot_next(&cursor, &view);
    snapshot_end(&cursor);
    return view;
}

static void expect_exactly(const Process *p, uint64_t datagrams)
{
    IntakeCounts counts;
    pool_counts(p->pool, &counts);
    assert_int_equal(0, counts.dropped_kernel);
    assert_int_equal(datagrams, counts.datagrams);
    assert_int_equal(datagrams * (sizeof datagram - 1), counts.bytes);
    assert_int_equal(5 * datagrams, counts.lines);
    assert_int_equal(5 * datagrams, counts.values);
    assert_int_equal(datagrams, counts.rejected[REJECT_BAD_VALUE]);
    assert_int_equal(datagrams, intake_rejected_total(&counts));
    assert_int_equal(datagrams, view_of(p, SERIES_COUNTER).value.counter.integer);
    assert_int_equal(datagrams, (uint64_t)view_of(p, SERIES_GAUGE).value.gauge);
    assert_int_equal(datagrams, view_of(p, SERIES_PROGRESS).value.progress.done);
    assert_int_equal(2 * datagrams, (uint64_t)view_of(p, SERIES_STATS).value.stats.count);
    assert_int_equal(7 * datagrams, (uint64_t)view_of(p, SERIES_STATS).value.stats.sum);
}

/* The kernel holds what nobody has taken; all else is in the arenas, and nothing twice. */
static void test_killed_at_any_moment(void **state)
{
    Bench *b = *state;
    Process p;
    uint64_t sent = 0;
    unsigned random = 1;
    for (int n = 0; n < KILLS; n++) {
        pid_t child = start(b, NULL, NULL);
        /* So that some are killed at their start, and some at work. */
        for (int part = 0; part < n % 4; part++) {
            unsigned more = (unsigned)rand_r(&random) % SENT_AT_ONCE;
            for (unsigned i = 0; i < more; i++)
                udp_send(b->sender, datagram, sizeof datagram - 1);
            sent += more;
            if (part + 1 < n % 4)
                wait_until_taken(b);
        }
        kill_it(child);
        if (n % 4 == 1) { /* the queue is not to run over */
            child = start(b, NULL, NULL);
            wait_until_taken(b);
            kill_it(child);
        }
    }
    assert_int_equal(0, begin(&p, b, NULL));
    assert_int_equal(0, pool_start(p.pool));
    wait_until_taken(b);
    pool_stop(p.pool);
    expect_exactly(&p, sent);
    end(&p);
}

/* ---- what crashes ---- */

/* A batch of three datagrams stays in the hands of a process. */
static void leave_a_batch(const Bench *b)
{
    for (int i = 0; i < 3; i++)
        udp_send(b->sender, datagram, sizeof datagram - 1);
    assert_int_equal(SIGKILL, ended_by(start(b, NULL, is_killed)));
}

/* => how often what is in hand has crashed. */
static uint32_t crashes(const Bench *b)
{
    ArenaPast *past;
    CheckpointReason reason;
    uint64_t next;
    uint32_t most = 0;
    assert_int_equal(0, arena_past_open(&past, b->folder.fd, &next, &reason));
    for (uint32_t i = 0; i < arena_past_files(past); i++)
        most = arena_past_crashes(past, i) > most ? arena_past_crashes(past, i) : most;
    arena_past_close(past);
    return most;
}

static void test_what_was_in_hand_is_taken_in(void **state)
{
    Bench *b = *state;
    Process p;
    StateInfo info;
    leave_a_batch(b);
    assert_int_equal(0, begin(&p, b, NULL));
    state_info(p.state, &info);
    assert_int_equal(3, info.recovered_datagrams);
    assert_int_equal(0, info.quarantined);
    expect_exactly(&p, 3);
    end(&p);
    assert_int_equal(0, begin(&p, b, NULL)); /* once */
    state_info(p.state, &info);
    assert_int_equal(0, info.recovered_datagrams);
    expect_exactly(&p, 3);
    end(&p);
}

static void test_kills_and_one_crash_are_forgiven(void **state)
{
    Bench *b = *state;
    Process p;
    leave_a_batch(b);
    for (int i = 0; i < 4; i++)
        assert_int_equal(SIGKILL, ended_by(start(b, is_killed, NULL)));
    assert_int_equal(0, crashes(b));
    assert_int_equal(SIGABRT, ended_by(start(b, aborts, NULL)));
    assert_int_equal(1, crashes(b));
    assert_int_equal(SIGKILL, ended_by(start(b, is_killed, NULL)));
    assert_int_equal(1, crashes(b));
    assert_int_equal(0, begin(&p, b, NULL));
    expect_exactly(&p, 3);
    end(&p);
}

static void print_it(int directory_fd, const char *name)
{
    char text[3 * (sizeof datagram + 8)];
    char expected[sizeof text] = "";
    int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    assert_true(length > 0);
    text[length] = '\0';
    for (int i = 0; i < 3; i++) {
        size_t at = strlen(expected);
        (void)snprintf(expected + at, sizeof expected - at, "%zu\n%s\n", sizeof datagram - 1,
                       datagram);
    }
    assert_string_equal(expected, text);
}

static void test_what_crashes_twice_is_put_aside(void **state)
{
    Bench *b = *state;
    Process p;
    StateInfo info;
    IntakeCounts counts;
    leave_a_batch(b);
    assert_int_equal(SIGSEGV, ended_by(start(b, touches_what_is_not_there, NULL)));
    assert_int_equal(1, crashes(b));
    assert_int_equal(SIGABRT, ended_by(start(b, aborts, NULL)));
    assert_int_equal(REPLAY_CRASHES, crashes(b));
    assert_int_equal(0, fixture_folder_each(&b->folder, "quarantine-", NULL));
    for (int round = 0; round < 2; round++) {
        assert_int_equal(0, begin(&p, b, aborts));
        state_info(p.state, &info);
        assert_int_equal(round == 0 ? 3 : 0, info.quarantined);
        assert_int_equal(0, info.recovered_datagrams);
        pool_counts(p.pool, &counts);
        assert_int_equal(3, counts.datagrams);
        assert_int_equal(3 * (sizeof datagram - 1), counts.bytes);
        assert_int_equal(0, counts.lines);
        assert_int_equal(0, counts.values);
        assert_int_equal(0, registry_count(p.registry, SERIES_COUNTER));
        end(&p);
    }
    assert_int_equal(1, fixture_folder_each(&b->folder, "quarantine-", print_it));
}

/* ---- a stream ---- */

static const char stream[] = "hits:1|c\nhits:2|c\nbad\nhits:4";

static void leave_a_read(const Bench *b)
{
    tcp_send(b->client, stream, sizeof stream - 1);
    assert_int_equal(SIGKILL, ended_by(start(b, NULL, is_killed)));
}

/* Its whole lines, once. It is no datagram, and what began the last line went with the connection. */
static void test_a_read_of_a_stream_is_taken_in(void **state)
{
    Bench *b = *state;
    leave_a_read(b);
    assert_int_equal(SIGKILL, ended_by(start(b, is_killed, NULL)));
    for (int round = 0; round < 2; round++) {
        Process p;
        StateInfo info;
        IntakeCounts counts;
        assert_int_equal(0, begin(&p, b, NULL));
        state_info(p.state, &info);
        assert_int_equal(0, info.recovered_datagrams);
        pool_counts(p.pool, &counts);
        assert_int_equal(0, counts.datagrams);
        assert_int_equal(22, counts.bytes);
        assert_int_equal(3, counts.lines);
        assert_int_equal(2, counts.values);
        assert_int_equal(1, counts.rejected[REJECT_BAD_VALUE]);
        assert_int_equal(3, view_of(&p, SERIES_COUNTER).value.counter.integer);
        RejectRecord record;
        assert_int_equal(round == 0 ? 1 : 0, pool_recent_rejected(p.pool, &record, 1));
        if (round == 0)
            assert_int_equal(TRANSPORT_TCP, record.transport);
        end(&p);
    }
}

static void find_stream(int directory_fd, const char *name)
{
    char text[128];
    char expected[128];
    int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    assert_true(length > 0);
    text[length] = '\0';
    (void)snprintf(expected, sizeof expected, "%zu\n%s\n", sizeof stream - 1, stream);
    assert_string_equal(expected, text);
}

static void test_a_read_that_crashes_is_put_aside(void **state)
{
    Bench *b = *state;
    Process p;
    IntakeCounts counts;
    leave_a_read(b);
    for (int i = 0; i < REPLAY_CRASHES; i++)
        assert_int_equal(SIGABRT, ended_by(start(b, aborts, NULL)));
    assert_int_equal(0, begin(&p, b, aborts));
    pool_counts(p.pool, &counts);
    assert_int_equal(0, counts.datagrams);
    assert_int_equal(sizeof stream - 1, counts.bytes);
    assert_int_equal(0, counts.lines);
    end(&p);
    assert_int_equal(1, fixture_folder_each(&b->folder, "quarantine-", find_stream));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_killed_at_any_moment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_in_hand_is_taken_in, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kills_and_one_crash_are_forgiven, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_crashes_twice_is_put_aside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_read_of_a_stream_is_taken_in, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_read_that_crashes_is_put_aside, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
