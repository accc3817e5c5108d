#include "cli/text.h"

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

#include "base/utf8.h"

enum {
    PIECE_SIZE = 20 /* four bytes as \xNN */
};

typedef struct {
    char text[PIECE_SIZE];
    size_t length;  /* of the text */
    size_t columns; /* it takes */
    size_t taken;   /* bytes of the source */
} Piece;

void text_begin(void)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (utf8 != (locale_t)0)
        (void)uselocale(utf8);
}

/* Of a whole valid character. */
static uint32_t code_point(const char *text, size_t length)
{
    static const unsigned char bits[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = (unsigned char)text[0] & bits[length];
    for (size_t i = 1; i < length; i++)
        code = code << 6 | ((unsigned char)text[i] & 0x3F);
    return code;
}

/* Zero-width and direction: what such characters do to a line, nobody can see. */
static bool is_hidden(uint32_t code)
{
    return code == 0xAD || code == 0x61C || (code >= 0x200B && code <= 0x200F) ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) ||
           code == 0xFEFF;
}

static Piece take_piece(const char *text)
{
    size_t left = strnlen(text, 4);
    size_t length = utf8_sequence_length(text, left);
    Piece piece = {.taken = length != 0 ? length : 1};
    bool clean = length != 0 && utf8_is_clean(text, length) && text[0] != '\\';
    if (clean) {
        uint32_t code = code_point(text, length);
        int width = wcwidth((wchar_t)code);
        if (!is_hidden(code)) {
            memcpy(piece.text, text, length);
            piece.length = length;
            piece.columns = width < 0 ? 1 : (size_t)width;
            return piece;
        }
    }
    if (text[0] == '\\')
        piece.length = (size_t)snprintf(piece.text, sizeof piece.text, "\\\\");
    else
        for (size_t i = 0; i < piece.taken; i++)
            piece.length +=
                (size_t)snprintf(piece.text + piece.length, sizeof piece.text - piece.length,
                                 "\\x%02x", (unsigned)(unsigned char)text[i]);
    piece.columns = piece.length;
    return piece;
}

/* => how many columns all of it takes; stops when it is more than `most`. */
static size_t measure(const char *text, size_t most)
{
    size_t columns = 0;
    while (*text != '\0' && columns <= most) {
        Piece piece = take_piece(text);
        columns += piece.columns;
        text += piece.taken;
    }
    return columns;
}

size_t text_print(FILE *file, const char *text, size_t columns)
{
    size_t all = measure(text, columns);
    bool fits = all <= columns;
    if (fits && file == NULL)
        return all;
    if (columns == 0)
        return 0;
    size_t room = fits ? columns : columns - 1;
    size_t used = 0;
    while (*text != '\0') {
        Piece piece = take_piece(text);
        if (used + piece.columns > room)
            break;
        if (file != NULL)
            (void)fwrite(piece.text, 1, piece.length, file);
        used += piece.columns;
        text += piece.taken;
    }
    if (!fits && file != NULL)
        (void)fputs("…", file);
    return used + !fits;
}
