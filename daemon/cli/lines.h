/* Lines from a pipe, without a copy, and knowing when nothing more is there for now. One thread. */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>

enum {
    LINES_BUFFER = 1 << 17 /* a line of this many bytes is too long */
};

typedef enum {
    LINES_LINE,     /* here is one, without "\n" */
    LINES_TOO_LONG, /* the next one is longer than the buffer; it is passed over */
    LINES_IDLE,     /* nothing has come for the time that was given */
    LINES_END,      /* there is no more */
    LINES_FAILED    /* errno says why */
} LinesEvent;

typedef struct {
    int fd;
    size_t from, to; /* what has been read and not given out */
    size_t searched; /* from `from` on: so far there is no line break */
    bool skipping;   /* the rest of a line that is too long */
    bool ended;
    char data[LINES_BUFFER];
} Lines;

void lines_init(Lines *lines, int fd);

/* Waits for the next line, `idle_ms` at most (-1: for ever). The line stays valid until the next call. A
 * last line without its line break is a line. */
LinesEvent lines_next(Lines *lines, int idle_ms, const char **line, size_t *length);

#endif
