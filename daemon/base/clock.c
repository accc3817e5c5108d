#include "base/clock.h"

#include <time.h>

#define NS_PER_SECOND INT64_C(1000000000)

static int64_t read_clock(clockid_t id)
{
    struct timespec now = {0};
    clock_gettime(id, &now); /* cannot fail: these clocks exist and the pointer is good */
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

int64_t clock_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_boottime_ns(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

int64_t clock_realtime_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

void clock_sleep_ns(int64_t ns)
{
    struct timespec time = {.tv_sec = (time_t)(ns / NS_PER_SECOND),
                            .tv_nsec = (long)(ns % NS_PER_SECOND)};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

typedef struct {
    unsigned year;
    unsigned month;
    unsigned day;
} Date;

/* Days since 1970-01-01 as a date: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms",
 * civil_from_days. Years are taken from March to February, so that the leap day comes last, and days
 * from 1600-03-01, so that every int64_t of nanoseconds gives a positive number. */
static Date date_of(int64_t days_since_1970)
{
    unsigned days = (unsigned)(days_since_1970 + 135080);
    unsigned era = days / 146097; /* 400 years */
    unsigned of_era = days % 146097;
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * of_year + 2) / 153; /* 0 is March */
    unsigned day = of_year - (153 * month + 2) / 5 + 1;
    return (Date){
        .year = 1600 + era * 400 + year + (month >= 10),
        .month = month < 10 ? month + 3 : month - 9,
        .day = day,
    };
}

/* Writes `value` in `width` digits and the character behind them. => the place after it */
static char *put(char *at, unsigned value, int width, char behind)
{
    for (int i = width - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    at[width] = behind;
    return at + width + 1;
}

const char *clock_format_utc(int64_t realtime_ns, char out[static CLOCK_TEXT_SIZE])
{
    const int64_t day_ns = 86400 * NS_PER_SECOND;
    int64_t days = realtime_ns / day_ns;
    int64_t of_day = realtime_ns % day_ns;
    if (of_day < 0) { /* C rounds towards zero; a day begins at its earlier end */
        of_day += day_ns;
        days--;
    }
    unsigned ms = (unsigned)(of_day / 1000000);
    Date date = date_of(days);
    char *p = put(out, date.year, 4, '-');
    p = put(p, date.month, 2, '-');
    p = put(p, date.day, 2, 'T');
    p = put(p, ms / 3600000, 2, ':');
    p = put(p, ms / 60000 % 60, 2, ':');
    p = put(p, ms / 1000 % 60, 2, '.');
    p = put(p, ms % 1000, 3, 'Z');
    *p = '\0';
    return out;
}
