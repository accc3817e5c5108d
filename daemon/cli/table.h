/* Rows of a name and some numbers, aligned. One thread at a time for a FILE. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "cli/reading.h"

enum {
    TABLE_CELLS = 8,
    TABLE_CELL_SIZE = 40,
    TABLE_NAME_LEAST = 12, /* columns of a name that is cut */
    TABLE_ANY_WIDTH = 1 << 20
};

typedef struct {
    size_t count;
    char text[TABLE_CELLS][TABLE_CELL_SIZE];
} TableCells;

typedef struct {
    size_t name;
    size_t count;
    size_t cell[TABLE_CELLS];
} TableWidths;

/* What stands above a kind's columns. */
void table_head(ReadingKind kind, TableCells *out);

/* A series' numbers, as people read them: whole ones with every digit, others with six at most where they
 * are long; "-" for what is not known. */
void table_cells(const ReadingSeries *series, TableCells *out);

/* A number's text as it stands in a cell. => out */
const char *table_number(const char *text, char out[static TABLE_CELL_SIZE]);

/* Makes the columns wide enough for this row. */
void table_fit(TableWidths *widths, const char *name, const TableCells *cells);

/* Makes a row no wider than `columns`: names are cut, down to TABLE_NAME_LEAST; then the last columns go. */
void table_limit(TableWidths *widths, size_t columns);

/* Prints a row without a line break, names at the left, numbers at the right. */
void table_row(FILE *file, const TableWidths *widths, const char *name, const TableCells *cells);

#endif
