/* A line parsed under watch, and what came of it as one text, so that a table of lines and texts is
 * the test. For the tests of ingest/statsd_line.h and ingest/statsd_value.h.
 *
 *     stats NAME[|#TAGS] = 1 2.5 [x WEIGHT]      counter n = 1 ~2.5        ~: not an exact integer
 *     gauge g = 5 by -3                          set s = "text"            by: relative
 *     flag f = 1                                 progress p = done 5 total 10 / more 5
 *     blank, ignored, or the reason's name */
#ifndef TESTS_UNIT_FIXTURE_LINE_H
#define TESTS_UNIT_FIXTURE_LINE_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture_parse.h"

enum {
    LINE_TEXT_SIZE = 4096
};

typedef struct {
    const char *line;
    size_t length;
    const char *expected;
} LineCase;

/* A row: the line as a literal, which may hold any byte, and its text. */
#define LINE(text, expected)             \
    {                                    \
        text, sizeof(text) - 1, expected \
    }

typedef struct {
    char text[LINE_TEXT_SIZE];
    size_t length;
} LineText;

__attribute__((format(printf, 2, 3))) static inline void line_add(LineText *out, const char *format,
                                                                  ...)
{
    va_list arguments;
    va_start(arguments, format);
    int added = vsnprintf(out->text + out->length, LINE_TEXT_SIZE - out->length, format, arguments);
    va_end(arguments);
    assert_in_range(added, 0, LINE_TEXT_SIZE - out->length - 1);
    out->length += (size_t)added;
}

static inline void line_add_value(LineText *out, SeriesKind kind, const StatsdValue *value)
{
    switch (kind) {
    case SERIES_STATS:
        line_add(out, " %.17g", value->as.number);
        break;
    case SERIES_COUNTER:
        if (value->flags & VALUE_IS_INTEGER)
            line_add(out, " %lld", (long long)value->integer);
        else
            line_add(out, " ~%.17g", value->as.number);
        break;
    case SERIES_GAUGE:
        line_add(out, value->flags & VALUE_SIGNED ? " by %.17g" : " %.17g", value->as.number);
        break;
    case SERIES_SET:
        line_add(out, " \"%.*s\"", (int)value->integer, value->as.text);
        break;
    case SERIES_FLAG:
        line_add(out, " %d", (int)value->integer);
        break;
    case SERIES_PROGRESS:
        if (value->flags & VALUE_DONE)
            line_add(out, value->flags & VALUE_RELATIVE ? " more %lld" : " done %lld",
                     (long long)value->integer);
        if (value->flags & VALUE_TOTAL)
            line_add(out, " total %lld", (long long)value->as.total);
        break;
    case SERIES_KINDS:
        fail_msg("no such kind");
    }
}

static inline void line_add_sample(LineText *out, const StatsdLine *line)
{
    static const char *const kinds[SERIES_KINDS] = {"stats", "counter", "gauge",
                                                    "set",   "flag",    "progress"};
    assert_in_range(line->value_count, 1, SIZE_MAX);
    line_add(out, "%s %.*s", kinds[line->key.kind], (int)line->key.name_length, line->key.name);
    if (line->key.tags_length > 0)
        line_add(out, "|#%.*s", (int)line->key.tags_length, line->key.tags);
    line_add(out, " =");
    for (size_t i = 0; i < line->value_count; i++)
        line_add_value(out, line->key.kind, &line->values[i]);
    if (line->key.kind == SERIES_STATS && line->weight != 1)
        line_add(out, " x %.17g", line->weight);
}

/* One line in memory that ends where it ends, and its values in memory for as many as are promised,
 * so that ASan sees a byte too many read or written. */
typedef struct {
    char *bytes;
    size_t length;
    StatsdValue *values;
    StatsdLine line;
    RejectReason why;
    StatsdVerdict verdict;
} ParsedLine;

static inline void line_parse(ParsedLine *p, const char *line, size_t length)
{
    *p = (ParsedLine){.length = length, .why = REJECT_REASONS};
    p->bytes = malloc(length);
    p->values = malloc(statsd_line_max_values(length) * sizeof *p->values);
    assert_non_null(p->values);
    if (length > 0)
        memcpy(p->bytes, line, length);
    memset(&p->line, 0x5a, sizeof p->line);
    StatsdLine poison = p->line;

    p->verdict = parse_alone(p->bytes, length, p->values, &p->line, &p->why);
    if (length > 0)
        assert_memory_equal(line, p->bytes, length);
    if (p->verdict != STATSD_SAMPLE)
        assert_memory_equal(&poison, &p->line, sizeof poison);
    else
        assert_in_range(p->line.value_count, 1, statsd_line_max_values(length));
    if (p->verdict != STATSD_REJECTED)
        assert_int_equal(REJECT_REASONS, p->why);
    else
        assert_in_range(p->why, 0, REJECT_REASONS - 1);
}

static inline void line_free(ParsedLine *p)
{
    free(p->bytes);
    free(p->values);
}

static inline void line_describe(const ParsedLine *p, LineText *out)
{
    *out = (LineText){.length = 0};
    switch (p->verdict) {
    case STATSD_BLANK:
        line_add(out, "blank");
        break;
    case STATSD_IGNORED:
        line_add(out, "ignored");
        break;
    case STATSD_REJECTED:
        line_add(out, "%s", reject_reason_name(p->why));
        break;
    case STATSD_SAMPLE:
        line_add_sample(out, &p->line);
        break;
    }
}

static inline void line_expect(const char *line, size_t length, const char *expected)
{
    ParsedLine parsed;
    LineText text;
    line_parse(&parsed, line, length);
    line_describe(&parsed, &text);
    if (strcmp(expected, text.text) != 0)
        fail_msg("\"%.*s\": expected %s, got %s", length < 200 ? (int)length : 200, line, expected,
                 text.text);
    line_free(&parsed);
}

/* Each line with `behind` added. */
static inline void line_expect_all(const LineCase *cases, size_t count, const char *behind)
{
    char line[256];
    for (size_t i = 0; i < count; i++) {
        size_t added = strlen(behind);
        assert_in_range(cases[i].length + added, 0, sizeof line - 1);
        memcpy(line, cases[i].line, cases[i].length);
        memcpy(line + cases[i].length, behind, added + 1);
        line_expect(line, cases[i].length + added, cases[i].expected);
    }
}

#define LINE_EXPECT_ALL(cases) LINE_EXPECT_ALL_WITH(cases, "")
#define LINE_EXPECT_ALL_WITH(cases, behind) \
    line_expect_all(cases, sizeof(cases) / sizeof *(cases), behind)

#endif
