#include "ingest/stream_lines.h"

#include <string.h>

void stream_lines_begin(StreamLines *s, const char *bytes, size_t kept, size_t received,
                        bool skipping)
{
    const char *last = received > 0 ? memrchr(bytes + kept, '\n', received) : NULL;
    *s = (StreamLines){.at = bytes,
                       .whole = last != NULL ? last + 1 : bytes,
                       .end = bytes + kept + received,
                       .skipping = skipping};
}

static StreamPiece take(StreamLines *s, const char *end, StreamPiece kind, const char **piece,
                        size_t *length)
{
    *piece = s->at;
    *length = (size_t)(end - s->at);
    s->at = end;
    return kind;
}

/* => where the line ends that begins at `from`, behind its newline, which is there. */
static const char *line_end(const StreamLines *s, const char *from)
{
    return (const char *)memchr(from, '\n', (size_t)(s->whole - from)) + 1;
}

/* => the beginning of the first whole line that is too long; s->whole: none is. Looks at a newline every
 * STREAM_LINE_MAX bytes, not at each. */
static const char *find_long_line(const StreamLines *s)
{
    enum {
        LONGEST = STREAM_LINE_MAX + 1 /* with the newline */
    };
    const char *from = s->at;
    while (s->whole - from > LONGEST) {
        const char *newline = memrchr(from, '\n', LONGEST);
        if (newline == NULL)
            return from;
        from = newline + 1;
    }
    return s->whole;
}

StreamPiece stream_lines_next(StreamLines *s, const char **piece, size_t *length)
{
    bool has_whole = s->at < s->whole;
    if (s->skipping && s->at < s->end) {
        s->skipping = !has_whole;
        return take(s, has_whole ? line_end(s, s->at) : s->end, STREAM_SKIPPED, piece, length);
    }
    if (has_whole) {
        const char *long_line = find_long_line(s);
        if (long_line > s->at)
            return take(s, long_line, STREAM_LINES, piece, length);
        return take(s, line_end(s, s->at), STREAM_TOO_LONG, piece, length);
    }
    if (s->end - s->at > STREAM_LINE_MAX) {
        s->skipping = true;
        return take(s, s->end, STREAM_TOO_LONG, piece, length);
    }
    return STREAM_END;
}
