#include "cli/reading.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "cli/quoted_numbers.h"

static const struct {
    const char *name;
    const char *field[READING_FIELDS];
} kinds[READING_KINDS] = {
    [READING_STATS] = {"stats", {"count", "sum", "mean", "min", "max", "stddev"}},
    [READING_COUNTERS] = {"counters", {NULL}},
    [READING_GAUGES] = {"gauges", {NULL}},
    [READING_SETS] = {"sets", {NULL}},
    [READING_FLAGS] = {"flags", {NULL}},
    [READING_PROGRESS] = {"progress", {"done", "total", "fraction", "rate_per_s", "eta_s"}},
};

const char *reading_kind_name(ReadingKind kind)
{
    return kinds[kind].name;
}

double reading_number(const char *text)
{
    Number number;
    if (text == NULL || number_parse(text, strlen(text), &number) != 0)
        return (double)NAN;
    return number.value;
}

static const char *text_of(const cJSON *item)
{
    if (cJSON_IsBool(item))
        return cJSON_IsTrue(item) ? "true" : "false";
    return cJSON_GetStringValue(item);
}

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void take_series(ReadingKind kind, const cJSON *item, ReadingSeries *out)
{
    *out = (ReadingSeries){.kind = kind, .id = item->string};
    if (kinds[kind].field[0] == NULL) {
        out->field[0] = text_of(item);
        return;
    }
    for (size_t i = 0; i < READING_FIELDS && kinds[kind].field[i] != NULL; i++)
        out->field[i] = text_of(member(item, kinds[kind].field[i]));
}

static int take_all(Reading *reading, const cJSON *tree)
{
    size_t count = 0;
    for (int kind = 0; kind < READING_KINDS; kind++) {
        const cJSON *section = member(tree, kinds[kind].name);
        if (!cJSON_IsObject(section))
            return -EPROTO;
        count += (size_t)cJSON_GetArraySize(section);
    }
    reading->series = calloc(count + 1, sizeof *reading->series);
    if (reading->series == NULL)
        return -ENOMEM;
    for (int kind = 0; kind < READING_KINDS; kind++) {
        for (const cJSON *item = member(tree, kinds[kind].name)->child; item != NULL;
             item = item->next)
            take_series((ReadingKind)kind, item, &reading->series[reading->count++]);
    }
    return 0;
}

static int64_t whole(const cJSON *item)
{
    Number number;
    const char *text = text_of(item);
    return text != NULL && number_parse(text, strlen(text), &number) == 0 && number.is_integer
               ? number.integer
               : -1;
}

static int take_figures(Reading *reading, const cJSON *tree)
{
    const cJSON *ingest = member(tree, "ingest");
    reading->uptime_s = reading_number(text_of(member(member(tree, "service"), "uptime_s")));
    reading->datagrams = whole(member(ingest, "datagrams"));
    reading->values = whole(member(ingest, "values"));
    reading->rejected = whole(member(member(ingest, "rejected"), "total"));
    reading->dropped = whole(member(member(ingest, "dropped"), "kernel"));
    return reading->datagrams < 0 || reading->values < 0 || reading->rejected < 0 ||
                   reading->dropped < 0 || isnan(reading->uptime_s)
               ? -EPROTO
               : 0;
}

int reading_parse(Reading *out, const char *body, size_t length)
{
    *out = (Reading){0};
    char *quoted = malloc(quoted_numbers_size(length));
    if (quoted == NULL)
        return -ENOMEM;
    size_t quoted_length = quoted_numbers(body, length, quoted);
    cJSON *tree = cJSON_ParseWithLength(quoted, quoted_length);
    free(quoted);
    Reading reading = {.tree = tree};
    int status = tree == NULL ? -EPROTO : take_figures(&reading, tree);
    if (status == 0)
        status = take_all(&reading, tree);
    if (status == 0)
        *out = reading;
    else
        reading_free(&reading);
    return status;
}

void reading_free(Reading *reading)
{
    cJSON_Delete(reading->tree);
    free(reading->series);
    *reading = (Reading){0};
}
