/* The word that somebody may have meant. Any thread; no state. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

enum {
    NEAREST_LENGTH = 63 /* of the longest words that are compared, in bytes */
};

/* How many bytes to insert, delete, replace, or exchange with their neighbour, to make one of the other
 * (optimal string alignment: Damerau, "A technique for computer detection and correction of spelling
 * errors", 1964, by Wagner and Fischer's algorithm, 1974). `b`: at most NEAREST_LENGTH bytes. */
size_t nearest_distance(const char *a, const char *b);

/* => the distance from which on another word is no longer like one of this length. */
size_t nearest_limit(size_t length);

/* => of the words (the list ends with NULL) the one that is most like `word`, nearer than the limit and half of
 * it the same; NULL: none is. */
const char *nearest_word(const char *word, const char *const words[]);

#endif
