#include "cli/metric.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "base/utf8.h"

enum {
    SHOWN_SIZE = 100
};

static const struct {
    const char *type;
    MetricValue value;
} types[] = {
    {"ms", METRIC_NUMBER}, {"h", METRIC_NUMBER}, {"d", METRIC_NUMBER}, {"c", METRIC_NUMBER},
    {"g", METRIC_NUMBER},  {"s", METRIC_SET},    {"f", METRIC_FLAG},   {"p", METRIC_PROGRESS},
};

enum {
    TYPES = sizeof types / sizeof types[0]
};

__attribute__((format(printf, 2, 3))) static int refuse(MetricError *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    return -EINVAL;
}

/* The protocol's letter for what people call a type; NULL: unknown. */
static const char *letter_of(const char *word)
{
    static const char *const words[][2] = {
        {"counter", "c"},      {"count", "c"},         {"gauge", "g"},   {"timer", "ms"},
        {"timing", "ms"},      {"histogram", "h"},     {"stats", "ms"},  {"stat", "ms"},
        {"distribution", "d"}, {"set", "s"},           {"flag", "f"},    {"bool", "f"},
        {"progress", "p"},     {"counters", "c"},      {"gauges", "g"},  {"sets", "s"},
        {"flags", "f"},        {"milliseconds", "ms"}, {"boolean", "f"}, {"m", "ms"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(word, words[i][0]) == 0)
            return words[i][1];
    }
    return NULL;
}

static int refuse_type(MetricError *error, const char *type)
{
    const char *letter = letter_of(type);
    return refuse(error, "there is no type \"%.40s\": ms h d c g s f p%s%s%s", type,
                  letter != NULL ? "; did you mean " : "", letter != NULL ? letter : "",
                  letter != NULL ? "?" : "");
}

static int refuse_value(MetricError *error, const char *value, size_t length, const char *why)
{
    char shown[SHOWN_SIZE];
    (void)utf8_escape(value, length, shown, sizeof shown);
    return refuse(error, "\"%s\" is no value: %s", shown, why);
}

static int check_name(const char *name, MetricError *error)
{
    char shown[SHOWN_SIZE];
    size_t length = strlen(name);
    (void)utf8_escape(name, length, shown, sizeof shown);
    if (length == 0)
        return refuse(error, "the name is empty");
    if (length > METRIC_NAME_MAX)
        return refuse(error, "the name is too long: %zu bytes, at most %d: %s", length,
                      METRIC_NAME_MAX, shown);
    if (!utf8_is_clean(name, length))
        return refuse(error, "the name \"%s\" is not UTF-8 without control characters", shown);
    if (strpbrk(name, ":|") != NULL)
        return refuse(error, "the name \"%s\" has a \"%c\" in it; write NAME VALUE --type TYPE",
                      shown, *strpbrk(name, ":|"));
    /* The daemon takes these for DogStatsD's events and service checks. */
    if (strncmp(name, "_e{", 3) == 0)
        return refuse(error, "a name cannot begin with \"_e{\": %s", shown);
    return 0;
}

static int check_tags(const char *tags, MetricError *error)
{
    char shown[SHOWN_SIZE];
    size_t length = strlen(tags);
    (void)utf8_escape(tags, length, shown, sizeof shown);
    if (length > METRIC_TAGS_MAX)
        return refuse(error, "the tags are too long: %zu bytes, at most %d", length,
                      METRIC_TAGS_MAX);
    if (!utf8_is_clean(tags, length))
        return refuse(error, "the tags \"%s\" are not UTF-8 without control characters", shown);
    if (strchr(tags, '|') != NULL)
        return refuse(error, "the tags \"%s\" have a \"|\" in them", shown);
    return 0;
}

static int read_rate(const char *text, double *rate, MetricError *error)
{
    Number number;
    if (number_parse(text, strlen(text), &number) != 0 || !(number.value > 0) || number.value > 1 ||
        !isfinite(1 / number.value))
        return refuse(error, "the rate \"%.80s\" is no number above 0 and up to 1", text);
    *rate = number.value;
    return 0;
}

int metric_init(Metric *out, const char *name, const char *type, const char *rate, const char *tags,
                MetricError *error)
{
    Metric metric = {.rate = 1};
    size_t kind = 0;
    while (kind < TYPES && strcmp(type, types[kind].type) != 0)
        kind++;
    if (kind == TYPES)
        return refuse_type(error, type);
    if (check_name(name, error) != 0 || (tags != NULL && check_tags(tags, error) != 0) ||
        (rate != NULL && read_rate(rate, &metric.rate, error) != 0))
        return -EINVAL;
    metric.value = types[kind].value;
    metric.packs = metric.value == METRIC_NUMBER;
    metric.head_length = (size_t)snprintf(metric.head, sizeof metric.head, "%s:", name);
    char number[NUMBER_TEXT_SIZE] = "";
    if (rate != NULL) /* the same number, however many zeros were typed */
        (void)number_print_double(metric.rate, number);
    bool has_tags = tags != NULL && tags[0] != '\0';
    metric.tail_length = (size_t)snprintf(metric.tail, sizeof metric.tail, "|%s%s%s%s%s", type,
                                          rate != NULL ? "|@" : "", number, has_tags ? "|#" : "",
                                          has_tags ? tags : "");
    *out = metric;
    return 0;
}

static int check_number(const Metric *metric, const char *value, size_t length, MetricError *error)
{
    Number number;
    int status = number_parse(value, length, &number);
    if (status == -ERANGE)
        return refuse_value(error, value, length, "it overflows");
    if (status != 0)
        return refuse_value(error, value, length, "a number is wanted, such as 42, -3.5 or 1e3");
    if (!isfinite(number.value / metric->rate) || !isfinite(number.value * (1 / metric->rate)))
        return refuse_value(error, value, length, "divided by the rate it overflows");
    return 0;
}

/* Digits, from 0 to 2^63-1. */
static bool is_whole(const char *text, size_t length)
{
    int64_t whole = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, text[i] - '0', &whole))
            return false;
    }
    return length > 0;
}

/* N, +N, /T or N/T. */
static bool is_progress(const char *text, size_t length)
{
    const char *slash = memchr(text, '/', length);
    if (slash == NULL) {
        bool more = length > 0 && text[0] == '+';
        return is_whole(text + more, length - more);
    }
    size_t done = (size_t)(slash - text);
    return is_whole(slash + 1, length - done - 1) && (done == 0 || is_whole(text, done));
}

static bool is_flag(const char *text, size_t length)
{
    static const char *const words[] = {"1", "0", "true", "false"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i]) == length && memcmp(words[i], text, length) == 0)
            return true;
    }
    return false;
}

int metric_check_value(const Metric *metric, const char *value, size_t length, MetricError *error)
{
    switch (metric->value) {
    case METRIC_NUMBER:
        return check_number(metric, value, length, error);
    case METRIC_SET:
        if (length == 0)
            return refuse_value(error, value, length, "it is empty");
        if (memchr(value, '|', length) != NULL || memchr(value, '\n', length) != NULL)
            return refuse_value(error, value, length, "a set takes no \"|\" and no line break");
        return 0;
    case METRIC_FLAG:
        return is_flag(value, length)
                   ? 0
                   : refuse_value(error, value, length, "a flag is 1, 0, true or false");
    case METRIC_PROGRESS:
        return is_progress(value, length)
                   ? 0
                   : refuse_value(error, value, length,
                                  "progress is N, +N, /TOTAL or N/TOTAL, in whole numbers");
    }
    return -EINVAL;
}
