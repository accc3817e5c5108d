#include "cli/quoted_numbers.h"

#include <stdbool.h>
#include <string.h>

/* A number of one byte becomes three, and something has to stand between two of them. */
size_t quoted_numbers_size(size_t length)
{
    return 2 * length + 2;
}

static bool begins_number(char c)
{
    return c == '-' || (c >= '0' && c <= '9');
}

static bool in_number(char c)
{
    return begins_number(c) || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* => where the string that begins at `at` ends, behind its quote. */
static size_t skip_string(const char *text, size_t length, size_t at)
{
    for (at++; at < length && text[at] != '"'; at++) {
        if (text[at] == '\\')
            at++;
    }
    return at < length ? at + 1 : length;
}

size_t quoted_numbers(const char *text, size_t length, char *out)
{
    size_t written = 0;
    for (size_t at = 0; at < length;) {
        size_t end = at + 1;
        bool number = begins_number(text[at]);
        if (text[at] == '"')
            end = skip_string(text, length, at);
        while (number && end < length && in_number(text[end]))
            end++;
        if (number)
            out[written++] = '"';
        memcpy(out + written, text + at, end - at);
        written += end - at;
        if (number)
            out[written++] = '"';
        at = end;
    }
    return written;
}
