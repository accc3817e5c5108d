#include "cli/table.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "cli/meter.h"
#include "cli/text.h"

enum {
    GAP = 2,          /* columns between two cells */
    LONG_NUMBER = 12, /* characters: a fraction this long is rounded */
    TIME_SIZE = 32
};

static const char *const heads[READING_KINDS][TABLE_CELLS] = {
    [READING_STATS] = {"COUNT", "SUM", "MEAN", "MIN", "MAX", "STDDEV"},
    [READING_COUNTERS] = {"VALUE"},
    [READING_GAUGES] = {"VALUE"},
    [READING_SETS] = {"DIFFERENT"},
    [READING_FLAGS] = {"STATE"},
    [READING_PROGRESS] = {"DONE", "TOTAL", "PART", "RATE/S", "LEFT"},
};

static void put(TableCells *cells, const char *text)
{
    (void)snprintf(cells->text[cells->count++], TABLE_CELL_SIZE, "%s", text);
}

void table_head(ReadingKind kind, TableCells *out)
{
    out->count = 0;
    for (size_t i = 0; i < TABLE_CELLS && heads[kind][i] != NULL; i++)
        put(out, heads[kind][i]);
}

const char *table_number(const char *text, char out[static TABLE_CELL_SIZE])
{
    double number = reading_number(text);
    bool fraction = text != NULL && strpbrk(text, ".eE") != NULL;
    if (text == NULL || isnan(number)) /* no number: not a byte of it reaches the terminal */
        (void)snprintf(out, TABLE_CELL_SIZE, "-");
    else if (strlen(text) >= TABLE_CELL_SIZE || (fraction && strlen(text) >= LONG_NUMBER))
        (void)snprintf(out, TABLE_CELL_SIZE, "%.6g", number);
    else
        (void)snprintf(out, TABLE_CELL_SIZE, "%s", text);
    return out;
}

static void put_progress(const ReadingSeries *series, TableCells *out)
{
    char text[TABLE_CELL_SIZE];
    double fraction = reading_number(series->field[2]);
    put(out, table_number(series->field[0], text));
    put(out, table_number(series->field[1], text));
    if (isnan(fraction))
        (void)snprintf(text, sizeof text, "-");
    else
        (void)snprintf(text, sizeof text, "%.0f%%", floor(fraction * 100));
    put(out, text);
    double rate = reading_number(series->field[3]);
    if (isnan(rate))
        (void)snprintf(text, sizeof text, "-");
    else
        (void)snprintf(text, sizeof text, "%.4g", rate);
    put(out, text);
    put(out, meter_time(text, TIME_SIZE, reading_number(series->field[4])));
}

void table_cells(const ReadingSeries *series, TableCells *out)
{
    char text[TABLE_CELL_SIZE];
    const char *state = series->field[0];
    out->count = 0;
    switch (series->kind) {
    case READING_PROGRESS:
        put_progress(series, out);
        break;
    case READING_FLAGS:
        put(out, state == NULL ? "-" : strcmp(state, "true") == 0 ? "on" : "off");
        break;
    default:
        for (size_t i = 0; i < READING_FIELDS && heads[series->kind][i] != NULL; i++)
            put(out, table_number(series->field[i], text));
        break;
    }
}

static void widen(size_t *width, size_t wanted)
{
    if (wanted > *width)
        *width = wanted;
}

void table_fit(TableWidths *widths, const char *name, const TableCells *cells)
{
    widen(&widths->name, text_print(NULL, name, TABLE_ANY_WIDTH));
    widen(&widths->count, cells->count);
    for (size_t i = 0; i < cells->count; i++)
        widen(&widths->cell[i], strlen(cells->text[i]));
}

void table_limit(TableWidths *widths, size_t columns)
{
    size_t cells = 0;
    for (size_t i = 0; i < widths->count; i++)
        cells += GAP + widths->cell[i];
    size_t least = widths->name < TABLE_NAME_LEAST ? widths->name : TABLE_NAME_LEAST;
    while (widths->count > 0 && least + cells > columns)
        cells -= GAP + widths->cell[--widths->count];
    if (widths->name + cells > columns)
        widths->name = columns - cells;
}

void table_row(FILE *file, const TableWidths *widths, const char *name, const TableCells *cells)
{
    size_t used = text_print(file, name, widths->name);
    for (size_t i = 0; i < widths->count && i < cells->count; i++) {
        int room = (int)(widths->name - used + GAP + widths->cell[i]);
        (void)fprintf(file, "%*s", room, cells->text[i]);
        used = widths->name;
    }
}
