#include "ingest/statsd_line.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/utf8.h"
#include "ingest/statsd_value.h"

/* The sections behind the first "|", sorted out. text NULL: not there. */
typedef struct {
    bool bad_type;
    SeriesKind kind;
    StatsdPart rate; /* without "@" */
    StatsdPart tags; /* without "#" */
} Sections;

static bool type_kind(StatsdPart type, SeriesKind *kind)
{
    if (type.length == 2 && type.text[0] == 'm' && type.text[1] == 's') {
        *kind = SERIES_STATS;
        return true;
    }
    if (type.length != 1)
        return false;
    switch (type.text[0]) {
    case 'h':
    case 'd':
        *kind = SERIES_STATS;
        return true;
    case 'c':
        *kind = SERIES_COUNTER;
        return true;
    case 'g':
        *kind = SERIES_GAUGE;
        return true;
    case 's':
        *kind = SERIES_SET;
        return true;
    case 'f':
        *kind = SERIES_FLAG;
        return true;
    case 'p':
        *kind = SERIES_PROGRESS;
        return true;
    default:
        return false;
    }
}

/* A line, as its delimiters divide it. */
typedef struct {
    const char *bytes;     /* of the datagram: positions count from here */
    size_t from, to;       /* without "\n" and "\r" */
    const uint16_t *first; /* its first delimiter */
    const uint16_t *bar;   /* its first "|", or `last` */
    const uint16_t *last;  /* after its last delimiter but "\n" */
    bool plain;
} Line;

/* Takes what follows the first "|" apart. The first section is the type unless it begins with "@" or
 * "#"; of the others the last "@" and the last "#" win, and what begins with anything else is left to
 * newer clients. */
static void sort_sections(const Line *line, Sections *out)
{
    *out = (Sections){.kind = SERIES_STATS};
    const uint16_t *at = line->bar;
    while (at < line->last) {
        const uint16_t *next = at + 1;
        while (next < line->last && line->bytes[*next] != '|')
            next++;
        size_t start = (size_t)*at + 1;
        size_t stop = next < line->last ? *next : line->to;
        StatsdPart section = {line->bytes + start, stop - start};

        if (section.length > 0 && section.text[0] == '@')
            out->rate = (StatsdPart){section.text + 1, section.length - 1};
        else if (section.length > 0 && section.text[0] == '#')
            out->tags = (StatsdPart){section.text + 1, section.length - 1};
        else if (at == line->bar)
            out->bad_type = !type_kind(section, &out->kind);
        at = next;
    }
}

/* => the kind of wrong; REJECT_REASONS: none. */
static RejectReason check_name(StatsdPart name, bool plain)
{
    if (name.length == 0)
        return REJECT_BAD_NAME;
    if (name.length > SERIES_NAME_MAX)
        return REJECT_TOO_LONG;
    return plain || utf8_is_clean(name.text, name.length) ? REJECT_REASONS : REJECT_BAD_NAME;
}

static RejectReason check_tags(StatsdPart tags, bool plain)
{
    if (tags.length > SERIES_TAGS_MAX)
        return REJECT_TOO_LONG;
    return plain || utf8_is_clean(tags.text, tags.length) ? REJECT_REASONS : REJECT_BAD_TAGS;
}

/* => whether it is a number in (0,1] whose inverse is finite. */
static bool parse_rate(StatsdPart text, double *rate)
{
    Number number;
    if (number_parse(text.text, text.length, &number) != 0 || !(number.value > 0) ||
        number.value > 1 || !isfinite(1 / number.value))
        return false;
    *rate = number.value;
    return true;
}

/* Values, rate and tags, once name and type are known to be good. => as check_name().
 * *out is written field by field, and not copied whole: a copy reads 16 bytes at a time what was
 * written 8 at a time, and each such read waits for the writes to leave the CPU (a quarter of all
 * parsing time, measured). */
static RejectReason parse_rest(const Line *line, StatsdPart name, const Sections *sections,
                               StatsdValue *into, StatsdLine *out)
{
    SeriesKind kind = sections->kind;
    const StatsdValueText text = {
        .bytes = line->bytes,
        .from = (size_t)*line->first + 1,
        .to = line->bar < line->last ? *line->bar : line->to,
        .colons = line->first + 1,
        .colon_count = (size_t)(line->bar - line->first - 1),
    };
    size_t count = statsd_values_parse(kind, &text, into);
    if (count == 0)
        return REJECT_BAD_VALUE;

    double rate = 1;
    if (sections->rate.text != NULL && !parse_rate(sections->rate, &rate))
        return REJECT_BAD_RATE;
    bool weighs = rate < 1 && (kind == SERIES_STATS || kind == SERIES_COUNTER);
    if (weighs && statsd_values_scale(kind, rate, into, count) != 0)
        return REJECT_BAD_VALUE;

    if (sections->tags.length > 0) {
        RejectReason wrong = check_tags(sections->tags, line->plain);
        if (wrong != REJECT_REASONS)
            return wrong;
    }
    out->key.kind = kind;
    out->key.name = name.text;
    out->key.name_length = name.length;
    out->key.tags = sections->tags.text;
    out->key.tags_length = sections->tags.length;
    out->weight = weighs ? 1 / rate : 1;
    out->values = into;
    out->value_count = count;
    return REJECT_REASONS;
}

/* A line without "NAME:": a bare number, and nothing behind it. => as check_name(). */
static RejectReason parse_bare(const Line *line, StatsdValue *values, StatsdLine *out)
{
    const StatsdValueText text = {.bytes = line->bytes, .from = line->from, .to = line->to};
    if (line->bar < line->last || statsd_values_parse(SERIES_STATS, &text, values) == 0)
        return REJECT_BAD_VALUE;
    *out = (StatsdLine){.key = {.kind = SERIES_STATS, .name = "value", .name_length = 5},
                        .weight = 1,
                        .values = values,
                        .value_count = 1};
    return REJECT_REASONS;
}

static RejectReason parse_line(const Line *line, StatsdValue *values, StatsdLine *out)
{
    if (line->first == line->bar)
        return parse_bare(line, values, out);
    StatsdPart name = {line->bytes + line->from, *line->first - line->from};
    Sections sections;
    RejectReason wrong = check_name(name, line->plain);
    if (wrong != REJECT_REASONS)
        return wrong;
    sort_sections(line, &sections);
    if (sections.bad_type)
        return REJECT_BAD_TYPE;
    return parse_rest(line, name, &sections, values, out);
}

static bool begins_with(StatsdPart line, const char *prefix)
{
    size_t wanted = strlen(prefix);
    return line.length >= wanted && memcmp(line.text, prefix, wanted) == 0;
}

void statsd_text_begin(StatsdText *text, const char *bytes, size_t length, DelimiterScanner scan,
                       uint16_t *positions)
{
    Delimiters found = scan(bytes, length, positions);
    *text = (StatsdText){.bytes = bytes,
                         .length = length,
                         .delimiter = positions,
                         .end = positions + found.count,
                         .plain = found.plain};
}

/* Cuts the next line off. */
static Line take_line(StatsdText *text)
{
    const uint16_t *at = text->delimiter;
    Line line = {.bytes = text->bytes, .from = text->at, .first = at, .plain = text->plain};
    while (at < text->end && text->bytes[*at] == ':')
        at++;
    line.bar = at;
    while (at < text->end && text->bytes[*at] != '\n')
        at++;
    line.last = at;

    bool more = at < text->end;
    line.to = more ? *at : text->length;
    text->at = line.to + 1;
    text->delimiter = more ? at + 1 : at;
    if (line.to > line.from && text->bytes[line.to - 1] == '\r')
        line.to--;
    return line;
}

StatsdVerdict statsd_text_next(StatsdText *text, StatsdValue *values, StatsdPart *line,
                               StatsdLine *out, RejectReason *why)
{
    Line taken = take_line(text);
    *line = (StatsdPart){taken.bytes + taken.from, taken.to - taken.from};
    if (line->length == 0)
        return STATSD_BLANK;
    if (line->text[0] == '_' && (begins_with(*line, "_e{") || begins_with(*line, "_sc|")))
        return STATSD_IGNORED;

    RejectReason wrong = parse_line(&taken, values, out);
    if (wrong == REJECT_REASONS)
        return STATSD_SAMPLE;
    *why = wrong;
    return STATSD_REJECTED;
}
