/* What a terminal sends for a key. Pure. */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include <stddef.h>

typedef enum {
    KEY_OTHER,
    KEY_QUIT,
    KEY_UP,
    KEY_DOWN,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_HOME,
    KEY_END
} Key;

/* Takes the key that begins at bytes[*at], and moves *at behind it. `length` is more than *at. */
Key keys_next(const char *bytes, size_t length, size_t *at);

#endif
