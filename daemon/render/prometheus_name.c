#include "render/prometheus_name.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    TAGS_MAX = SERIES_TAGS_MAX / 2 + 1,                  /* one byte each, and a comma */
    TAG_NAMES_MAX = SERIES_TAGS_MAX + 5 * (TAGS_MAX + 1) /* `tag_` and `_` may go before each */
};

typedef struct {
    const char *name; /* mapped */
    size_t name_length;
    const char *value;
    size_t value_length;
    size_t place; /* among the tags */
} Label;

static bool is_letter(unsigned char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static bool begins_with(const char *text, size_t length, const char *with)
{
    size_t size = strlen(with);
    return length >= size && memcmp(text, with, size) == 0;
}

static bool is_text(const char *text, size_t length, const char *other)
{
    return length == strlen(other) && memcmp(text, other, length) == 0;
}

/* Writes at most length + 1 bytes. => how many. */
static size_t map(const char *text, size_t length, char *out)
{
    size_t used = 0;
    if (length == 0 || is_digit((unsigned char)text[0]))
        out[used++] = '_';
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (is_letter(c) || is_digit(c))
            out[used++] = (char)c;
        else if ((c & 0xC0) != 0x80) /* not a further byte of a character */
            out[used++] = '_';
    }
    return used;
}

/* => the length with `before` before it. */
static size_t put_before(char *out, size_t used, const char *before)
{
    size_t size = strlen(before);
    memmove(out + size, out, used);
    for (size_t i = 0; i < size; i++)
        out[i] = before[i];
    return used + size;
}

size_t prometheus_name(const char *name, size_t length, char out[static PROMETHEUS_NAME_MAX])
{
    size_t used = map(name, length, out);
    if (begins_with(out, used, "atomicstatsd_") || begins_with(out, used, "scrape_") ||
        is_text(out, used, "up"))
        used = put_before(out, used, "statsd_");
    return used;
}

bool prometheus_name_is_taken(const char *name, size_t length)
{
    static const char *const endings[] = {"_total", "_sum", "_count", "_bucket", "_created"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t size = strlen(endings[i]);
        if (length >= size && memcmp(name + length - size, endings[i], size) == 0)
            return true;
    }
    return false;
}

/* ---- labels ---- */

static size_t map_label(const char *key, size_t length, char *out)
{
    size_t used = map(key, length, out);
    if (begins_with(out, used, "__"))
        return put_before(out, used, "tag");
    if (is_text(out, used, "le") || is_text(out, used, "quantile") ||
        is_text(out, used, PROMETHEUS_SERIES_LABEL))
        return put_before(out, used, "tag_");
    return used;
}

static Label read_tag(const char *tag, size_t length, char *name)
{
    static const char bare[] = "true";
    const char *colon = memchr(tag, ':', length);
    size_t key_length = colon != NULL ? (size_t)(colon - tag) : length;
    Label label = {.name = name, .value = bare, .value_length = sizeof bare - 1};
    label.name_length = map_label(tag, key_length, name);
    if (colon != NULL) {
        label.value = colon + 1;
        label.value_length = length - key_length - 1;
    }
    return label;
}

static int compare(const void *left, const void *right)
{
    const Label *a = left;
    const Label *b = right;
    size_t shorter = a->name_length < b->name_length ? a->name_length : b->name_length;
    int order = memcmp(a->name, b->name, shorter);
    if (order != 0)
        return order;
    if (a->name_length != b->name_length)
        return a->name_length < b->name_length ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

/* Puts the labels in order of their names; mostly they are already. */
static void sort(Label *labels, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (compare(&labels[i - 1], &labels[i]) > 0) {
            qsort(labels, count, sizeof *labels, compare);
            return;
        }
    }
}

/* => how many labels, with a value, there are; their names lie in `names`. */
static size_t read_tags(const char *tags, size_t length, Label *labels, char *names)
{
    size_t count = 0;
    const char *end = tags + length;
    while (tags < end) {
        const char *comma = memchr(tags, ',', (size_t)(end - tags));
        const char *stop = comma != NULL ? comma : end;
        Label label = read_tag(tags, (size_t)(stop - tags), names);
        if (label.value_length > 0) {
            label.place = count;
            names += label.name_length;
            labels[count++] = label;
        }
        tags = comma != NULL ? comma + 1 : end;
    }
    return count;
}

void prometheus_labels(Buffer *out, const char *tags, size_t length)
{
    Label labels[TAGS_MAX];
    char names[TAG_NAMES_MAX];
    if (length == 0)
        return;
    size_t count = read_tags(tags, length, labels, names);
    sort(labels, count);
    for (size_t i = 0; i < count; i++) {
        const Label *label = &labels[i];
        bool further = i > 0 && label->name_length == labels[i - 1].name_length &&
                       memcmp(label->name, labels[i - 1].name, label->name_length) == 0;
        if (further) {
            buffer_char(out, ',');
        } else {
            buffer_text(out, i > 0 ? "\"," : "");
            buffer_bytes(out, label->name, label->name_length);
            buffer_text(out, "=\"");
        }
        prometheus_escape(out, label->value, label->value_length);
    }
    if (count > 0)
        buffer_char(out, '"');
}

void prometheus_escape(Buffer *out, const char *text, size_t length)
{
    size_t plain = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c != '\\' && c != '"' && c != '\n')
            continue;
        buffer_bytes(out, text + plain, i - plain);
        buffer_char(out, '\\');
        buffer_text(out, c == '\n' ? "n" : c == '"' ? "\"" : "\\");
        plain = i + 1;
    }
    buffer_bytes(out, text + plain, length - plain);
}
