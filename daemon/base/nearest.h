/* The word that somebody may have meant. Any thread; no state. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

enum {
    NEAREST_LENGTH = 63 /* of the longest words that are compared, in bytes */
};

/* How many characters to insert, delete or replace to make one of the other (Levenshtein: Wagner and Fischer,
 * "The string-to-string correction problem", 1974, in one row). `b`: at most NEAREST_LENGTH bytes. */
size_t nearest_distance(const char *a, const char *b);

/* => the distance from which on another word is no longer like one of this length. */
size_t nearest_limit(size_t length);

/* => of the words (the list ends with NULL) the one that is most like `word`, if any is. NULL: none. */
const char *nearest_word(const char *word, const char *const words[]);

#endif
