#include "base/nearest.h"

#include <string.h>

size_t nearest_distance(const char *a, const char *b)
{
    size_t row[NEAREST_LENGTH + 1];
    size_t length = strlen(b);
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t best = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            if (best > row[j] + 1)
                best = row[j] + 1;
            if (best > diagonal + 1)
                best = diagonal + 1;
            row[j + 1] = best;
        }
    }
    return row[length];
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
        /* A short word is not like another that shares nothing with it. */
        if (distance < best && distance < length) {
            best = distance;
            found = words[i];
        }
    }
    return found;
}
