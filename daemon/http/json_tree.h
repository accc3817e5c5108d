/* Small JSON documents as cJSON trees, with our numbers: cJSON's own printing loses digits.
 *
 * Every function takes a NULL object and then does nothing, so that a tree can be built without a
 * check at each step; the first that finds no memory is remembered in *failed. Texts must be valid
 * UTF-8. Thread rule: a tree belongs to one thread. */
#ifndef HTTP_JSON_TREE_H
#define HTTP_JSON_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "render/json_sink.h"

typedef struct {
    cJSON *root;
    bool failed; /* there was no memory: the tree has holes */
} JsonTree;

/* An empty object as the root. */
JsonTree json_tree_create(void);
void json_tree_destroy(JsonTree *tree);

/* Adds an object or an array to an object. => it; NULL: no memory. */
cJSON *json_tree_object(JsonTree *tree, cJSON *parent, const char *key);
cJSON *json_tree_array(JsonTree *tree, cJSON *parent, const char *key);

/* Adds an object to an array. => it; NULL: no memory. */
cJSON *json_tree_item(JsonTree *tree, cJSON *array);

/* Adds one member to an object. */
void json_tree_text(JsonTree *tree, cJSON *parent, const char *key, const char *text);
void json_tree_uint64(JsonTree *tree, cJSON *parent, const char *key, uint64_t value);
void json_tree_double(JsonTree *tree, cJSON *parent, const char *key, double value); /* or null */
void json_tree_seconds(JsonTree *tree, cJSON *parent, const char *key,
                       double seconds); /* to 1 ms */
void json_tree_null(JsonTree *tree, cJSON *parent, const char *key);

/* The time of CLOCK_REALTIME as UTC text. */
void json_tree_time(JsonTree *tree, cJSON *parent, const char *key, int64_t realtime_ns);

/* The object that a sink has open, within those around it. */
typedef struct {
    JsonTree *tree;
    cJSON *open[1 + JSON_SINK_DEPTH];
    unsigned depth;
} JsonTreePlace;

/* => a sink that adds to the object. `place` is its memory and must outlive it. */
JsonSink json_tree_sink(JsonTree *tree, cJSON *object, JsonTreePlace *place);

/* Prints it with a new line behind it. => text for free(), its length in *length; NULL: no memory,
 * now or while the tree was built. */
char *json_tree_print(const JsonTree *tree, bool pretty, size_t *length);

#endif
