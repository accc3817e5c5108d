#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

#define EACH_BYTE(x) (UINT64_C(0x0101010101010101) * (x))

/* Whether all 8 bytes are 0x20 to 0x7e, in four operations. Each byte is tested in its own top bit:
 * - in w itself: the byte is no ASCII;
 * - in w + 0x01…: 0x7f became 0x80. No sum carries into the next byte unless a byte was 0xff, which
 *   the first test has caught;
 * - in w - 0x20…: a byte below 0x20 became 0xe0 or more. A borrow from the byte below it can only
 *   come from another byte below 0x20, which then shows itself. */
static inline bool word_is_clean(uint64_t w)
{
    return ((w | (w + EACH_BYTE(0x01)) | (w - EACH_BYTE(0x20))) & EACH_BYTE(0x80)) == 0;
}

static inline uint64_t word_at(const char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

/* All bytes of a text of 1 to 7 bytes in one word, some of them twice. */
static inline uint64_t short_word(const char *p, size_t length)
{
    if (length >= 4) {
        uint32_t first;
        uint32_t last;
        memcpy(&first, p, sizeof first);
        memcpy(&last, p + length - sizeof last, sizeof last);
        return (uint64_t)first << 32 | last;
    }
    const unsigned char *c = (const unsigned char *)p;
    return EACH_BYTE(0x20) << 24 | (uint64_t)c[0] << 16 | (uint64_t)c[length / 2] << 8 |
           c[length - 1];
}

static inline bool is_continuation(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* The table of RFC 3629 section 4: after some lead bytes the second has a narrower range, which is
 * what shuts out overlong forms (e0, f0), surrogates (ed) and what is above U+10FFFF (f4). */
size_t utf8_sequence_length(const char *text, size_t length)
{
    const unsigned char *p = (const unsigned char *)text;
    if (length == 0)
        return 0;
    unsigned char lead = p[0];
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4 || length < 2)
        return 0;
    if (lead < 0xe0)
        return is_continuation(p[1]) ? 2 : 0;
    unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    size_t needed = lead < 0xf0 ? 3 : 4;
    if (length < needed || p[1] < low || p[1] > high || !is_continuation(p[2]))
        return 0;
    return needed == 3 || is_continuation(p[3]) ? needed : 0;
}

/* Whether the valid character at p is of category Cc; C1 is c2 80 to c2 9f. */
static bool is_control(const char *p)
{
    unsigned char lead = (unsigned char)p[0];
    return lead < 0x20 || lead == 0x7f || (lead == 0xc2 && (unsigned char)p[1] < 0xa0);
}

/* What the fast path did not pass: some character in it is no printable ASCII. */
static bool is_clean_slowly(const char *p, const char *end)
{
    while (p < end) {
        size_t step = utf8_sequence_length(p, (size_t)(end - p));
        if (step == 0 || is_control(p))
            return false;
        p += step;
        while (end - p >= 8 && word_is_clean(word_at(p)))
            p += 8;
    }
    return true;
}

bool utf8_is_clean(const char *text, size_t length)
{
    const char *p = text;
    const char *end = text + length;
    if (length < 8)
        return length == 0 || word_is_clean(short_word(p, length)) || is_clean_slowly(p, end);
    while (end - p >= 8) {
        if (!word_is_clean(word_at(p)))
            return is_clean_slowly(p, end);
        p += 8;
    }
    /* The last bytes are checked with some before them again: one step instead of seven. */
    return word_is_clean(word_at(end - 8)) || is_clean_slowly(p, end);
}

/* Writes the escaped form of one byte, or of a whole character of `step` bytes. => its length, at
 * most 4 */
static size_t escape_one(const char *p, size_t step, char out[static 4])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char c = (unsigned char)*p;
    if (step == 0 || is_control(p)) {
        memcpy(out, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
        return 4;
    }
    memcpy(out, p, step);
    if (c == '\\')
        out[step++] = '\\';
    return step;
}

size_t utf8_escape(const char *bytes, size_t length, char *out, size_t capacity)
{
    if (capacity == 0)
        return 0;
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        size_t step = utf8_sequence_length(bytes + i, length - i);
        char piece[4];
        size_t size = escape_one(bytes + i, step, piece);
        if (size > capacity - 1 - used)
            break;
        memcpy(out + used, piece, size);
        used += size;
        /* Of a control character of two bytes the second is escaped by itself, being no character. */
        i += step == 0 || is_control(bytes + i) ? 1 : step;
    }
    out[used] = '\0';
    return used;
}
