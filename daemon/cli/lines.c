#include "cli/lines.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void lines_init(Lines *lines, int fd)
{
    lines->fd = fd;
    lines->from = lines->to = lines->searched = 0;
    lines->skipping = lines->ended = false;
}

/* => a line that is wholly there. */
static bool take_line(Lines *lines, const char **line, size_t *length)
{
    const char *begin = lines->data + lines->from;
    size_t there = lines->to - lines->from;
    const char *end = memchr(begin + lines->searched, '\n', there - lines->searched);
    if (end == NULL && !(lines->ended && there > 0)) {
        lines->searched = there;
        return false;
    }
    *line = begin;
    *length = end != NULL ? (size_t)(end - begin) : there;
    lines->from += *length + (end != NULL);
    lines->searched = 0;
    return true;
}

/* => what to tell; LINES_LINE: there is more now, or the end. */
static LinesEvent read_more(Lines *lines, int idle_ms)
{
    struct pollfd waited = {.fd = lines->fd, .events = POLLIN};
    int ready = poll(&waited, 1, idle_ms);
    if (ready <= 0)
        return ready == 0 || errno == EINTR ? LINES_IDLE : LINES_FAILED;
    memmove(lines->data, lines->data + lines->from, lines->to - lines->from);
    lines->to -= lines->from;
    lines->from = 0;
    ssize_t got = read(lines->fd, lines->data + lines->to, sizeof lines->data - lines->to);
    if (got < 0)
        return errno == EINTR || errno == EAGAIN ? LINES_IDLE : LINES_FAILED;
    lines->ended = got == 0;
    lines->to += (size_t)got;
    return LINES_LINE;
}

LinesEvent lines_next(Lines *lines, int idle_ms, const char **line, size_t *length)
{
    for (;;) {
        if (take_line(lines, line, length)) {
            if (!lines->skipping)
                return LINES_LINE;
            lines->skipping = false;
            continue;
        }
        if (lines->ended)
            return LINES_END;
        if (lines->to - lines->from == sizeof lines->data) {
            bool told = lines->skipping;
            lines->from = lines->to = lines->searched = 0;
            lines->skipping = true;
            if (!told)
                return LINES_TOO_LONG;
        }
        LinesEvent event = read_more(lines, idle_ms);
        if (event != LINES_LINE)
            return event;
    }
}
