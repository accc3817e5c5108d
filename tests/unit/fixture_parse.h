/* One line, parsed alone: for tests that look at lines rather than at datagrams. */
#ifndef TESTS_UNIT_FIXTURE_PARSE_H
#define TESTS_UNIT_FIXTURE_PARSE_H

#include <stdlib.h>
#include <string.h>

#include "ingest/delimiters.h"
#include "ingest/statsd_line.h"

static inline void parse_require(bool condition)
{
    if (!condition)
        abort();
}

static inline void *parse_allocate(size_t bytes)
{
    void *memory = malloc(bytes + (bytes == 0));
    parse_require(memory != NULL);
    return memory;
}

/* Two parts of the same line, which begins at a and at b. */
static inline void parse_require_same_part(const char *a, const char *part_of_a, const char *b,
                                           const char *part_of_b, size_t length)
{
    bool in_a = part_of_a >= a && part_of_a <= a + DELIMITERS_TEXT_MAX;
    if (length > 0 && in_a)
        parse_require(part_of_a - a == part_of_b - b);
    parse_require(length == 0 || memcmp(part_of_a, part_of_b, length) == 0);
}

static inline void parse_require_same_value(SeriesKind kind, const char *a, const StatsdValue *of_a,
                                            const char *b, const StatsdValue *of_b)
{
    parse_require(of_a->flags == of_b->flags && of_a->integer == of_b->integer);
    if (kind == SERIES_SET)
        parse_require_same_part(a, of_a->as.text, b, of_b->as.text, (size_t)of_a->integer);
    else
        parse_require(memcmp(&of_a->as, &of_b->as, sizeof of_a->as) == 0);
}

/* What came of the same line at a and at b. */
static inline void parse_require_same_line(const char *a, const StatsdLine *of_a, const char *b,
                                           const StatsdLine *of_b)
{
    const SeriesKey *key = &of_a->key;
    parse_require(key->kind == of_b->key.kind && key->name_length == of_b->key.name_length);
    parse_require(key->tags_length == of_b->key.tags_length);
    parse_require_same_part(a, key->name, b, of_b->key.name, key->name_length);
    parse_require_same_part(a, key->tags, b, of_b->key.tags, key->tags_length);
    parse_require(of_a->weight == of_b->weight && of_a->value_count == of_b->value_count);
    for (size_t i = 0; i < of_a->value_count; i++)
        parse_require_same_value(key->kind, a, &of_a->values[i], b, &of_b->values[i]);
}

/* Parses the line behind another and before a third; aborts if something else comes of it than did
 * alone. With a `before` that is not ASCII it goes the long way, and so it does at another place than
 * where the shortest lines' numbers can be read as words. */
static inline void parse_in_the_midst(const char *before, const char *line, size_t length,
                                      DelimiterScanner scan, StatsdVerdict verdict,
                                      const StatsdLine *alone, RejectReason why)
{
    static const char after[] = "\nafter:1|c";
    size_t begin = strlen(before);
    size_t total = begin + length + strlen(after);
    if (total > DELIMITERS_TEXT_MAX)
        return;
    char *bytes = parse_allocate(total);
    uint16_t *positions = parse_allocate((total + DELIMITERS_ROOM - DELIMITERS_TEXT_MAX) * 2);
    StatsdValue *values = parse_allocate(statsd_line_max_values(total) * sizeof *values);
    memcpy(bytes, before, begin);
    if (length > 0)
        memcpy(bytes + begin, line, length);
    memcpy(bytes + begin + length, after, strlen(after));

    StatsdText text;
    StatsdPart part;
    StatsdLine out;
    RejectReason why_here = REJECT_REASONS;
    statsd_text_begin(&text, bytes, total, scan, positions);
    parse_require(statsd_text_next(&text, values, &part, &out, &why_here) == STATSD_SAMPLE);
    parse_require(statsd_text_next(&text, values, &part, &out, &why_here) == verdict);
    parse_require(part.text == bytes + begin && part.length <= length);
    parse_require(verdict != STATSD_REJECTED || why_here == why);
    if (verdict == STATSD_SAMPLE)
        parse_require_same_line(line, alone, bytes + begin, &out);
    parse_require(statsd_text_next(&text, values, &part, &out, &why_here) == STATSD_SAMPLE);
    parse_require(part.length == strlen("after:1|c") && !statsd_text_more(&text));
    free(bytes);
    free(positions);
    free(values);
}

/* Parses line[0..length), which holds no "\n", as a datagram; aborts if the CPU's scanners do not give
 * the same, or the line something else among others. The rest is as statsd_text_next() has it. */
static inline StatsdVerdict parse_alone(const char *line, size_t length, StatsdValue *values,
                                        StatsdLine *out, RejectReason *why)
{
    const DelimiterScanner fast_scan = delimiters_choose(SCANNER_AUTO);
    size_t room = DELIMITERS_ROOM - DELIMITERS_TEXT_MAX + length; /* no more than this text needs */
    uint16_t *portable = parse_allocate(room * sizeof *portable);
    uint16_t *fast = parse_allocate(room * sizeof *fast);
    Delimiters slow = delimiters_scan_portable(line, length, portable);
    Delimiters quick = fast_scan(line, length, fast);
    parse_require(slow.count == quick.count && slow.plain == quick.plain &&
                  memcmp(portable, fast, slow.count * sizeof *portable) == 0);

    StatsdText text;
    StatsdPart part;
    RejectReason wrong = REJECT_REASONS;
    statsd_text_begin(&text, line, length, delimiters_scan_portable, portable);
    StatsdVerdict verdict = statsd_text_next(&text, values, &part, out, &wrong);
    if (verdict == STATSD_REJECTED)
        *why = wrong;
    parse_in_the_midst("before:1|ms\n", line, length, fast_scan, verdict, out, wrong);
    parse_in_the_midst("bef\xc3\xb6re:1|ms\n", line, length, fast_scan, verdict, out, wrong);
    free(portable);
    free(fast);
    return verdict;
}

#endif
