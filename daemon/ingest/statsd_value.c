#include "ingest/statsd_value.h"

#include <errno.h>
#include <math.h>
#include <string.h>

int statsd_number_parse_other(const char *bytes, size_t from, size_t to, StatsdValue *value)
{
    Number number;
    int error = number_parse_in(bytes, from, to, &number);
    if (error != 0)
        return error;
    value->as.number = number.value;
    value->integer = number.integer;
    value->flags = (number.is_integer ? VALUE_IS_INTEGER : 0U) |
                   (bytes[from] == '+' || bytes[from] == '-' ? VALUE_SIGNED : 0U);
    return 0;
}

/* NUMBER[:NUMBER...]. => how many; 0: one of them is none. */
static size_t parse_packed(const char *bytes, const uint16_t *colons, size_t count, size_t to,
                           StatsdValue *values)
{
    for (size_t i = 0; i < count; i++) {
        size_t end = i + 1 < count ? colons[i + 1] : to;
        if (statsd_number_parse(bytes, (size_t)colons[i] + 1, end, &values[i]) != 0)
            return 0;
    }
    return count;
}

static bool is_text(const char *text, size_t length, const char *word)
{
    return length == strlen(word) && memcmp(text, word, length) == 0;
}

/* 1, 0, true, false. */
static bool parse_flag(const char *text, size_t length, StatsdValue *value)
{
    bool on = is_text(text, length, "1") || is_text(text, length, "true");
    if (!on && !is_text(text, length, "0") && !is_text(text, length, "false"))
        return false;
    *value = (StatsdValue){.integer = on, .flags = VALUE_IS_INTEGER};
    return true;
}

/* Digits only, from 0 to 2^63-1. */
static bool parse_whole(const char *text, size_t length, int64_t *out)
{
    int64_t whole = 0;
    if (length == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, text[i] - '0', &whole))
            return false;
    }
    *out = whole;
    return true;
}

/* N, +N, /T or N/T. */
static bool parse_progress(const char *text, size_t length, StatsdValue *value)
{
    const char *slash = memchr(text, '/', length);
    size_t done_length = slash != NULL ? (size_t)(slash - text) : length;
    *value = (StatsdValue){0};

    if (slash != NULL) {
        value->flags |= VALUE_TOTAL;
        if (!parse_whole(slash + 1, length - done_length - 1, &value->as.total))
            return false;
        if (done_length == 0)
            return true;
    }
    value->flags |= VALUE_DONE;
    if (slash == NULL && length > 0 && text[0] == '+') {
        value->flags |= VALUE_RELATIVE;
        return parse_whole(text + 1, length - 1, &value->integer);
    }
    return parse_whole(text, done_length, &value->integer);
}

size_t statsd_values_parse(SeriesKind kind, const char *bytes, const uint16_t *colons, size_t count,
                           size_t to, StatsdValue *values)
{
    size_t from = (size_t)colons[0] + 1;
    const char *value = bytes + from;
    size_t length = to - from;
    switch (kind) {
    case SERIES_STATS:
    case SERIES_COUNTER:
    case SERIES_GAUGE:
        return parse_packed(bytes, colons, count, to, values);
    case SERIES_FLAG:
        return parse_flag(value, length, values) ? 1 : 0;
    case SERIES_SET:
        values[0] = (StatsdValue){.as.text = value, .integer = (int64_t)length};
        return length > 0 ? 1 : 0;
    case SERIES_PROGRESS:
        return parse_progress(value, length, values) ? 1 : 0;
    case SERIES_KINDS:
        break;
    }
    return 0;
}

int statsd_values_scale(SeriesKind kind, double rate, StatsdValue *values, size_t count)
{
    double weight = 1 / rate;
    for (size_t i = 0; i < count; i++) {
        double number = values[i].as.number;
        /* Just as it will be recorded: at the edge only one of the two may overflow. */
        double scaled = kind == SERIES_COUNTER ? number / rate : number * weight;
        if (!isfinite(scaled))
            return -ERANGE;
        if (kind == SERIES_COUNTER) {
            values[i].as.number = scaled;
            values[i].flags &= ~(uint32_t)VALUE_IS_INTEGER;
        }
    }
    return 0;
}
