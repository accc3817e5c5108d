/* A line on a terminal that says how far something is. One thread at a time. */
#ifndef CLI_METER_H
#define CLI_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    METER_TEXT_SIZE = 160
};

typedef struct {
    int fd; /* -1: there is nobody to look at it */
    int64_t started_ns;
    int64_t shown_ns;
    bool shown;
} Meter;

/* Draws on `fd` if that is a terminal. `now_ns`: clock_monotonic_ns(), as below. */
void meter_init(Meter *meter, int fd, int64_t now_ns);

/* Draws at most ten times a second. `total` 0: unknown. */
void meter_show(Meter *meter, int64_t done, int64_t total, const char *unit, int64_t now_ns);

/* Takes the line away. */
void meter_clear(Meter *meter);

/* "[=====>    ] 50% 500/1000 lines, 250/s, 0:02 left"; without a total "500 lines, 250/s", in at most
 * `columns` columns. Pure. => out */
const char *meter_format(char out[static METER_TEXT_SIZE], int64_t done, int64_t total,
                         const char *unit, double elapsed_s, size_t columns);

/* "0:07", "12:05", "3:02:11", "4 d 03 h"; "-" for what is no time. => out */
const char *meter_time(char *out, size_t size, double seconds);

#endif
