#include "ingest/statsd_line.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/utf8.h"
#include "ingest/statsd_value.h"

/* A piece of the line. */
typedef struct {
    const char *text;
    size_t length;
} Part;

/* The sections behind the first "|", sorted out. text NULL: not there. */
typedef struct {
    bool bad_type;
    SeriesKind kind;
    Part rate; /* without "@" */
    Part tags; /* without "#" */
} Sections;

static bool type_kind(Part type, SeriesKind *kind)
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

/* Takes [bar, end) apart, which is empty or begins with "|". The first section is the type unless it
 * begins with "@" or "#"; of the others the last "@" and the last "#" win, and what begins with
 * anything else is left to newer clients. */
static void sort_sections(const char *bar, const char *end, Sections *out)
{
    *out = (Sections){.kind = SERIES_STATS};
    bool first = true;
    while (bar < end) {
        const char *start = bar + 1;
        const char *stop = memchr(start, '|', (size_t)(end - start));
        stop = stop != NULL ? stop : end;
        Part section = {start, (size_t)(stop - start)};

        if (section.length > 0 && section.text[0] == '@')
            out->rate = (Part){start + 1, section.length - 1};
        else if (section.length > 0 && section.text[0] == '#')
            out->tags = (Part){start + 1, section.length - 1};
        else if (first)
            out->bad_type = !type_kind(section, &out->kind);
        first = false;
        bar = stop;
    }
}

/* => the kind of wrong; REJECT_REASONS: none. */
static RejectReason check_name(Part name)
{
    if (name.length == 0)
        return REJECT_BAD_NAME;
    if (name.length > SERIES_NAME_MAX)
        return REJECT_TOO_LONG;
    return utf8_is_clean(name.text, name.length) ? REJECT_REASONS : REJECT_BAD_NAME;
}

static RejectReason check_tags(Part tags)
{
    if (tags.length > SERIES_TAGS_MAX)
        return REJECT_TOO_LONG;
    return utf8_is_clean(tags.text, tags.length) ? REJECT_REASONS : REJECT_BAD_TAGS;
}

/* => whether it is a number in (0,1] whose inverse is finite. */
static bool parse_rate(Part text, double *rate)
{
    Number number;
    if (number_parse(text.text, text.length, &number) != 0 || !(number.value > 0) ||
        number.value > 1 || !isfinite(1 / number.value))
        return false;
    *rate = number.value;
    return true;
}

/* Values, rate and tags, once name and type are known to be good. => as check_name(). */
static RejectReason parse_rest(Part values, const Sections *sections, StatsdValue *into,
                               StatsdLine *out)
{
    SeriesKind kind = sections->kind;
    size_t count = statsd_values_parse(kind, values.text, values.length, into);
    if (count == 0)
        return REJECT_BAD_VALUE;

    double rate = 1;
    if (sections->rate.text != NULL && !parse_rate(sections->rate, &rate))
        return REJECT_BAD_RATE;
    bool weighs = rate < 1 && (kind == SERIES_STATS || kind == SERIES_COUNTER);
    if (weighs && statsd_values_scale(kind, rate, into, count) != 0)
        return REJECT_BAD_VALUE;

    RejectReason wrong = REJECT_REASONS;
    if (sections->tags.text != NULL)
        wrong = check_tags(sections->tags);
    out->key.kind = kind;
    out->key.tags = sections->tags.text;
    out->key.tags_length = sections->tags.length;
    out->weight = weighs ? 1 / rate : 1;
    out->values = into;
    out->value_count = count;
    return wrong;
}

/* A line without "NAME:": a bare number, and nothing behind it. */
static StatsdVerdict parse_bare(const char *line, size_t length, StatsdValue *values,
                                StatsdLine *out, RejectReason *why)
{
    if (statsd_values_parse(SERIES_STATS, line, length, values) == 0) {
        *why = REJECT_BAD_VALUE;
        return STATSD_REJECTED;
    }
    *out = (StatsdLine){.key = {.kind = SERIES_STATS, .name = "value", .name_length = 5},
                        .weight = 1,
                        .values = values,
                        .value_count = 1};
    return STATSD_SAMPLE;
}

static bool begins_with(const char *line, size_t length, const char *prefix)
{
    size_t wanted = strlen(prefix);
    return length >= wanted && memcmp(line, prefix, wanted) == 0;
}

StatsdVerdict statsd_line_parse(const char *line, size_t length, StatsdValue *values,
                                StatsdLine *out, RejectReason *why)
{
    if (length > 0 && line[length - 1] == '\r')
        length--;
    if (length == 0)
        return STATSD_BLANK;
    if (line[0] == '_' && (begins_with(line, length, "_e{") || begins_with(line, length, "_sc|")))
        return STATSD_IGNORED;

    const char *end = line + length;
    const char *bar = memchr(line, '|', length);
    bar = bar != NULL ? bar : end;
    const char *colon = memchr(line, ':', (size_t)(bar - line));
    if (colon == NULL)
        return parse_bare(line, length, values, out, why);

    Part name = {line, (size_t)(colon - line)};
    Part text = {colon + 1, (size_t)(bar - colon - 1)};
    StatsdLine parsed = {.key = {.name = name.text, .name_length = name.length}};
    Sections sections;
    RejectReason wrong = check_name(name);
    if (wrong == REJECT_REASONS) {
        sort_sections(bar, end, &sections);
        wrong = sections.bad_type ? REJECT_BAD_TYPE : parse_rest(text, &sections, values, &parsed);
    }
    if (wrong != REJECT_REASONS) {
        *why = wrong;
        return STATSD_REJECTED;
    }
    *out = parsed;
    return STATSD_SAMPLE;
}
