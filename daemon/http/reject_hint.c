#include "http/reject_hint.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char number[] = "a number is digits, as in 42, -3.5 or 1e3";

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* A line without NAME: that is no bare number, either. */
static const char *hint_nameless(const char *text)
{
    if (strchr(text, '=') != NULL && strchr(text, ' ') != NULL)
        return "this looks like InfluxDB's protocol; a line is NAME:VALUE|TYPE";
    if (strchr(text, ' ') != NULL)
        return "this looks like Graphite's protocol; a line is NAME:VALUE|TYPE";
    return "a line is NAME:VALUE|TYPE, or a bare number";
}

/* `value`: what stands behind the name, up to the end of the line. */
static const char *hint_number(const char *value)
{
    size_t length = strcspn(value, "|");
    size_t plain = strspn(value, "+-.0123456789");
    if (length == 0)
        return "the value is missing";
    if (memchr(value, ' ', length) != NULL)
        return "a value has no spaces";
    if (memchr(value, ',', length) != NULL)
        return "a decimal point is a point, and digits are not grouped";
    if (plain > 0 && plain < length && strchr("abcdfghijklmnopqrstuvwyz%", value[plain]) != NULL)
        return "a value has no unit: put it into the name, and ms into the type (|ms)";
    return number;
}

static const char *hint_value(const char *text)
{
    const char *colon = strchr(text, ':');
    if (text[0] == '{')
        return "this is JSON; a line is NAME:VALUE|TYPE";
    if (strstr(text, " HTTP/") != NULL)
        return "this is HTTP; the port for it is that of http.listen";
    if (colon == NULL)
        return hint_nameless(text);
    const char *type = strchr(colon, '|');
    if (type != NULL && (begins(type, "|f|") || strcmp(type, "|f") == 0))
        return "a flag is 1, 0, true or false";
    if (type != NULL && (begins(type, "|p|") || strcmp(type, "|p") == 0))
        return "progress is N, +N, /TOTAL or N/TOTAL, in whole numbers";
    if (type != NULL && (begins(type, "|s|") || strcmp(type, "|s") == 0))
        return "what a set counts is missing";
    return hint_number(colon + 1);
}

const char *reject_hint(RejectReason reason, const char *text)
{
    switch (reason) {
    case REJECT_BAD_NAME:
        return text[0] == ':' || text[0] == '|'
                   ? "the name is missing"
                   : "a name is UTF-8 without control characters, : and |";
    case REJECT_BAD_VALUE:
        return hint_value(text);
    case REJECT_BAD_TYPE:
        return "the types are ms, h, d, c, g, s, f and p";
    case REJECT_BAD_RATE:
        return "a rate is a number above 0 and up to 1, as in @0.1";
    case REJECT_BAD_TAGS:
        return "tags are UTF-8 without control characters, as in #env:prod,web";
    case REJECT_TOO_LONG:
        return "a name has at most 255 bytes, all tags together 1024, a line over TCP 8192";
    case REJECT_OVER_LIMIT:
        return "there are limits.max_series already: raise it, or let old ones go "
               "(limits.expire_after_s)";
    case REJECT_REASONS:
        break;
    }
    return "";
}
