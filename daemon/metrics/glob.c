#include "metrics/glob.h"

#include <string.h>

/* A run of bytes. */
typedef struct {
    const char *bytes;
    size_t length;
} Run;

/* => the index after the UTF-8 character at i: over its continuation bytes. */
static size_t next_character(Run text, size_t i)
{
    i++;
    while (i < text.length && ((unsigned char)text.bytes[i] & 0xC0) == 0x80)
        i++;
    return i;
}

/* Matches a piece without `*` at the text's beginning. => whether it does; then *end is where. */
static bool piece_begins(Run piece, Run text, size_t *end)
{
    size_t t = 0;
    for (size_t p = 0; p < piece.length; p++) {
        if (t >= text.length)
            return false;
        if (piece.bytes[p] == '?')
            t = next_character(text, t);
        else if (piece.bytes[p] == text.bytes[t])
            t++;
        else
            return false;
    }
    *end = t;
    return true;
}

/* Finds the first place where a piece without `*` matches; `at_end`: and the text ends with it.
 * => whether there is one; then *end is where the match ends. */
static bool piece_occurs(Run piece, Run text, bool at_end, size_t *end)
{
    if (piece.length == 0) {
        *end = at_end ? text.length : 0;
        return true;
    }
    if (memchr(piece.bytes, '?', piece.length) == NULL) {
        /* The common case, in linear time. */
        if (piece.length > text.length)
            return false;
        const char *place = text.bytes + text.length - piece.length;
        if (!at_end)
            place = memmem(text.bytes, text.length, piece.bytes, piece.length);
        else if (memcmp(place, piece.bytes, piece.length) != 0)
            place = NULL;
        if (place == NULL)
            return false;
        *end = (size_t)(place - text.bytes) + piece.length;
        return true;
    }
    for (size_t t = 0; t <= text.length; t = next_character(text, t)) {
        size_t length;
        Run rest = {text.bytes + t, text.length - t};
        if (piece_begins(piece, rest, &length) && (!at_end || length == rest.length)) {
            *end = t + length;
            return true;
        }
    }
    return false;
}

/* Cuts the piece up to the next `*` off the pattern. => whether a `*` followed it. */
static bool next_piece(Run *pattern, Run *piece)
{
    const char *star = pattern->length > 0 ? memchr(pattern->bytes, '*', pattern->length) : NULL;
    *piece = *pattern;
    if (star == NULL)
        return false;
    piece->length = (size_t)(star - pattern->bytes);
    pattern->bytes = star + 1;
    pattern->length -= piece->length + 1;
    return true;
}

bool glob_matches(const char *pattern, size_t pattern_length, const char *text, size_t text_length)
{
    Run rest = {pattern, pattern_length};
    Run left = {text, text_length};
    Run piece;
    size_t end;
    bool more = next_piece(&rest, &piece);
    if (!piece_begins(piece, left, &end))
        return false;
    if (!more)
        return end == text_length;
    do {
        left = (Run){left.bytes + end, left.length - end};
        more = next_piece(&rest, &piece);
        /* The leftmost place leaves the most for the pieces behind it. */
        if (!piece_occurs(piece, left, !more, &end))
            return false;
    } while (more);
    return true;
}
