#include "http/stats_query.h"

#include <errno.h>
#include <string.h>

#include "base/nearest.h"
#include "render/json_stats.h"

static const char broken_escape[] =
    "a broken percent-escape in the query; a % itself is written %25";

static const struct {
    const char *name;
    const char *mistyped;
} parameters[] = {
    {"name", "unknown parameter; did you mean name=GLOB?"},
    {"type", "unknown parameter; did you mean type=stats,counters,…?"},
    {"pretty", "unknown parameter; did you mean pretty?"},
};
static const char unknown_type[] =
    "unknown type; the types are stats, counters, gauges, sets, flags, progress";

/* => the section's bit; 0: there is none of this name. */
static unsigned kind_bit(const UriPart *name)
{
    for (unsigned kind = 0; kind < SERIES_KINDS; kind++)
        if (uri_part_is(name, series_kind_section((SeriesKind)kind)))
            return 1U << kind;
    return 0;
}

/* Adds a comma-separated list of sections to *kinds. */
static const char *read_types(const UriPart *value, unsigned *kinds)
{
    char text[128]; /* all sections take 47 bytes */
    size_t length = 0;
    int error = uri_decode_query(value->data, value->length, text, sizeof text, &length);
    if (error != 0)
        return error == -EINVAL ? broken_escape : unknown_type;
    UriPart rest = {.data = text, .length = length};
    while (rest.length > 0) {
        const char *comma = memchr(rest.data, ',', rest.length);
        size_t size = comma != NULL ? (size_t)(comma - rest.data) : rest.length;
        size_t skipped = comma != NULL ? size + 1 : size;
        UriPart name = {.data = rest.data, .length = size};
        rest.data += skipped;
        rest.length -= skipped;
        unsigned bit = kind_bit(&name);
        if (bit == 0 && size > 0)
            return unknown_type;
        *kinds |= bit;
    }
    return NULL;
}

static const char *read_glob(const UriPart *value, StatsQuery *out)
{
    int error = uri_decode_query(value->data, value->length, out->glob, sizeof out->glob,
                                 &out->glob_length);
    if (error == -ENOSPC)
        return "the name filter is longer than any series' id can be";
    return error != 0 ? broken_escape : NULL;
}

/* => what is wrong with a parameter that is none of ours; NULL: it is like none, either. */
static const char *refuse_mistyped(const UriPart *key)
{
    char text[16];
    if (key->length >= sizeof text)
        return NULL;
    memcpy(text, key->data, key->length);
    text[key->length] = '\0';
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        size_t distance = nearest_distance(text, parameters[i].name);
        if (distance <= strlen(parameters[i].name) / 3)
            return parameters[i].mistyped;
    }
    return NULL;
}

const char *stats_query_parse(UriPart query, StatsQuery *out)
{
    unsigned kinds = 0;
    *out = (StatsQuery){.kinds = JSON_STATS_ALL_KINDS};
    UriPart key;
    UriPart value;
    while (uri_next_parameter(&query, &key, &value)) {
        const char *wrong = NULL;
        if (uri_part_is(&key, "name"))
            wrong = read_glob(&value, out);
        else if (uri_part_is(&key, "type"))
            wrong = read_types(&value, &kinds);
        else if (uri_part_is(&key, "pretty"))
            out->pretty = !uri_part_is(&value, "0") && !uri_part_is(&value, "false");
        else
            wrong = refuse_mistyped(&key);
        if (wrong != NULL)
            return wrong;
    }
    if (kinds != 0)
        out->kinds = kinds;
    return NULL;
}
