#include "app/config_unix.h"

#include <stddef.h>
#include <string.h>

#include "base/utf8.h"

const char *config_unix_refuse_name(const char *text)
{
    size_t length = strlen(text);
    if (length >= CONFIG_UNIX_NAME_SIZE)
        return "is longer than the 107 bytes that the kernel takes";
    if (length > 0 && text[0] != '/' && text[0] != '@')
        return "is neither an absolute path, such as /run/atomicstatsd/values.sock, nor \"@\" and "
               "an "
               "abstract name";
    if (strcmp(text, "@") == 0)
        return "has no name behind the \"@\"";
    if (length > 0 && text[length - 1] == '/')
        return "is a directory's name: add the socket's";
    if (!utf8_is_clean(text, length))
        return "is not UTF-8 without control characters";
    return NULL;
}

bool config_unix_read_mode(const char *text, unsigned *mode)
{
    size_t length = strlen(text);
    unsigned value = 0;
    if (length == 0 || length > 4 || strspn(text, "01234567") != length)
        return false;
    for (size_t i = 0; i < length; i++)
        value = value * 8 + (unsigned)(text[i] - '0');
    if (value > 0777)
        return false;
    *mode = value;
    return true;
}
