/* The strict reader under jsonc: is this text JSON with comments, and where does each value stand?
 * RFC 8259 plus // and slash-star comments, nothing else: no comma before a closing bracket, no byte
 * order mark, valid UTF-8 throughout. Numbers and strings are checked, not converted. Any thread. */
#ifndef APP_JSONC_SCAN_H
#define APP_JSONC_SCAN_H

#include <stddef.h>

enum {
    JSONC_MAX_DEPTH = 16,    /* objects and lists inside one another */
    JSONC_MAX_VALUES = 1024, /* values in one text, objects and lists included */
    JSONC_ERROR_SIZE = 160,
};

/* Both from 1; columns count characters, a tab is one. */
typedef struct {
    size_t line;
    size_t column;
} JsoncPlace;

typedef struct {
    JsoncPlace place;
    char text[JSONC_ERROR_SIZE]; /* what is wrong, without the place */
} JsoncError;

/* Byte positions of one value and of its key; a value without a key has its own place there. */
typedef struct {
    size_t key;
    size_t value;
    size_t end;
} JsoncSpan;

/* Checks text[0..length), where text[length] must be zero, and copies it to plain[0..length] with
 * blanks for comments (line breaks stay). => 0: spans[0..*count) are the values in the order of the
 * text, parents first; -EINVAL: *error says where and why, and *count is untouched. */
int jsonc_scan(const char *text, size_t length, char *plain,
               JsoncSpan spans[static JSONC_MAX_VALUES], size_t *count, JsoncError *error);

/* Where text[at] stands. */
JsoncPlace jsonc_scan_place(const char *text, size_t at);

#endif
