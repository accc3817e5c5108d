#include "metrics/glob.h"

/* => the index after the UTF-8 character at i: over its continuation bytes. */
static size_t next_character(const char *text, size_t length, size_t i)
{
    i++;
    while (i < length && ((unsigned char)text[i] & 0xC0) == 0x80)
        i++;
    return i;
}

bool glob_matches(const char *pattern, size_t pattern_length, const char *text, size_t text_length)
{
    size_t p = 0;
    size_t t = 0;
    size_t after_star = 0; /* 0: no star yet, else the place in the pattern after the last one */
    size_t star_text = 0;  /* where in the text the last star's run ends for now */

    while (t < text_length) {
        if (p < pattern_length && pattern[p] == '*') {
            after_star = ++p;
            star_text = t;
        } else if (p < pattern_length && pattern[p] == '?') {
            p++;
            t = next_character(text, text_length, t);
        } else if (p < pattern_length && pattern[p] == text[t]) {
            p++;
            t++;
        } else if (after_star != 0) {
            /* The last star takes one character more. */
            p = after_star;
            star_text = next_character(text, text_length, star_text);
            t = star_text;
        } else {
            return false;
        }
    }
    while (p < pattern_length && pattern[p] == '*')
        p++;
    return p == pattern_length;
}
