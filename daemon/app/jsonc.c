#include "app/jsonc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Counts the nodes before `wanted`, parents first, as the spans are. => it was found. */
static bool count_before(const cJSON *siblings, const cJSON *wanted, size_t *index)
{
    for (const cJSON *node = siblings; node != NULL; node = node->next) {
        if (node == wanted)
            return true;
        ++*index;
        if (count_before(node->child, wanted, index))
            return true;
    }
    return false;
}

JsoncNode jsonc_locate(const Jsonc *doc, const cJSON *node)
{
    size_t index = 0;
    if (!count_before(doc->root, node, &index))
        return (JsoncNode){{1, 1}, {1, 1}, doc->text, 0};
    const JsoncSpan *span = &doc->spans[index];
    return (JsoncNode){
        .key = jsonc_scan_place(doc->text, span->key),
        .value = jsonc_scan_place(doc->text, span->value),
        .source = doc->text + span->value,
        .source_length = span->end - span->value,
    };
}

/* The first member whose key an earlier one has, anywhere below `siblings`; NULL: none. */
static const cJSON *find_duplicate(const cJSON *siblings)
{
    for (const cJSON *node = siblings; node != NULL; node = node->next) {
        for (const cJSON *before = siblings; before != node; before = before->next)
            if (node->string != NULL && strcmp(node->string, before->string) == 0)
                return node;
        const cJSON *below = find_duplicate(node->child);
        if (below != NULL)
            return below;
    }
    return NULL;
}

/* What jsonc_scan lets through, cJSON reads; only memory can be missing. */
static int build_tree(Jsonc *doc, size_t length, JsoncError *error)
{
    char *plain = malloc(length + 1);
    if (plain == NULL)
        return -ENOMEM;
    size_t count = 0;
    int status = jsonc_scan(doc->text, length, plain, doc->spans, &count, error);
    if (status == 0) {
        doc->count = count;
        doc->root = cJSON_ParseWithOpts(plain, NULL, 1);
        status = doc->root == NULL ? -ENOMEM : 0;
    }
    free(plain);
    return status;
}

static int parse_copy(Jsonc *doc, const char *text, size_t length, JsoncError *error)
{
    error->place = (JsoncPlace){1, 1};
    snprintf(error->text, sizeof error->text, "out of memory");
    doc->text = malloc(length + 1);
    doc->spans = malloc(JSONC_MAX_VALUES * sizeof *doc->spans);
    if (doc->text == NULL || doc->spans == NULL)
        return -ENOMEM;
    if (length > 0)
        memcpy(doc->text, text, length);
    doc->text[length] = '\0';

    int status = build_tree(doc, length, error);
    const cJSON *duplicate = status == 0 ? find_duplicate(doc->root) : NULL;
    if (duplicate == NULL)
        return status;
    error->place = jsonc_locate(doc, duplicate).key;
    snprintf(error->text, sizeof error->text, "duplicate key %s: it is there already, further up",
             duplicate->string);
    return -EINVAL;
}

int jsonc_parse(const char *text, size_t length, Jsonc *out, JsoncError *error)
{
    Jsonc doc = {0};
    int status = parse_copy(&doc, text, length, error);
    if (status == 0)
        *out = doc;
    else
        jsonc_free(&doc);
    return status;
}

void jsonc_free(Jsonc *doc)
{
    cJSON_Delete(doc->root);
    free(doc->text);
    free(doc->spans);
    *doc = (Jsonc){0};
}
