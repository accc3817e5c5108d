/* The log: lines on stderr, for people and for journald.
 *
 * One event is one line and one write(2), so lines of several threads never mix. Whatever the text
 * holds, it cannot begin a line of its own: control characters and bytes that are not UTF-8 come out
 * as \xNN, a backslash as two. A line is cut at LOG_LINE_SIZE bytes. errno is left as it was; a line
 * that cannot be written (stderr closed, or full and not blocking) is lost.
 *
 *     2026-01-31T12:00:00.000Z warning ingest: text      on a terminal or in a file
 *     <4>ingest: text                                    where journald reads: it keeps the time
 *
 * Any thread. The two settings below are all the mutable state at file scope in the daemon. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    LOG_LINE_SIZE = 4096 /* bytes, with the newline: what a pipe takes whole */
};

/* The more important, the smaller. */
typedef enum {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG
} LogLevel;

/* Decides the format: with priorities if the environment's JOURNAL_STREAM names stderr's device and
 * inode, as systemd.exec(5) has it. Call it once, before there are threads; until then it is the
 * plain one. */
void log_init(void);

/* Lines less important than `level` are dropped from now on. At first: LOG_LEVEL_INFO. */
void log_set_level(LogLevel level);

/* "error", "warning", "notice", "info", "debug" => 0; -EINVAL, and *out untouched, for other names */
int log_level_parse(const char *name, LogLevel *out);

/* The name that log_level_parse() reads; never NULL. */
const char *log_level_name(LogLevel level);

/* Writes "subsystem: text". The format and its arguments are printf's. */
__attribute__((format(printf, 3, 4))) void log_write(LogLevel level, const char *subsystem,
                                                     const char *format, ...);

/* (const char *subsystem, const char *format, ...) */
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Lets through one event in each interval and counts the rest, for causes that a sender can repeat at
 * will; one limiter per cause. A zeroed one is ready. Its members are for log_limiter_pass() only. */
typedef struct {
    _Atomic int64_t next_ns;     /* none passes before */
    _Atomic uint64_t suppressed; /* since the last one that passed */
} LogLimiter;

/* Whether this event, at now_ns of clock_monotonic_ns(), shall be logged. If so, the next one passes
 * interval_ns later at the earliest, and *suppressed is the number of events held back before this
 * one; else *suppressed is untouched. Any thread, wait-free. Of events at the same moment in several
 * threads one passes; one held back then may count for the next interval. */
bool log_limiter_pass(LogLimiter *limiter, int64_t now_ns, int64_t interval_ns,
                      uint64_t *suppressed);

#endif
