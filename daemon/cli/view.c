#include "cli/view.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "cli/meter.h"
#include "cli/table.h"
#include "cli/text.h"

enum {
    ROWS_AROUND = 3, /* title, blank, keys */
    BAR = 20,
    LINE = 1024
};

/* The series of one kind. */
typedef struct {
    const ReadingSeries *series;
    size_t count;
} Group;

static Group group_of(const Reading *reading, ReadingKind kind)
{
    size_t from = 0;
    while (from < reading->count && reading->series[from].kind != kind)
        from++;
    size_t to = from;
    while (to < reading->count && reading->series[to].kind == kind)
        to++;
    return (Group){reading->series + from, to - from};
}

size_t view_lines(const Reading *reading)
{
    size_t lines = 0;
    for (int kind = 0; kind < READING_KINDS; kind++) {
        size_t count = group_of(reading, (ReadingKind)kind).count;
        if (count > 0)
            lines += count + 1 + (lines > 0);
    }
    return lines;
}

size_t view_room(TerminalSize size)
{
    return size.rows > ROWS_AROUND ? size.rows - ROWS_AROUND : 0;
}

size_t view_clamp(const Reading *reading, size_t first, TerminalSize size)
{
    size_t lines = view_lines(reading);
    size_t room = view_room(size);
    size_t last = lines > room ? lines - room : 0;
    return first < last ? first : last;
}

/* Series keep their order, and only those that have expired leave it: an older place is never before the
 * new one. */
static const ReadingSeries *find_before(const Group *before, size_t at, const char *id)
{
    for (; at < before->count; at++) {
        if (strcmp(before->series[at].id, id) == 0)
            return &before->series[at];
    }
    return NULL;
}

static void put_rate(const View *view, double now, double before, char *out)
{
    double elapsed_s = view->now->uptime_s - view->before->uptime_s;
    double rate = elapsed_s > 0 ? (now - before) / elapsed_s : (double)NAN;
    if (isfinite(rate))
        (void)snprintf(out, TABLE_CELL_SIZE, "%.4g", rate);
    else
        (void)snprintf(out, TABLE_CELL_SIZE, "-");
}

static void put_bar(double fraction, char *out)
{
    char bar[BAR + 1];
    double part = fraction >= 1 ? 1 : fraction > 0 ? fraction : 0;
    memset(bar, ' ', BAR);
    memset(bar, '=', (size_t)(part * BAR));
    bar[BAR] = '\0';
    (void)snprintf(out, TABLE_CELL_SIZE, isnan(fraction) ? "-" : "[%s]", bar);
}

/* The table's cells, and behind them what moves: a rate, or a bar. */
static void row_cells(const View *view, const Group *before, const ReadingSeries *series, size_t at,
                      TableCells *cells)
{
    table_cells(series, cells);
    if (series->kind == READING_PROGRESS)
        put_bar(reading_number(series->field[2]), cells->text[cells->count++]);
    if (series->kind != READING_STATS && series->kind != READING_COUNTERS)
        return;
    const ReadingSeries *old = find_before(before, at, series->id);
    put_rate(view, reading_number(series->field[0]),
             old != NULL ? reading_number(old->field[0]) : (double)NAN,
             cells->text[cells->count++]);
}

static void head_cells(ReadingKind kind, TableCells *cells)
{
    table_head(kind, cells);
    if (kind == READING_STATS || kind == READING_COUNTERS)
        (void)snprintf(cells->text[cells->count++], TABLE_CELL_SIZE, "PER SECOND");
    if (kind == READING_PROGRESS)
        (void)snprintf(cells->text[cells->count++], TABLE_CELL_SIZE, "%*s", BAR + 2, "");
}

static void title_of(ReadingKind kind, char out[static 16])
{
    const char *name = reading_kind_name(kind);
    size_t length = 0;
    for (; length < 15 && name[length] != '\0'; length++)
        out[length] = (char)toupper(name[length]);
    out[length] = '\0';
}

static void end_line(FILE *file)
{
    (void)fputs("\033[K\r\n", file);
}

/* Draws lines [from, to) of a group, where 0 is its head. */
static void draw_group(FILE *file, const View *view, ReadingKind kind, Group group, size_t from,
                       size_t to, size_t columns)
{
    char title[16];
    TableWidths widths = {0};
    TableCells cells;
    Group before = group_of(view->before, kind);
    title_of(kind, title);
    head_cells(kind, &cells);
    table_fit(&widths, title, &cells);
    for (size_t i = from; i < to; i++) {
        if (i == 0)
            continue;
        row_cells(view, &before, &group.series[i - 1], i - 1, &cells);
        table_fit(&widths, group.series[i - 1].id, &cells);
    }
    table_limit(&widths, columns);
    for (size_t i = from; i < to; i++) {
        if (i == 0) {
            head_cells(kind, &cells);
            (void)fputs("\033[1m", file);
            table_row(file, &widths, title, &cells);
            (void)fputs("\033[0m", file);
        } else {
            row_cells(view, &before, &group.series[i - 1], i - 1, &cells);
            table_row(file, &widths, group.series[i - 1].id, &cells);
        }
        end_line(file);
    }
}

/* => how many lines it has drawn. */
static size_t draw_list(FILE *file, const View *view, size_t room, size_t columns)
{
    size_t line = 0; /* of the list, where the group begins */
    size_t drawn = 0;
    for (int kind = 0; kind < READING_KINDS && drawn < room; kind++) {
        Group group = group_of(view->now, (ReadingKind)kind);
        if (group.count == 0)
            continue;
        if (line > 0) {
            if (line >= view->first) {
                end_line(file);
                drawn++;
            }
            line++;
        }
        size_t lines = group.count + 1;
        size_t from = view->first > line ? view->first - line : 0;
        size_t to = from + (room - drawn) < lines ? from + (room - drawn) : lines;
        if (from < to) {
            draw_group(file, view, (ReadingKind)kind, group, from, to, columns);
            drawn += to - from;
        }
        line += lines;
    }
    return drawn;
}

static void draw_title(FILE *file, const View *view, size_t columns)
{
    char text[LINE];
    char up[32];
    char rate[TABLE_CELL_SIZE];
    const Reading *now = view->now;
    put_rate(view, (double)now->values,
             view->before->uptime_s > 0 ? (double)view->before->values : (double)NAN, rate);
    if (now->uptime_s > 0)
        (void)snprintf(text, sizeof text,
                       "%s  up %s  %" PRId64 " values, %s/s  dropped %" PRId64 "  refused %" PRId64,
                       view->where, meter_time(up, sizeof up, now->uptime_s), now->values, rate,
                       now->dropped, now->rejected);
    else
        (void)snprintf(text, sizeof text, "%s", view->where);
    (void)fputs("\033[7m", file);
    (void)text_print(file, text, columns);
    (void)fputs("\033[0m", file);
}

static void draw_keys(FILE *file, const View *view, size_t room, size_t columns)
{
    char text[LINE];
    size_t lines = view_lines(view->now);
    size_t last = view->first + room < lines ? view->first + room : lines;
    if (lines > room)
        (void)snprintf(text, sizeof text,
                       "q quits  arrows, PgUp, PgDn scroll  lines %zu to %zu of %zu",
                       view->first + 1, last, lines);
    else
        (void)snprintf(text, sizeof text, "q quits");
    (void)text_print(file, text, columns);
    (void)fputs("\033[K", file);
}

void view_draw(FILE *file, const View *view, TerminalSize size)
{
    size_t room = view_room(size);
    (void)fputs("\033[H", file);
    draw_title(file, view, size.columns);
    (void)fputs("\033[K", file);
    if (size.rows < 2)
        return;
    (void)fputs("\r\n", file);
    if (size.rows > 2) {
        if (view->trouble != NULL)
            (void)text_print(file, view->trouble, size.columns);
        end_line(file);
    }
    size_t drawn = draw_list(file, view, room, size.columns);
    if (drawn == 0 && room > 0) {
        (void)text_print(file, view->now->uptime_s > 0 ? "no series" : "", size.columns);
        end_line(file);
        drawn++;
    }
    for (; drawn < room; drawn++)
        end_line(file);
    draw_keys(file, view, room, size.columns);
}
