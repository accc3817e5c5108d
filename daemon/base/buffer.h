/* Text appended to memory of fixed size, for rendering. One thread at a time. The text is not
 * zero-terminated.
 *
 * Each call appends all of what it is given or nothing. What does not fit sets `overflow`, and from
 * then on nothing more is appended, so that the text has no holes: it is what was complete before.
 * To render a piece and fall back, note `length` before it; on overflow, set it back and clear
 * `overflow`. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    char *data; /* the caller's memory */
    size_t capacity;
    size_t length;
    bool overflow;
} Buffer;

/* An empty text in memory[0..capacity), which must outlive the buffer's use. */
void buffer_init(Buffer *buffer, char *memory, size_t capacity);

/* => the bytes that can still be appended: 0 after an overflow */
size_t buffer_room(const Buffer *buffer);

void buffer_bytes(Buffer *buffer, const void *bytes, size_t length);
void buffer_text(Buffer *buffer, const char *text); /* zero-terminated */
void buffer_char(Buffer *buffer, char c);

/* JSON numbers, as number_print_…() writes them; what is not finite is null. */
void buffer_double(Buffer *buffer, double value);
void buffer_int64(Buffer *buffer, int64_t value);
void buffer_uint64(Buffer *buffer, uint64_t value);

/* A JSON string with its quotes (RFC 8259 section 7): `"`, `\` and control characters below U+0020
 * are escaped, other characters stand for themselves. Each byte that is part of no valid character
 * becomes U+FFFD, so that the result is valid UTF-8 whatever comes in. */
void buffer_json_string(Buffer *buffer, const char *text, size_t length);

#endif
