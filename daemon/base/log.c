#include "base/log.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Both are read at each line and written at start or reload. All accesses are relaxed: a setting
 * publishes nothing but itself, and a line that races with its change may go either way. */
static _Atomic int level_limit = LOG_LEVEL_INFO;
static _Atomic bool for_journal = false;

static const struct {
    const char *name;
    char priority; /* syslog's number: <syslog.h>, LOG_ERR to LOG_DEBUG */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", '3'},   [LOG_LEVEL_WARNING] = {"warning", '4'},
    [LOG_LEVEL_NOTICE] = {"notice", '5'}, [LOG_LEVEL_INFO] = {"info", '6'},
    [LOG_LEVEL_DEBUG] = {"debug", '7'},
};

enum {
    LEVELS = sizeof levels / sizeof *levels
};

/* Whether JOURNAL_STREAM names what stderr is. The variable alone proves nothing: it is inherited by
 * those whose stderr has been turned elsewhere since. */
static bool stderr_is_journal(void)
{
    const char *named =
        getenv("JOURNAL_STREAM"); /* NOLINT(concurrency-mt-unsafe): see log_init() */
    struct stat is;
    if (!named || fstat(STDERR_FILENO, &is) != 0)
        return false;
    char text[64];
    snprintf(text, sizeof text, "%ju:%ju", (uintmax_t)is.st_dev, (uintmax_t)is.st_ino);
    return strcmp(text, named) == 0;
}

void log_init(void)
{
    /* relaxed: see for_journal */
    atomic_store_explicit(&for_journal, stderr_is_journal(), memory_order_relaxed);
}

void log_set_level(LogLevel level)
{
    /* relaxed: see level_limit */
    atomic_store_explicit(&level_limit, (int)level, memory_order_relaxed);
}

int log_level_parse(const char *name, LogLevel *out)
{
    for (int i = 0; i < LEVELS; i++)
        if (strcmp(levels[i].name, name) == 0) {
            *out = (LogLevel)i;
            return 0;
        }
    return -EINVAL;
}

const char *log_level_name(LogLevel level)
{
    return (unsigned)level < LEVELS ? levels[level].name : "unknown";
}

/* A line in the making; `used` stays below LOG_LINE_SIZE, so that the newline always has room. */
typedef struct {
    char bytes[LOG_LINE_SIZE];
    size_t used;
} Line;

static void put_escaped(Line *line, const char *text, size_t length)
{
    line->used += utf8_escape(text, length, line->bytes + line->used, LOG_LINE_SIZE - line->used);
}

/* What stands before the text: priority, or time and level; and the subsystem. */
static void put_head(Line *line, LogLevel level, const char *subsystem)
{
    char time[CLOCK_TEXT_SIZE];
    int length;
    /* relaxed: see for_journal */
    if (atomic_load_explicit(&for_journal, memory_order_relaxed))
        length = snprintf(line->bytes, LOG_LINE_SIZE, "<%c>", levels[level].priority);
    else
        length = snprintf(line->bytes, LOG_LINE_SIZE, "%s %-7s ",
                          clock_format_utc(clock_realtime_ns(), time), levels[level].name);
    line->used = (size_t)length;
    put_escaped(line, subsystem, strlen(subsystem));
    put_escaped(line, ": ", 2);
}

void log_write(LogLevel level, const char *subsystem, const char *format, ...)
{
    /* relaxed: see level_limit */
    if ((int)level > atomic_load_explicit(&level_limit, memory_order_relaxed) ||
        (unsigned)level >= LEVELS)
        return;
    int saved_errno = errno;
    Line line;
    put_head(&line, level, subsystem);

    /* As long as a line: escaping never shortens and the head needs room, so if the text is cut
     * within a character here, the line is full before that place. */
    char text[LOG_LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0) /* a conversion failed */
        length = snprintf(text, sizeof text, "(text lost: bad format)");
    put_escaped(&line, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);

    line.bytes[line.used++] = '\n'; /* in place of the closing zero */
    ssize_t written;
    do
        written = write(STDERR_FILENO, line.bytes, line.used);
    while (written < 0 && errno == EINTR);
    errno = saved_errno;
}

bool log_limiter_pass(LogLimiter *limiter, int64_t now_ns, int64_t interval_ns,
                      uint64_t *suppressed)
{
    /* All relaxed: the two are independent numbers that publish nothing. That only one thread passes
     * is the doing of the compare-and-swap's atomicity, not of any order. */
    int64_t next = atomic_load_explicit(&limiter->next_ns, memory_order_relaxed);
    if (now_ns >= next &&
        atomic_compare_exchange_strong_explicit(&limiter->next_ns, &next, now_ns + interval_ns,
                                                memory_order_relaxed, memory_order_relaxed)) {
        *suppressed =
            atomic_exchange_explicit(&limiter->suppressed, UINT64_C(0), memory_order_relaxed);
        return true;
    }
    /* relaxed: an independent count */
    atomic_fetch_add_explicit(&limiter->suppressed, 1, memory_order_relaxed);
    return false;
}
