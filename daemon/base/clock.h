/* Time, in nanoseconds. Any thread. Code that decides by time takes it as an argument, so that tests
 * need not wait; only the outermost caller asks here. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Since some moment before the start (Linux: boot), never backwards; it stands still in suspend. */
int64_t clock_monotonic_ns(void);

/* Since 1970-01-01T00:00:00Z, leap seconds not counted; jumps when someone sets the clock. */
int64_t clock_realtime_ns(void);

/* Sleeps that long, or less if a signal comes in between. The kernel may add its timer slack, see
 * thread_sleep_exactly(). */
void clock_sleep_ns(int64_t ns);

/* Since the machine started, suspend included. */
int64_t clock_boottime_ns(void);

/* Room for any text below with its closing zero. */
enum {
    CLOCK_TEXT_SIZE = 32
};

/* Writes a time of clock_realtime_ns()'s kind as "2026-01-31T12:00:00.000Z": UTC, milliseconds cut
 * off (towards the past), right for every int64_t, that is from 1677 to 2262. => out */
const char *clock_format_utc(int64_t realtime_ns, char out[static CLOCK_TEXT_SIZE]);

#endif
