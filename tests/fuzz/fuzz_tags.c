/* Any bytes as tags: nothing beyond the input is read or written, the canonical form is never longer,
 * is canonical itself, stays as it is when made canonical again, and has exactly the input's items:
 * each once, in order. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/registry.h"
#include "metrics/tags.h"

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* => whether the item is one of those that the commas divide the text into. */
static bool has_item(const char *text, size_t length, const char *item, size_t item_length)
{
    for (size_t start = 0, end = 0; end <= length; end++) {
        if (end < length && text[end] != ',')
            continue;
        if (end - start == item_length && memcmp(text + start, item, item_length) == 0)
            return true;
        start = end + 1;
    }
    return false;
}

/* Every item of `text` but empty ones is one of `other`'s. */
static void require_subset(const char *text, size_t length, const char *other, size_t other_length)
{
    for (size_t start = 0, end = 0; end <= length; end++) {
        if (end < length && text[end] != ',')
            continue;
        require(end == start || has_item(other, other_length, text + start, end - start));
        start = end + 1;
    }
}

/* Each item is not empty and greater than the one before it; said without tags.c. */
static void require_ascending(const char *text, size_t length)
{
    size_t before = 0;
    size_t before_length = 0;
    for (size_t start = 0, end = 0; end <= length && length != 0; end++) {
        if (end < length && text[end] != ',')
            continue;
        size_t item_length = end - start;
        size_t common = item_length < before_length ? item_length : before_length;
        int order = memcmp(text + before, text + start, common);
        require(order < 0 || (order == 0 && before_length < item_length));
        before = start;
        before_length = item_length;
        start = end + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > SERIES_TAGS_MAX)
        size = SERIES_TAGS_MAX;
    /* Copies that end where the text does. */
    char *tags = malloc(size + 1);
    char *once = malloc(size + 1);
    require(tags != NULL && once != NULL);
    memcpy(tags + 1, data, size);
    size_t length = tags_canonical(tags + 1, size, once + 1);
    require(length <= size);
    require(memcmp(tags + 1, data, size) == 0);

    char *twice = malloc(length + 1);
    char *exact = malloc(length + 1);
    require(twice != NULL && exact != NULL);
    memcpy(exact + 1, once + 1, length);
    require(tags_canonical(exact + 1, length, twice + 1) == length);
    require(memcmp(exact + 1, twice + 1, length) == 0);
    require(tags_are_canonical(exact + 1, length));

    bool same = length == size && memcmp(exact + 1, data, size) == 0;
    require(tags_are_canonical(tags + 1, size) == same);
    require_ascending(exact + 1, length);
    require_subset(exact + 1, length, tags + 1, size);
    require_subset(tags + 1, size, exact + 1, length);
    free(tags);
    free(once);
    free(twice);
    free(exact);
    return 0;
}
