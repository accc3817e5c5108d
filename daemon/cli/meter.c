#include "cli/meter.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/terminal.h"

static const int64_t redraw_ns = 100000000;

enum {
    BAR_COLUMNS = 24
};

void meter_init(Meter *meter, int fd, int64_t now_ns)
{
    *meter = (Meter){.fd = isatty(fd) ? fd : -1, .started_ns = now_ns, .shown_ns = now_ns};
}

const char *meter_time(char *out, size_t size, double seconds)
{
    if (!(seconds >= 0) || seconds > 1e10) {
        (void)snprintf(out, size, "-");
        return out;
    }
    int64_t whole = (int64_t)ceil(seconds);
    int64_t hours = whole / 3600;
    if (hours >= 48)
        (void)snprintf(out, size, "%" PRId64 " d %02" PRId64 " h", hours / 24, hours % 24);
    else if (hours > 0)
        (void)snprintf(out, size, "%" PRId64 ":%02" PRId64 ":%02" PRId64, hours, whole / 60 % 60,
                       whole % 60);
    else
        (void)snprintf(out, size, "%" PRId64 ":%02" PRId64, whole / 60, whole % 60);
    return out;
}

const char *meter_format(char out[static METER_TEXT_SIZE], int64_t done, int64_t total,
                         const char *unit, double elapsed_s, size_t columns)
{
    char left[32];
    char bar[BAR_COLUMNS + 1];
    double rate = elapsed_s > 0 ? (double)done / elapsed_s : 0;
    if (total <= 0) {
        (void)snprintf(out, METER_TEXT_SIZE, "%" PRId64 " %s, %.0f/s", done, unit, rate);
    } else {
        double fraction = done >= total ? 1 : (double)done / (double)total;
        meter_time(left, sizeof left, rate > 0 ? (double)(total - done) / rate : -1);
        size_t full = (size_t)(fraction * BAR_COLUMNS);
        memset(bar, ' ', BAR_COLUMNS);
        memset(bar, '=', full);
        bar[BAR_COLUMNS] = '\0';
        (void)snprintf(out, METER_TEXT_SIZE,
                       "[%s] %3.0f%% %" PRId64 "/%" PRId64 " %s, %.0f/s, %s left", bar,
                       floor(fraction * 100), done, total, unit, rate, left);
    }
    if (strlen(out) > columns)
        out[columns] = '\0';
    return out;
}

void meter_show(Meter *meter, int64_t done, int64_t total, const char *unit, int64_t now_ns)
{
    if (meter->fd < 0 || now_ns - meter->shown_ns < redraw_ns)
        return;
    char text[METER_TEXT_SIZE];
    TerminalSize size = terminal_size(meter->fd);
    meter_format(text, done, total, unit, (double)(now_ns - meter->started_ns) / 1e9,
                 size.columns - 1);
    (void)dprintf(meter->fd, "\r%s\033[K", text);
    meter->shown_ns = now_ns;
    meter->shown = true;
}

void meter_clear(Meter *meter)
{
    if (meter->shown)
        (void)dprintf(meter->fd, "\r\033[K");
    meter->shown = false;
}
