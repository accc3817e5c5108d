#include "ingest/statsd_line.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/utf8.h"
#include "ingest/statsd_sections.h"
#include "ingest/statsd_value.h"

void statsd_text_begin(StatsdText *text, const char *bytes, size_t length, DelimiterScanner scan,
                       uint16_t *positions)
{
    Delimiters found = scan(bytes, length, positions);
    positions[found.count] = (uint16_t)length; /* so that each delimiter has a place behind it */
    *text = (StatsdText){.bytes = bytes,
                         .length = length,
                         .delimiter = positions,
                         .end = positions + found.count,
                         .plain = found.plain};
}

/* ---- checks: => what is wrong; REJECT_REASONS: nothing ------------------------------------------- */

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
static inline bool parse_rate(const char *bytes, StatsdPart text, double *rate)
{
    Number number;
    size_t from = (size_t)(text.text - bytes);
    if (number_parse_in(bytes, from, from + text.length, &number) != 0 || !(number.value > 0) ||
        number.value > 1 || !isfinite(1 / number.value))
        return false;
    *rate = number.value;
    return true;
}

/* Rate and tags, once name, type and values are known to be good.
 * *out is written field by field, and not copied whole: a copy reads 16 bytes at a time what was
 * written 8 at a time, and each such read waits for the writes to leave the CPU (a quarter of all
 * parsing time, measured). */
static inline __attribute__((always_inline)) RejectReason
finish(const StatsdText *text, SeriesKind kind, StatsdPart name, const Sections *sections,
       StatsdValue *values, size_t count, StatsdLine *out)
{
    double rate = 1;
    if (sections->rate.text != NULL && !parse_rate(text->bytes, sections->rate, &rate))
        return REJECT_BAD_RATE;
    bool weighs = rate < 1 && (kind == SERIES_STATS || kind == SERIES_COUNTER);
    if (weighs && statsd_values_scale(kind, rate, values, count) != 0)
        return REJECT_BAD_VALUE;

    if (sections->tags.length > 0) {
        RejectReason wrong = check_tags(sections->tags, text->plain);
        if (wrong != REJECT_REASONS)
            return wrong;
    }
    out->key.kind = kind;
    out->key.name = name.text;
    out->key.name_length = name.length;
    out->key.tags = sections->tags.text;
    out->key.tags_length = sections->tags.length;
    out->weight = weighs ? 1 / rate : 1;
    out->values = values;
    out->value_count = count;
    return REJECT_REASONS;
}

static StatsdVerdict verdict_of(RejectReason wrong, RejectReason *why)
{
    if (wrong == REJECT_REASONS)
        return STATSD_SAMPLE;
    *why = wrong;
    return STATSD_REJECTED;
}

/* ---- any line ------------------------------------------------------------------------------------ */

/* A line, as its delimiters divide it. */
typedef struct {
    size_t from, to;       /* without "\n" and "\r" */
    size_t head_to;        /* where its first "|" stands, or the line's end */
    const uint16_t *first; /* its first delimiter */
    size_t colon_count;    /* in the head */
    SeriesKind kind;       /* SERIES_KINDS: there is no such type */
    Sections sections;
} Line;

/* Cuts the next line off. The first section is the type unless it begins with "@" or "#". */
static inline void take_line(StatsdText *text, Line *line)
{
    const uint16_t *bar = skip_colons(text, text->delimiter);
    /* One by one: gcc clears a whole Line by "rep stos", which takes as long as all the rest. */
    line->from = text->at;
    line->first = text->delimiter;
    line->colon_count = (size_t)(bar - line->first);
    line->kind = SERIES_STATS;
    line->sections = (Sections){0};
    if (!stands_at(text, bar, '|')) {
        line->head_to = line->to = end_line(text, bar);
        return;
    }
    line->head_to = *bar;
    StatsdPart section = take_section(text, &bar);
    if (!sort_section(section, &line->sections))
        line->kind = type_kind(section.text, section.length);
    const char *end = stands_at(text, bar, '|') ? sort_sections(text, bar, &line->sections)
                                                : section.text + section.length;
    line->to = (size_t)(end - text->bytes);
}

/* => as check_name(). */
static inline RejectReason parse_line(const StatsdText *text, const Line *line, StatsdValue *values,
                                      StatsdLine *out)
{
    const char *bytes = text->bytes;
    if (line->colon_count == 0) { /* a bare number, and nothing behind it */
        const StatsdPart value = {"value", 5};
        if (statsd_number_parse(bytes, line->from, line->to, values) != 0)
            return REJECT_BAD_VALUE;
        return finish(text, SERIES_STATS, value, &line->sections, values, 1, out);
    }
    const StatsdPart name = {bytes + line->from, *line->first - line->from};
    RejectReason wrong = check_name(name, text->plain);
    if (wrong != REJECT_REASONS)
        return wrong;
    if (line->kind == SERIES_KINDS)
        return REJECT_BAD_TYPE;
    size_t count = statsd_values_parse(line->kind, bytes, line->first, line->colon_count,
                                       line->head_to, values);
    if (count == 0)
        return REJECT_BAD_VALUE;
    return finish(text, line->kind, name, &line->sections, values, count, out);
}

static bool begins_with(StatsdPart line, const char *prefix)
{
    size_t wanted = strlen(prefix);
    return line.length >= wanted && memcmp(line.text, prefix, wanted) == 0;
}

/* Takes the next line, whatever it is. Not inlined, for the ways below need the registers. */
static __attribute__((noinline)) StatsdVerdict take_any(StatsdText *text, StatsdValue *values,
                                                        StatsdPart *line, StatsdLine *out,
                                                        RejectReason *why)
{
    Line taken;
    take_line(text, &taken);
    *line = (StatsdPart){text->bytes + taken.from, taken.to - taken.from};
    if (line->length == 0)
        return STATSD_BLANK;
    if (line->text[0] == '_' && (begins_with(*line, "_e{") || begins_with(*line, "_sc|")))
        return STATSD_IGNORED;
    return verdict_of(parse_line(text, &taken, values, out), why);
}

/* ---- most lines: NAME:VALUES|TYPE, in ASCII, and perhaps sections -------------------------------- */

/* Goes on behind the type, at the "|" at `bar`. All before it is known to be good. */
static __attribute__((noinline)) StatsdVerdict take_sections(StatsdText *text, const uint16_t *bar,
                                                             SeriesKind kind, StatsdValue *values,
                                                             size_t count, StatsdPart *line,
                                                             StatsdLine *out, RejectReason *why)
{
    const char *begin = text->bytes + text->at;
    const StatsdPart name = {begin, *text->delimiter - text->at};
    Sections sections = {0};
    const char *end = sort_sections(text, bar, &sections);
    *line = (StatsdPart){begin, (size_t)(end - begin)};
    return verdict_of(finish(text, kind, name, &sections, values, count, out), why);
}

/* => the kind of the type between two delimiters. */
static inline SeriesKind kind_between(const StatsdText *text, const uint16_t *bar)
{
    size_t from = (size_t)bar[0] + 1;
    return type_kind(text->bytes + from, bar[1] - from);
}

static inline bool has_numbers(SeriesKind kind)
{
    return kind == SERIES_STATS || kind == SERIES_COUNTER || kind == SERIES_GAUGE;
}

/* Takes the next line, of this kind. Its values stand behind so many colons and end at *values_to; `last`
 * is the delimiter behind the type. What is not like most lines, or bad, goes the way of any line. */
static inline __attribute__((always_inline)) StatsdVerdict
take_common(StatsdText *text, SeriesKind kind, size_t colons, const uint16_t *values_to,
            const uint16_t *last, StatsdValue *values, StatsdPart *line, StatsdLine *out,
            RejectReason *why)
{
    const char *bytes = text->bytes;
    const uint16_t *first = text->delimiter;
    size_t from = text->at;
    size_t name_length = *first - from;
    size_t to = *last;
    bool numbers = has_numbers(kind);
    size_t count = numbers ? colons : 1; /* elsewhere a colon is part of the value */
    if (!text->plain || name_length - 1 >= SERIES_NAME_MAX || bytes[from] == '_')
        return take_any(text, values, line, out, why);
    if (colons == 1 && numbers
            ? statsd_number_parse(bytes, (size_t)*first + 1, *values_to, values) != 0
            : statsd_values_parse(kind, bytes, first, colons, *values_to, values) == 0)
        return take_any(text, values, line, out, why);
    if (to < text->length && bytes[to] != '\n')
        return bytes[to] == '|' ? take_sections(text, last, kind, values, count, line, out, why)
                                : take_any(text, values, line, out, why);
    text->at = to + 1;
    text->delimiter = last + 1;
    line->text = bytes + from;
    line->length = to - from;
    out->key.kind = kind;
    out->key.name = bytes + from;
    out->key.name_length = name_length;
    out->key.tags = NULL;
    out->key.tags_length = 0;
    out->weight = 1;
    out->values = values;
    out->value_count = count;
    return STATSD_SAMPLE;
}

/* Packed values, or no type; or another line yet. */
static __attribute__((noinline)) StatsdVerdict take_less_common(StatsdText *text,
                                                                StatsdValue *values,
                                                                StatsdPart *line, StatsdLine *out,
                                                                RejectReason *why)
{
    const uint16_t *first = text->delimiter;
    const uint16_t *at = skip_colons(text, first);
    size_t colons = (size_t)(at - first);
    if (colons == 0)
        return take_any(text, values, line, out, why);
    if (stands_at(text, at, '|'))
        return take_common(text, kind_between(text, at), colons, at, at + 1, values, line, out,
                           why);
    return take_common(text, SERIES_STATS, colons, at, at, values, line, out, why);
}

/* One value is the rule. With its "|" at a place known beforehand there is less to keep in registers,
 * which are what take_common() is short of. */
StatsdVerdict statsd_text_next(StatsdText *text, StatsdValue *values, StatsdPart *line,
                               StatsdLine *out, RejectReason *why)
{
    const uint16_t *first = text->delimiter;
    if (text->end - first < 2 || text->bytes[first[0]] != ':' || text->bytes[first[1]] != '|')
        return take_less_common(text, values, line, out, why);
    SeriesKind kind = kind_between(text, first + 1);
    if (!has_numbers(kind))
        return take_less_common(text, values, line, out, why);
    return take_common(text, kind, 1, first + 1, first + 2, values, line, out, why);
}
