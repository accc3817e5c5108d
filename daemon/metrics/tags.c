#include "metrics/tags.h"

#include <stdlib.h>
#include <string.h>

#include "metrics/registry.h"

typedef struct {
    const char *text;
    size_t length;
} Tag;

/* By bytes; a prefix comes before what it begins. */
static int tag_compare(const void *left, const void *right)
{
    const Tag *a = left;
    const Tag *b = right;
    int order = memcmp(a->text, b->text, a->length < b->length ? a->length : b->length);
    if (order != 0)
        return order;
    return (a->length > b->length) - (a->length < b->length);
}

/* Takes the next item off *rest. => false at the end. */
static bool tag_next(const char **rest, const char *end, Tag *tag)
{
    if (*rest > end)
        return false;
    const char *comma = memchr(*rest, ',', (size_t)(end - *rest));
    const char *stop = comma != NULL ? comma : end;
    *tag = (Tag){*rest, (size_t)(stop - *rest)};
    *rest = stop + 1;
    return true;
}

bool tags_are_canonical(const char *tags, size_t length)
{
    if (length == 0)
        return true;
    const char *rest = tags;
    Tag before = {tags, 0};
    Tag tag;
    /* Strictly ascending, beginning above the empty item, says sorted, without repeats or empties. */
    while (tag_next(&rest, tags + length, &tag)) {
        if (tag_compare(&before, &tag) >= 0)
            return false;
        before = tag;
    }
    return true;
}

size_t tags_canonical(const char *tags, size_t length, char *out)
{
    /* An item takes a byte and a comma, so there are at most half as many as bytes, and one. */
    Tag items[SERIES_TAGS_MAX / 2 + 1];
    size_t count = 0;
    const char *rest = tags;
    Tag tag;
    while (length != 0 && tag_next(&rest, tags + length, &tag)) {
        if (tag.length != 0)
            items[count++] = tag;
    }
    qsort(items, count, sizeof items[0], tag_compare);

    size_t written = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && tag_compare(&items[i - 1], &items[i]) == 0)
            continue;
        if (written > 0)
            out[written++] = ',';
        memcpy(out + written, items[i].text, items[i].length);
        written += items[i].length;
    }
    return written;
}
