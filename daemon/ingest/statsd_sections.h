/* A line's way from delimiter to delimiter: its colons, and the sections behind its first "|". For
 * statsd_line.c alone, which gives each line the same meaning whichever way it comes.
 *
 * `at` is a place among the delimiters of the text, text->end at most. Any thread. */
#ifndef INGEST_STATSD_SECTIONS_H
#define INGEST_STATSD_SECTIONS_H

#include "ingest/statsd_line.h"

/* What may stand behind the type. text NULL: it does not. */
typedef struct {
    StatsdPart rate; /* without "@" */
    StatsdPart tags; /* without "#" */
} Sections;

/* => the kind of a type; SERIES_KINDS: there is no such type. */
static inline SeriesKind type_kind(const char *type, size_t length)
{
    static const unsigned char kind_after[256] = {
        ['h'] = 1 + SERIES_STATS,    ['d'] = 1 + SERIES_STATS, ['c'] = 1 + SERIES_COUNTER,
        ['g'] = 1 + SERIES_GAUGE,    ['s'] = 1 + SERIES_SET,   ['f'] = 1 + SERIES_FLAG,
        ['p'] = 1 + SERIES_PROGRESS,
    };
    if (length == 2 && type[0] == 'm' && type[1] == 's')
        return SERIES_STATS;
    unsigned kind = length == 1 ? kind_after[(unsigned char)type[0]] : 0;
    return kind == 0 ? SERIES_KINDS : (SeriesKind)(kind - 1);
}

/* => whether this delimiter is there and is `byte`. */
static inline bool stands_at(const StatsdText *text, const uint16_t *at, char byte)
{
    return at < text->end && text->bytes[*at] == byte;
}

/* => the first place from `at` on where no ":" stands. */
static inline const uint16_t *skip_colons(const StatsdText *text, const uint16_t *at)
{
    while (stands_at(text, at, ':'))
        at++;
    return at;
}

/* Goes on to the next line. `at` is behind all delimiters of this one but "\n". => where it ends */
static inline size_t end_line(StatsdText *text, const uint16_t *at)
{
    size_t from = text->at;
    bool more = at < text->end;
    size_t to = more ? *at : text->length;
    text->at = to + 1;
    text->delimiter = more ? at + 1 : at;
    return to > from && text->bytes[to - 1] == '\r' ? to - 1 : to;
}

/* Takes the section behind the "|" at *at; if it is the line's last one, ends the line. Moves *at on to
 * the delimiter behind it. */
static inline StatsdPart take_section(StatsdText *text, const uint16_t **at)
{
    size_t from = (size_t) * *at + 1;
    *at = skip_colons(text, *at + 1);
    size_t to = stands_at(text, *at, '|') ? **at : end_line(text, *at);
    return (StatsdPart){text->bytes + from, to - from};
}

/* => whether it was a rate or tags. If not, it is the type, or something for newer clients. */
static inline bool sort_section(StatsdPart section, Sections *out)
{
    char first = '\0';
    if (section.length > 0)
        first = section.text[0];
    if (first == '@')
        out->rate = (StatsdPart){section.text + 1, section.length - 1};
    else if (first == '#')
        out->tags = (StatsdPart){section.text + 1, section.length - 1};
    return first == '@' || first == '#';
}

/* Takes all sections from the "|" at `at` on, and ends the line. The last "@" and the last "#" win.
 * => the line's end */
static inline const char *sort_sections(StatsdText *text, const uint16_t *at, Sections *out)
{
    StatsdPart section;
    do {
        section = take_section(text, &at);
        (void)sort_section(section, out);
    } while (stands_at(text, at, '|'));
    return section.text + section.length;
}

#endif
