/* A stream's text, taken apart into whole lines: what each read has brought, behind the beginning of a line
 * that the reads before have left. The result does not depend on where the reads cut the stream.
 *
 * A line longer than STREAM_LINE_MAX bytes (without its newline) is told once, at its beginning, and what
 * comes up to its newline is skipped: so nobody makes us keep more than that. Pure; any thread. */
#ifndef INGEST_STREAM_LINES_H
#define INGEST_STREAM_LINES_H

#include <stdbool.h>
#include <stddef.h>

enum {
    STREAM_LINE_MAX = 8192
};

typedef enum {
    STREAM_END,      /* no further piece: what is left is the beginning of a line */
    STREAM_LINES,    /* whole lines, none too long */
    STREAM_TOO_LONG, /* a line that is too long, or as much of it as there is */
    STREAM_SKIPPED   /* more of one that was told before */
} StreamPiece;

typedef struct {
    const char *at;    /* what is left begins there */
    const char *whole; /* behind the last newline */
    const char *end;
    bool skipping; /* what is left begins within a line that was told to be too long */
} StreamLines;

/* `kept` bytes, STREAM_LINE_MAX at most and no newline among them, and `received` bytes behind them.
 * `skipping`: as the read before has left it, and then nothing is kept. */
void stream_lines_begin(StreamLines *s, const char *bytes, size_t kept, size_t received,
                        bool skipping);

/* => what comes next, *length bytes at *piece. All pieces and what is left at STREAM_END, at->end, make the text;
 * that rest is STREAM_LINE_MAX bytes at most. */
StreamPiece stream_lines_next(StreamLines *s, const char **piece, size_t *length);

#endif
