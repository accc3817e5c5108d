#include "http/accept.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* How specifically a range names a format. */
enum {
    NAMED_BY_ANYTHING = 1, /* any type */
    NAMED_BY_TYPE,         /* any subtype of its type */
    NAMED_BY_NAME,
    NAMED_BY_VERSION
};

/* A part of the header; spaces around it are cut off. */
typedef struct {
    const char *data;
    size_t length;
} Part;

/* One media range. */
typedef struct {
    Part type; /* "text/plain" */
    Part version;
    Part charset;
    unsigned quality;
    bool valid;
} Range;

static const struct {
    const char *type;
    const char *any_subtype;
    const char *version;
} formats[] = {
    [PROMETHEUS_TEXT] = {"text/plain", "text/*", "0.0.4"},
    [PROMETHEUS_OPENMETRICS] = {"application/openmetrics-text", "application/*", "1.0.0"},
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static Part trim(Part part)
{
    while (part.length > 0 && is_space(part.data[0])) {
        part.data++;
        part.length--;
    }
    while (part.length > 0 && is_space(part.data[part.length - 1]))
        part.length--;
    return part;
}

/* Cuts off what stands before the next `end` that is not within quotes. */
static Part take_until(Part *rest, char end)
{
    bool quoted = false;
    size_t i = 0;
    for (; i < rest->length && (quoted || rest->data[i] != end); i++) {
        if (rest->data[i] == '"')
            quoted = !quoted;
        else if (quoted && rest->data[i] == '\\' && i + 1 < rest->length)
            i++;
    }
    Part part = {rest->data, i};
    size_t skipped = i < rest->length ? i + 1 : i;
    rest->data += skipped;
    rest->length -= skipped;
    return trim(part);
}

static bool is(Part part, const char *word)
{
    return part.length == strlen(word) && strncasecmp(part.data, word, part.length) == 0;
}

static Part unquote(Part part)
{
    if (part.length >= 2 && part.data[0] == '"' && part.data[part.length - 1] == '"')
        return (Part){part.data + 1, part.length - 2};
    return part;
}

/* "0", "1", and up to three digits behind the point, which may not make it more than 1. */
static bool read_quality(Part text, unsigned *quality)
{
    if (text.length < 1 || text.length > 5 || (text.data[0] != '0' && text.data[0] != '1') ||
        (text.length > 1 && text.data[1] != '.'))
        return false;
    unsigned value = text.data[0] == '1' ? 1000 : 0;
    unsigned weight = 100;
    for (size_t i = 2; i < text.length; i++, weight /= 10) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value += (unsigned)(text.data[i] - '0') * weight;
    }
    *quality = value;
    return value <= 1000;
}

static Range read_range(Part text)
{
    Range range = {.type = take_until(&text, ';'), .quality = 1000, .valid = true};
    while (text.length > 0) {
        Part value = take_until(&text, ';');
        Part name = take_until(&value, '=');
        value = unquote(trim(value));
        if (is(name, "q"))
            range.valid &= read_quality(value, &range.quality);
        else if (is(name, "version"))
            range.version = value;
        else if (is(name, "charset"))
            range.charset = value;
    }
    return range;
}

/* => how specifically the range names the format; 0: not at all. */
static unsigned names(const Range *range, PrometheusFormat format)
{
    if (is(range->type, "*/*"))
        return NAMED_BY_ANYTHING;
    if (is(range->type, formats[format].any_subtype))
        return NAMED_BY_TYPE;
    if (!is(range->type, formats[format].type) ||
        (range->charset.length > 0 && !is(range->charset, "utf-8")))
        return 0;
    if (range->version.length == 0)
        return NAMED_BY_NAME;
    return is(range->version, formats[format].version) ? NAMED_BY_VERSION : 0;
}

static void weigh(Accept *accept, const Range *range, PrometheusFormat format)
{
    unsigned named = names(range, format);
    bool better =
        named > accept->format[format].named ||
        (named == accept->format[format].named && range->quality > accept->format[format].quality);
    if (named == 0 || !better)
        return;
    accept->format[format].named = named;
    accept->format[format].quality = range->quality;
}

void accept_add(Accept *accept, const char *value)
{
    Part rest = {value, strlen(value)};
    while (rest.length > 0) {
        Range range = read_range(take_until(&rest, ','));
        if (!range.valid)
            continue;
        weigh(accept, &range, PROMETHEUS_TEXT);
        weigh(accept, &range, PROMETHEUS_OPENMETRICS);
    }
}

PrometheusFormat accept_format(const Accept *accept)
{
    unsigned text = accept->format[PROMETHEUS_TEXT].quality;
    unsigned open = accept->format[PROMETHEUS_OPENMETRICS].quality;
    bool asked = accept->format[PROMETHEUS_OPENMETRICS].named >= NAMED_BY_NAME &&
                 accept->format[PROMETHEUS_TEXT].named < NAMED_BY_NAME;
    if (open > text || (open == text && open > 0 && asked))
        return PROMETHEUS_OPENMETRICS;
    return PROMETHEUS_TEXT;
}
