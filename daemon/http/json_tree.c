#include "http/json_tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/number_print.h"

JsonTree json_tree_create(void)
{
    JsonTree tree = {.root = cJSON_CreateObject()};
    tree.failed = tree.root == NULL;
    return tree;
}

void json_tree_destroy(JsonTree *tree)
{
    cJSON_Delete(tree->root);
    tree->root = NULL;
}

/* Remembers a failure. => what it was given. */
static cJSON *added(JsonTree *tree, cJSON *item)
{
    if (item == NULL)
        tree->failed = true;
    return item;
}

cJSON *json_tree_object(JsonTree *tree, cJSON *parent, const char *key)
{
    return added(tree, cJSON_AddObjectToObject(parent, key));
}

cJSON *json_tree_array(JsonTree *tree, cJSON *parent, const char *key)
{
    return added(tree, cJSON_AddArrayToObject(parent, key));
}

cJSON *json_tree_item(JsonTree *tree, cJSON *array)
{
    cJSON *item = added(tree, cJSON_CreateObject());
    if (item == NULL || cJSON_AddItemToArray(array, item))
        return item;
    cJSON_Delete(item);
    return added(tree, NULL);
}

void json_tree_text(JsonTree *tree, cJSON *parent, const char *key, const char *text)
{
    added(tree, cJSON_AddStringToObject(parent, key, text));
}

void json_tree_uint64(JsonTree *tree, cJSON *parent, const char *key, uint64_t value)
{
    char text[NUMBER_TEXT_SIZE];
    number_print_uint64(value, text);
    added(tree, cJSON_AddRawToObject(parent, key, text));
}

void json_tree_double(JsonTree *tree, cJSON *parent, const char *key, double value)
{
    char text[NUMBER_TEXT_SIZE];
    number_print_double(value, text);
    added(tree, cJSON_AddRawToObject(parent, key, text));
}

void json_tree_seconds(JsonTree *tree, cJSON *parent, const char *key, double seconds)
{
    json_tree_double(tree, parent, key, round(seconds * 1000) / 1000);
}

void json_tree_null(JsonTree *tree, cJSON *parent, const char *key)
{
    added(tree, cJSON_AddNullToObject(parent, key));
}

void json_tree_time(JsonTree *tree, cJSON *parent, const char *key, int64_t realtime_ns)
{
    char text[CLOCK_TEXT_SIZE];
    clock_format_utc(realtime_ns, text);
    json_tree_text(tree, parent, key, text);
}

/* ---- as a sink ---- */

static cJSON *innermost(const JsonTreePlace *place)
{
    return place->open[place->depth];
}

static void sink_open(void *to, const char *key)
{
    JsonTreePlace *place = to;
    cJSON *object = json_tree_object(place->tree, innermost(place), key);
    place->open[++place->depth] = object;
}

static void sink_close(void *to)
{
    JsonTreePlace *place = to;
    place->depth--;
}

static void sink_text(void *to, const char *key, const char *text)
{
    JsonTreePlace *place = to;
    json_tree_text(place->tree, innermost(place), key, text);
}

static void sink_uint64(void *to, const char *key, uint64_t value)
{
    JsonTreePlace *place = to;
    json_tree_uint64(place->tree, innermost(place), key, value);
}

static void sink_number(void *to, const char *key, double value)
{
    JsonTreePlace *place = to;
    json_tree_double(place->tree, innermost(place), key, value);
}

JsonSink json_tree_sink(JsonTree *tree, cJSON *object, JsonTreePlace *place)
{
    *place = (JsonTreePlace){.tree = tree, .open = {object}};
    return (JsonSink){.to = place,
                      .open = sink_open,
                      .close = sink_close,
                      .text = sink_text,
                      .uint64 = sink_uint64,
                      .number = sink_number};
}

char *json_tree_print(const JsonTree *tree, bool pretty, size_t *length)
{
    if (tree->failed)
        return NULL;
    char *printed = pretty ? cJSON_Print(tree->root) : cJSON_PrintUnformatted(tree->root);
    if (printed == NULL)
        return NULL;
    size_t size = strlen(printed);
    char *text =
        realloc(printed, size + 2); /* cJSON allocates with malloc: nobody sets its hooks */
    if (text == NULL) {
        free(printed);
        return NULL;
    }
    text[size] = '\n';
    text[size + 1] = '\0';
    *length = size + 1;
    return text;
}
