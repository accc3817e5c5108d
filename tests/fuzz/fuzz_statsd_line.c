/* Any bytes as a datagram: nothing outside a line is read and nothing in it changed, what is accepted
 * keeps to the protocol, a line means the same alone and among others, by either scanner, and the
 * pipeline accounts for every line and value. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "ingest/pipeline.h"

#include "../unit/fixture_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    MAX_SERIES = 4 /* so that most inputs reach the limit */
};

/* What the pipeline must come to, by parsing alone. */
typedef struct {
    Pipeline *pipeline; /* after its flush: knows which series exist */
    IntakeCounts counts;
    StatsdText text; /* the datagram, line by line, as the pipeline takes it */
    StatsdValue *values;
} Account;

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* A copy that ends where it ends, so that ASan sees a byte too many. */
static char *exact_copy(const void *bytes, size_t length)
{
    char *copy = malloc(length);
    require(copy != NULL || length == 0);
    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

static void check_value(const StatsdLine *line, const StatsdValue *value)
{
    switch (line->key.kind) {
    case SERIES_STATS:
    case SERIES_GAUGE:
        require(isfinite(value->as.number) && isfinite(value->as.number * line->weight));
        break;
    case SERIES_COUNTER:
        require(isfinite(value->as.number));
        if (value->flags & VALUE_IS_INTEGER)
            require((double)value->integer == value->as.number);
        break;
    case SERIES_SET:
        require(value->integer > 0 && memchr(value->as.text, '|', (size_t)value->integer) == NULL);
        break;
    case SERIES_FLAG:
        require(value->integer == 0 || value->integer == 1);
        break;
    case SERIES_PROGRESS:
        require((value->flags & (VALUE_DONE | VALUE_TOTAL)) != 0 && value->integer >= 0);
        require(!(value->flags & VALUE_RELATIVE) || value->flags == (VALUE_DONE | VALUE_RELATIVE));
        require(!(value->flags & VALUE_TOTAL) || value->as.total >= 0);
        break;
    case SERIES_KINDS:
        abort();
    }
}

static void check_sample(const StatsdLine *line, size_t length)
{
    const SeriesKey *key = &line->key;
    require(key->kind >= 0 && key->kind < SERIES_KINDS);
    require(key->name_length >= 1 && key->name_length <= SERIES_NAME_MAX);
    require(utf8_is_clean(key->name, key->name_length));
    require(memchr(key->name, ':', key->name_length) == NULL);
    require(memchr(key->name, '|', key->name_length) == NULL);
    require(key->tags_length <= SERIES_TAGS_MAX);
    if (key->tags_length > 0)
        require(utf8_is_clean(key->tags, key->tags_length));
    require(isfinite(line->weight) && line->weight >= 1);
    require(line->value_count >= 1 && line->value_count <= statsd_line_max_values(length));
    for (size_t i = 0; i < line->value_count; i++)
        check_value(line, &line->values[i]);
}

static bool series_exists(Pipeline *p, const SeriesKey *key)
{
    Slot *slot;
    return series_index_find(&p->index, key, series_index_hash(&p->index, key), &slot) == 0;
}

static void enter(Account *account, StatsdVerdict verdict, const StatsdLine *line, RejectReason why)
{
    IntakeCounts *counts = &account->counts;
    counts->lines += verdict != STATSD_BLANK;
    if (verdict == STATSD_IGNORED)
        counts->ignored++;
    else if (verdict == STATSD_REJECTED)
        counts->rejected[why]++;
    /* Series never go, so what does not exist in the end found no room when it came. */
    else if (verdict == STATSD_SAMPLE && series_exists(account->pipeline, &line->key))
        counts->values += line->value_count;
    else if (verdict == STATSD_SAMPLE)
        counts->rejected[REJECT_OVER_LIMIT]++;
}

/* The next line of the datagram, of which this came alone. */
static void check_among_others(Account *account, size_t length, const char *alone,
                               StatsdVerdict verdict, const StatsdLine *of_alone, RejectReason why)
{
    StatsdPart part;
    StatsdLine line;
    RejectReason why_here = REJECT_REASONS;
    require(statsd_text_more(&account->text));
    require(statsd_text_next(&account->text, account->values, &part, &line, &why_here) == verdict);
    require(why == why_here && (part.length == length || part.length + 1 == length));
    if (verdict == STATSD_SAMPLE)
        parse_require_same_line(alone, of_alone, part.text, &line);
}

static void check_line(const char *bytes, size_t length, Account *account)
{
    char *text = exact_copy(bytes, length);
    StatsdValue *values = malloc(statsd_line_max_values(length) * sizeof(StatsdValue));
    require(values != NULL);
    StatsdLine line;
    RejectReason why = REJECT_REASONS;

    StatsdVerdict verdict = parse_alone(text, length, values, &line, &why);
    require((why < REJECT_OVER_LIMIT) == (verdict == STATSD_REJECTED));
    require(length == 0 || memcmp(text, bytes, length) == 0);
    if (verdict == STATSD_SAMPLE)
        check_sample(&line, length);
    check_among_others(account, length, text, verdict, &line, why);
    enter(account, verdict, &line, why);
    free(values);
    free(text);
}

static void check_lines(const char *bytes, size_t size, Account *account)
{
    while (size > 0) {
        const char *newline = memchr(bytes, '\n', size);
        size_t length = newline != NULL ? (size_t)(newline - bytes) : size;
        check_line(bytes, length, account);
        size_t taken = length + (newline != NULL);
        bytes += taken;
        size -= taken;
    }
}

static void check_counts(const IntakeCounts *expected, const IntakeCounts *counts)
{
    require(expected->datagrams == counts->datagrams && expected->bytes == counts->bytes);
    require(expected->lines == counts->lines && expected->values == counts->values);
    require(expected->ignored == counts->ignored);
    for (size_t i = 0; i < REJECT_REASONS; i++)
        require(expected->rejected[i] == counts->rejected[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Pipeline pipeline; /* too large for the stack */
    static RejectLog rejects;
    Registry *registry;
    require(registry_create(&registry, MAX_SERIES) == 0);
    reject_log_init(&rejects);
    require(pipeline_init(&pipeline, registry, &rejects, size % 2 != 0) == 0);

    char *datagram = exact_copy(data, size);
    pipeline_datagram(&pipeline, datagram, size, NULL);
    pipeline_flush(&pipeline);
    require(size == 0 || memcmp(datagram, data, size) == 0);

    Account account = {.pipeline = &pipeline, .counts = {.datagrams = 1, .bytes = size}};
    uint16_t *positions =
        malloc((DELIMITERS_ROOM - DELIMITERS_TEXT_MAX + size) * sizeof *positions);
    account.values = malloc(statsd_line_max_values(size) * sizeof *account.values);
    require(positions != NULL && account.values != NULL);
    statsd_text_begin(&account.text, datagram, size, pipeline.scan, positions);
    check_lines(datagram, size, &account);
    require(!statsd_text_more(&account.text));
    check_counts(&account.counts, &pipeline.counts);

    free(positions);
    free(account.values);
    free(datagram);
    pipeline_fini(&pipeline);
    reject_log_fini(&rejects);
    registry_destroy(registry);
    return 0;
}
