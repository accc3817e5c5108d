#include "http/uri.h"

#include <errno.h>
#include <string.h>

static UriPart part_of(const char *data, size_t length)
{
    return (UriPart){.data = data, .length = length};
}

void uri_split(const char *target, size_t length, UriPart *path, UriPart *query)
{
    static const char scheme[] = "http://";
    size_t scheme_length = sizeof scheme - 1;
    if (length >= scheme_length && memcmp(target, scheme, scheme_length) == 0) {
        const char *slash = memchr(target + scheme_length, '/', length - scheme_length);
        size_t skipped = slash != NULL ? (size_t)(slash - target) : length;
        target += skipped;
        length -= skipped;
    }
    const char *mark = length > 0 ? memchr(target, '?', length) : NULL;
    size_t path_length = mark != NULL ? (size_t)(mark - target) : length;
    *path = part_of(target, path_length);
    *query = mark != NULL ? part_of(mark + 1, length - path_length - 1) : part_of(target, 0);
}

/* => 0 to 15; -1: not a hex digit. Locale-free. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Reads one byte, encoded or not, at in[*at] and moves *at behind it. => it; -1: a broken escape. */
static int next_byte(const char *in, size_t length, size_t *at)
{
    char c = in[(*at)++];
    if (c != '%')
        return (unsigned char)c;
    if (length - *at < 2)
        return -1;
    int high = hex_value(in[*at]);
    int low = hex_value(in[*at + 1]);
    *at += 2;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static int decode(const char *in, size_t length, char *out, size_t capacity, size_t *out_length,
                  bool plus_is_space)
{
    size_t used = 0;
    for (size_t at = 0; at < length;) {
        bool space = plus_is_space && in[at] == '+';
        int byte = next_byte(in, length, &at);
        if (byte <= 0)
            return -EINVAL;
        if (used == capacity)
            return -ENOSPC;
        out[used] = ' ';
        if (!space)
            out[used] = (char)byte;
        used++;
    }
    *out_length = used;
    return 0;
}

int uri_decode(const char *in, size_t length, char *out, size_t capacity, size_t *out_length)
{
    return decode(in, length, out, capacity, out_length, false);
}

int uri_decode_query(const char *in, size_t length, char *out, size_t capacity, size_t *out_length)
{
    return decode(in, length, out, capacity, out_length, true);
}

bool uri_next_parameter(UriPart *query, UriPart *key, UriPart *value)
{
    while (query->length > 0) {
        const char *start = query->data;
        const char *end = memchr(start, '&', query->length);
        size_t length = end != NULL ? (size_t)(end - start) : query->length;
        size_t skipped = end != NULL ? length + 1 : length;
        query->data += skipped;
        query->length -= skipped;
        if (length == 0)
            continue;
        const char *equals = memchr(start, '=', length);
        size_t key_length = equals != NULL ? (size_t)(equals - start) : length;
        *key = part_of(start, key_length);
        *value = equals != NULL ? part_of(equals + 1, length - key_length - 1)
                                : part_of(start + length, 0);
        return true;
    }
    return false;
}

bool uri_part_is(const UriPart *part, const char *text)
{
    size_t length = strlen(text);
    return part->length == length && memcmp(part->data, text, length) == 0;
}
