#include "base/log.h"

#include "base/thread.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* stderr becomes one end of a pair of sockets that keep the bounds of each write(2): one receive
 * gives what one write gave. */
typedef struct {
    int saved; /* the real stderr */
    int reader;
} Capture;

static int begin_capture(void **state)
{
    static Capture capture;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0)
        return -1;
    capture.saved = dup(STDERR_FILENO);
    capture.reader = ends[0];
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    unsetenv("JOURNAL_STREAM");
    log_init();
    log_set_level(LOG_LEVEL_INFO);
    *state = &capture;
    return 0;
}

static int end_capture(void **state)
{
    Capture *capture = *state;
    dup2(capture->saved, STDERR_FILENO);
    close(capture->saved);
    close(capture->reader);
    return 0;
}

/* => the length of the next write, 0 if there is none */
static size_t next_write(const Capture *capture, char *out, size_t size)
{
    ssize_t got = recv(capture->reader, out, size - 1, MSG_DONTWAIT);
    out[got > 0 ? got : 0] = '\0';
    return got > 0 ? (size_t)got : 0;
}

enum {
    HEAD = sizeof "2026-01-31T12:00:00.000Z warning " - 1
};

/* The next line, without the time, of which only the form is known. */
static void expect_line(const Capture *capture, const char *expected)
{
    char line[2048];
    size_t length = next_write(capture, line, sizeof line);
    if (length < HEAD || line[4] != '-' || line[10] != 'T' || line[19] != '.' || line[23] != 'Z')
        fail_msg("expected a time and \"%s\", got \"%s\"", expected, line);
    assert_string_equal(expected, line + sizeof "2026-01-31T12:00:00.000Z");
}

static void test_plain(void **state)
{
    const Capture *capture = *state;
    log_error("ingest", "cannot bind %s: %d", "127.0.0.1:1", 13);
    expect_line(capture, "error   ingest: cannot bind 127.0.0.1:1: 13\n");
    log_warning("http", "w");
    expect_line(capture, "warning http: w\n");
    log_notice("app", "n");
    expect_line(capture, "notice  app: n\n");
    log_info("app", "%s", "");
    expect_line(capture, "info    app: \n");
    errno = ENOENT;
    log_info("app", "e");
    assert_int_equal(errno, ENOENT);
    expect_line(capture, "info    app: e\n");
}

static void test_levels(void **state)
{
    const Capture *capture = *state;
    char line[2048];
    for (LogLevel limit = LOG_LEVEL_ERROR; limit <= LOG_LEVEL_DEBUG; limit++) {
        log_set_level(limit);
        for (LogLevel level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
            log_write(level, "t", "x");
            bool written = next_write(capture, line, sizeof line) > 0;
            if (written != (level <= limit))
                fail_msg("level %s at limit %s: expected %d lines, got %d", log_level_name(level),
                         log_level_name(limit), level <= limit, written);
        }
    }
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("t", "deep");
    expect_line(capture, "debug   t: deep\n");
}

static void test_level_names(void **state)
{
    (void)state;
    static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
    for (int i = 0; i < 5; i++) {
        LogLevel level = (LogLevel)77;
        assert_int_equal(log_level_parse(names[i], &level), 0);
        assert_int_equal(level, i);
        assert_string_equal(names[i], log_level_name(level));
    }
    static const char *const bad[] = {"", "Error", "errors", "warn", " info", "6"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        LogLevel level = (LogLevel)77;
        assert_int_equal(log_level_parse(bad[i], &level), -EINVAL);
        assert_int_equal(level, 77);
    }
    assert_string_equal("unknown", log_level_name((LogLevel)77));
}

static void test_nobody_forges_lines(void **state)
{
    const Capture *capture = *state;
    log_warning("ingest", "bad \"%s\"", "x\n<0>kernel: panic\r\x1b[2J\xff\\");
    expect_line(capture, "warning ingest: bad \"x\\x0a<0>kernel: panic\\x0d\\x1b[2J\\xff\\\\\"\n");
    log_warning("a\nb", "x");
    expect_line(capture, "warning a\\x0ab: x\n");
    log_warning("ingest", "Gr\xc3\xb6\xc3\x9f"
                          "e\xc2\x85");
    expect_line(capture, "warning ingest: Gr\xc3\xb6\xc3\x9f"
                         "e\\xc2\\x85\n");
}

/* Around the limit at every length; no line is longer, and the cut goes through no character. */
static void test_long_lines(void **state)
{
    const Capture *capture = *state;
    static const char *const pieces[] = {"x", "\n", "\xc3\xb6", "\xe2\x82\xac"};
    static const size_t printed[] = {1, 4, 2, 3};
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++)
        for (size_t count = LOG_LINE_SIZE / printed[p] - 100;
             count < LOG_LINE_SIZE / printed[p] + 100; count++) {
            char text[4 * LOG_LINE_SIZE] = "";
            char line[2 * LOG_LINE_SIZE];
            for (size_t i = 0; i < count; i++)
                strcpy(text + i * strlen(pieces[p]), pieces[p]);
            log_info("t", "%s", text);
            size_t got = next_write(capture, line, sizeof line);
            size_t whole = HEAD + 3; /* "t: " */
            size_t fitting = (LOG_LINE_SIZE - 1 - whole) / printed[p];
            size_t expected = whole + (count < fitting ? count : fitting) * printed[p] + 1;
            if (got != expected || line[got - 1] != '\n')
                fail_msg("%zu pieces of kind %zu: expected %zu bytes, got %zu", count, p, expected,
                         got);
        }
    char subsystem[2 * LOG_LINE_SIZE];
    char line[2 * LOG_LINE_SIZE];
    memset(subsystem, 's', sizeof subsystem - 1);
    subsystem[sizeof subsystem - 1] = '\0';
    log_info(subsystem, "x");
    assert_int_equal(next_write(capture, line, sizeof line), LOG_LINE_SIZE);
}

static void test_journal(void **state)
{
    const Capture *capture = *state;
    struct stat is;
    char stream[64];
    char line[2048];
    assert_int_equal(fstat(STDERR_FILENO, &is), 0);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)is.st_dev, (uintmax_t)is.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_init();
    log_set_level(LOG_LEVEL_DEBUG);
    static const char *const expected[] = {"<3>a: b\n", "<4>a: b\n", "<5>a: b\n", "<6>a: b\n",
                                           "<7>a: b\n"};
    for (LogLevel level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
        log_write(level, "a", "%c", 'b');
        next_write(capture, line, sizeof line);
        assert_string_equal(expected[level], line);
    }
    /* Not this stderr: whoever started us has turned it elsewhere. */
    static const char *const others[] = {"", ":", "1:2", "x"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        setenv("JOURNAL_STREAM", others[i], 1);
        log_init();
        log_info("a", "b");
        expect_line(capture, "info    a: b\n");
    }
    unsetenv("JOURNAL_STREAM");
}

static void test_stderr_closed(void **state)
{
    (void)state;
    int kept = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    errno = ERANGE;
    log_error("a", "b");
    int after = errno;
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_int_equal(after, ERANGE);
}

enum {
    WRITERS = 4,
    LINES = 200
};

static void *write_lines(void *argument)
{
    const int *number = argument;
    for (int i = 0; i < LINES; i++)
        log_info("stress", "thread %d line %d", *number, i);
    return NULL;
}

static void test_threads(void **state)
{
    const Capture *capture = *state;
    Thread threads[WRITERS] = {{0}};
    int numbers[WRITERS];
    int next[WRITERS] = {0};
    for (int i = 0; i < WRITERS; i++) {
        numbers[i] = i;
        assert_int_equal(thread_start(&threads[i], "writer", write_lines, &numbers[i]), 0);
    }
    for (int i = 0; i < WRITERS * LINES; i++) {
        char line[2048];
        int thread;
        int number;
        ssize_t got = recv(capture->reader, line, sizeof line - 1, 0);
        assert_true(got > HEAD);
        line[got] = '\0';
        if (sscanf(line + HEAD, "stress: thread %d line %d\n", &thread, &number) != 2 ||
            thread < 0 || thread >= WRITERS || next[thread] != number)
            fail_msg("expected whole lines in each thread's order, got \"%s\"", line);
        next[thread]++;
    }
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(thread_join(&threads[i]), 0);
}

static void test_limiter(void **state)
{
    (void)state;
    LogLimiter limiter = {0};
    uint64_t suppressed = 77;
    assert_true(log_limiter_pass(&limiter, 1000, 60, &suppressed));
    assert_int_equal(suppressed, 0);
    suppressed = 77;
    for (int64_t now = 1000; now < 1060; now++)
        assert_false(log_limiter_pass(&limiter, now, 60, &suppressed));
    assert_int_equal(suppressed, 77);
    assert_true(log_limiter_pass(&limiter, 1060, 60, &suppressed));
    assert_int_equal(suppressed, 60);
    assert_true(log_limiter_pass(&limiter, 5000, 60, &suppressed));
    assert_int_equal(suppressed, 0);
}

typedef struct {
    LogLimiter *limiter;
    uint64_t passed;
    uint64_t suppressed;
} Caller;

static void *call_limiter(void *argument)
{
    Caller *caller = argument;
    for (int64_t now = 1; now <= 100000; now++) {
        uint64_t suppressed;
        if (log_limiter_pass(caller->limiter, now, 10, &suppressed)) {
            caller->passed++;
            caller->suppressed += suppressed;
        }
    }
    return NULL;
}

/* Every event is either passed or told of by a later one. */
static void test_limiter_threads(void **state)
{
    (void)state;
    LogLimiter limiter = {0};
    Thread threads[WRITERS] = {{0}};
    Caller callers[WRITERS];
    memset(callers, 0, sizeof callers);
    for (int i = 0; i < WRITERS; i++) {
        callers[i].limiter = &limiter;
        assert_int_equal(thread_start(&threads[i], "caller", call_limiter, &callers[i]), 0);
    }
    uint64_t passed = 1;
    uint64_t told = 0;
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(thread_join(&threads[i]), 0);
        passed += callers[i].passed;
        told += callers[i].suppressed;
    }
    uint64_t last;
    assert_true(log_limiter_pass(&limiter, 1000000, 10, &last));
    assert_int_equal(passed + told + last, WRITERS * 100000 + 1);
    assert_in_range(passed, 2, 10001);
}

int main(void)
{
#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, begin_capture, end_capture)
    const struct CMUnitTest tests[] = {
        CAPTURED(test_plain),
        CAPTURED(test_levels),
        cmocka_unit_test(test_level_names),
        CAPTURED(test_nobody_forges_lines),
        CAPTURED(test_long_lines),
        CAPTURED(test_journal),
        CAPTURED(test_stderr_closed),
        CAPTURED(test_threads),
        cmocka_unit_test(test_limiter),
        cmocka_unit_test(test_limiter_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
