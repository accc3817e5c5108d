/* What `watch` shows: two readings as one frame of text. Pure. */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include <stdio.h>

#include "cli/reading.h"
#include "cli/terminal.h"

typedef struct {
    const Reading *before; /* for the rates; may be empty */
    const Reading *now;    /* may be empty: there was no answer yet */
    const char *where;     /* the daemon's address */
    const char *trouble;   /* why there is no newer reading; NULL: there is none */
    size_t first;          /* the line of the list that stands at the top */
} View;

/* => the lines of the list: a head for each kind, its series, and a blank line between two kinds. */
size_t view_lines(const Reading *reading);

/* => how many of them a terminal of that size shows. */
size_t view_room(TerminalSize size);

/* => `first`, or the last line at which the list still fills the screen. */
size_t view_clamp(const Reading *reading, size_t first, TerminalSize size);

/* Writes a frame: as many lines as there are rows, none wider than the columns. */
void view_draw(FILE *file, const View *view, TerminalSize size);

#endif
