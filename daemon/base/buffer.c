#include "base/buffer.h"

#include "base/number.h"
#include "base/utf8.h"

#include <string.h>

void buffer_init(Buffer *buffer, char *memory, size_t capacity)
{
    *buffer = (Buffer){.data = memory, .capacity = capacity};
}

size_t buffer_room(const Buffer *buffer)
{
    return buffer->overflow ? 0 : buffer->capacity - buffer->length;
}

void buffer_bytes(Buffer *buffer, const void *bytes, size_t length)
{
    if (length > buffer_room(buffer)) {
        buffer->overflow = true;
        return;
    }
    if (length > 0) /* memcpy of nothing from NULL is undefined */
        memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
}

void buffer_text(Buffer *buffer, const char *text)
{
    buffer_bytes(buffer, text, strlen(text));
}

void buffer_char(Buffer *buffer, char c)
{
    buffer_bytes(buffer, &c, 1);
}

void buffer_double(Buffer *buffer, double value)
{
    char text[NUMBER_TEXT_SIZE];
    buffer_bytes(buffer, text, number_print_double(value, text));
}

void buffer_int64(Buffer *buffer, int64_t value)
{
    char text[NUMBER_TEXT_SIZE];
    buffer_bytes(buffer, text, number_print_int64(value, text));
}

void buffer_uint64(Buffer *buffer, uint64_t value)
{
    char text[NUMBER_TEXT_SIZE];
    buffer_bytes(buffer, text, number_print_uint64(value, text));
}

/* ASCII that stands for itself in a JSON string */
static bool is_plain(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

static void escape_ascii(Buffer *buffer, char c)
{
    static const char special[] = "\"\\\b\f\n\r\t";
    static const char letter[] = "\"\\bfnrt";
    const char *found = c ? strchr(special, c) : NULL;
    if (found) {
        buffer_bytes(buffer, (char[]){'\\', letter[found - special]}, 2);
    } else {
        static const char hex[] = "0123456789abcdef";
        buffer_bytes(buffer, (char[]){'\\', 'u', '0', '0', hex[c >> 4 & 15], hex[c & 15]}, 6);
    }
}

/* Appends the character or the odd byte at the start of text. => how many bytes of it are done */
static size_t json_character(Buffer *buffer, const char *text, size_t length)
{
    size_t step = utf8_sequence_length(text, length);
    if (step == 1)
        escape_ascii(buffer, *text);
    else if (step > 1)
        buffer_bytes(buffer, text, step);
    else
        buffer_text(buffer, "\xef\xbf\xbd"); /* U+FFFD */
    return step > 0 ? step : 1;
}

void buffer_json_string(Buffer *buffer, const char *text, size_t length)
{
    size_t before = buffer->length;
    buffer_char(buffer, '"');
    for (size_t i = 0; i < length;) {
        size_t run = i; /* most strings are a single run */
        while (run < length && is_plain(text[run]))
            run++;
        buffer_bytes(buffer, text + i, run - i);
        i = run;
        if (i < length)
            i += json_character(buffer, text + i, length - i);
    }
    buffer_char(buffer, '"');
    if (buffer->overflow)
        buffer->length = before; /* all or nothing */
}
