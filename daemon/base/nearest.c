#include "base/nearest.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t nearest_distance(const char *a, const char *b)
{
    size_t rows[3]
               [NEAREST_LENGTH + 1]; /* for what of `a` has been read, and one and two bytes less */
    size_t length = strlen(b);
    for (size_t j = 0; j <= length; j++)
        rows[0][j] = j;
    size_t i = 0;
    for (; a[i] != '\0'; i++) {
        const size_t *before = rows[i % 3];
        const size_t *before_that = rows[(i + 2) % 3];
        size_t *now = rows[(i + 1) % 3];
        now[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            now[j + 1] =
                least(least(before[j + 1], now[j]) + 1, before[j] + (a[i] == b[j] ? 0 : 1));
            if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j])
                now[j + 1] = least(now[j + 1], before_that[j - 1] + 1);
        }
    }
    return rows[i % 3][length];
}

size_t nearest_limit(size_t length)
{
    return 2 + length / 3;
}

const char *nearest_word(const char *word, const char *const words[])
{
    const char *found = NULL;
    size_t length = strlen(word);
    size_t best = nearest_limit(length);
    if (length > NEAREST_LENGTH)
        return NULL;
    for (size_t i = 0; words[i] != NULL; i++) {
        size_t distance = nearest_distance(word, words[i]);
        if (distance < best && 2 * distance <= length) {
            best = distance;
            found = words[i];
        }
    }
    return found;
}
