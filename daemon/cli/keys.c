#include "cli/keys.h"

#include <string.h>

static const struct {
    const char *bytes;
    Key key;
} keys[] = {
    {"q", KEY_QUIT},
    {"Q", KEY_QUIT},
    {"\033[A", KEY_UP},
    {"\033OA", KEY_UP},
    {"k", KEY_UP},
    {"\033[B", KEY_DOWN},
    {"\033OB", KEY_DOWN},
    {"j", KEY_DOWN},
    {"\033[5~", KEY_PAGE_UP},
    {"b", KEY_PAGE_UP},
    {"\033[6~", KEY_PAGE_DOWN},
    {" ", KEY_PAGE_DOWN},
    {"\033[H", KEY_HOME},
    {"\033OH", KEY_HOME},
    {"\033[1~", KEY_HOME},
    {"g", KEY_HOME},
    {"\033[F", KEY_END},
    {"\033OF", KEY_END},
    {"\033[4~", KEY_END},
    {"G", KEY_END},
};

/* => the bytes of a sequence that is not in the table: ESC [ ... up to a letter or "~", or one byte. */
static size_t skip(const char *bytes, size_t length)
{
    if (length < 2 || bytes[0] != '\033' || bytes[1] != '[')
        return 1;
    size_t taken = 2;
    while (taken < length && (bytes[taken] < '@' || bytes[taken] > '~'))
        taken++;
    return taken < length ? taken + 1 : length;
}

Key keys_next(const char *bytes, size_t length, size_t *at)
{
    const char *begin = bytes + *at;
    size_t left = length - *at;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        size_t wanted = strlen(keys[i].bytes);
        if (wanted <= left && memcmp(keys[i].bytes, begin, wanted) == 0) {
            *at += wanted;
            return keys[i].key;
        }
    }
    *at += skip(begin, left);
    return KEY_OTHER;
}
