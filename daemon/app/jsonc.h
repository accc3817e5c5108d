/* JSON with // and slash-star comments, read into a cJSON tree that knows where everything stood.
 *
 * cJSON builds the tree, but it takes much that is not JSON: text after the end, 01, a line break in
 * a string, invalid UTF-8, the same key twice. So the text passes jsonc_scan first, which is strict,
 * blanks out the comments and notes where each value begins and ends; and the tree is checked for
 * keys that occur twice. Keys are compared with case, and as they read after their escapes.
 *
 * A Jsonc belongs to one thread at a time; two of them are independent. */
#ifndef APP_JSONC_H
#define APP_JSONC_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "app/jsonc_scan.h"

typedef struct {
    cJSON *root;
    char *text;       /* our copy */
    JsoncSpan *spans; /* in the tree's order, parents first */
    size_t count;
} Jsonc;

/* Where a node of the tree stood, and the very text of it, which lives as long as the Jsonc. */
typedef struct {
    JsoncPlace key;
    JsoncPlace value;
    const char *source; /* not ended by a zero */
    size_t source_length;
} JsoncNode;

/* Reads the whole text. => 0: *out is to be given to jsonc_free(); -EINVAL: not JSON with comments,
 * *error says where and why; -ENOMEM: likewise, at line 1. On error *out is untouched. */
int jsonc_parse(const char *text, size_t length, Jsonc *out, JsoncError *error);

/* Takes a zeroed Jsonc too. */
void jsonc_free(Jsonc *doc);

/* `node` must belong to doc->root. Takes time in proportion to the text: meant for messages. */
JsoncNode jsonc_locate(const Jsonc *doc, const cJSON *node);

#endif
