#include "base/digits.h"

#include <errno.h>

int64_t digits_parse(const char *text, int64_t limit)
{
    int64_t value = 0;
    if (*text == '\0')
        return -EINVAL;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return -EINVAL;
        int digit = *text - '0';
        if (value > limit / 10 || value * 10 > limit - digit)
            return -EINVAL;
        value = value * 10 + digit;
    }
    return value;
}
