/* Any stream, in reads of any sizes: nothing beyond what was read is touched, and the lines that come of it are
 * those that its newlines make, each that is too long told once, wherever the reads cut it.
 *
 * The input: two bytes from which the sizes of the reads come; then the stream, where a byte below 0x80 stands for
 * itself, and any other for 64 to 8,192 times 'x', so that a small input has long lines. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/stream_lines.h"

enum {
    STREAM_MOST = 1 << 20,
    READ_MOST = 65535
};

/* What comes of it: whole lines one after the other, and a '\x01' for each that is too long. */
typedef struct {
    char *text;
    size_t length;
    size_t rest; /* bytes of a last line without newline */
} Result;

static void require(bool holds)
{
    if (!holds)
        abort();
}

static size_t expand(const uint8_t *data, size_t size, char *out)
{
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        size_t times = data[i] < 0x80 ? 1 : (size_t)(data[i] - 0x7F) * 64;
        if (length + times > STREAM_MOST)
            break;
        memset(out + length, data[i] < 0x80 ? data[i] : 'x', times);
        length += times;
    }
    return length;
}

static Result line_by_line(const char *bytes, size_t length, char *memory)
{
    Result r = {.text = memory};
    while (length > 0) {
        const char *newline = memchr(bytes, '\n', length);
        size_t line = newline != NULL ? (size_t)(newline - bytes) : length;
        size_t all = line + (newline != NULL ? 1 : 0);
        if (line > STREAM_LINE_MAX) {
            r.text[r.length++] = '\x01';
        } else if (newline != NULL) {
            memcpy(r.text + r.length, bytes, all);
            r.length += all;
        } else {
            r.rest = line;
        }
        bytes += all;
        length -= all;
    }
    return r;
}

static void take(Result *r, StreamPiece kind, const char *piece, size_t size)
{
    require(size > 0);
    if (kind == STREAM_LINES) {
        require(piece[size - 1] == '\n');
        memcpy(r->text + r->length, piece, size);
        r->length += size;
    } else if (kind == STREAM_TOO_LONG) {
        r->text[r->length++] = '\x01';
    }
}

static size_t next_size(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return 1 + (*seed >> 8) % (1U << (*seed >> 28));
}

static Result in_reads(const char *bytes, size_t length, uint32_t seed, char *memory)
{
    Result r = {.text = memory};
    char *kept = NULL;
    bool skipping = false;
    for (size_t at = 0; at < length;) {
        size_t got = next_size(&seed);
        got = got < READ_MOST - r.rest ? got : READ_MOST - r.rest;
        got = got < length - at ? got : length - at;
        char *text = malloc(r.rest + got); /* it ends where the text does */
        require(text != NULL);
        if (r.rest > 0)
            memcpy(text, kept, r.rest);
        memcpy(text + r.rest, bytes + at, got);
        at += got;

        StreamLines s;
        StreamPiece kind;
        const char *piece;
        size_t size;
        size_t seen = 0;
        stream_lines_begin(&s, text, r.rest, got, skipping);
        while ((kind = stream_lines_next(&s, &piece, &size)) != STREAM_END) {
            require(piece == text + seen);
            seen += size;
            take(&r, kind, piece, size);
        }
        require(s.at == text + seen && s.end == text + r.rest + got);
        r.rest = (size_t)(s.end - s.at);
        skipping = s.skipping;
        require(r.rest <= STREAM_LINE_MAX && (!skipping || r.rest == 0));
        free(kept);
        kept = malloc(r.rest + 1);
        require(kept != NULL);
        memcpy(kept, s.at, r.rest);
        free(text);
    }
    free(kept);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char stream[STREAM_MOST];
    static char once[STREAM_MOST + 1];
    static char again[STREAM_MOST + 1];
    if (size < 2)
        return 0;
    size_t length = expand(data + 2, size - 2, stream);
    Result expected = line_by_line(stream, length, once);
    uint32_t seed = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 8;
    Result actual = in_reads(stream, length, seed, again);
    require(expected.length == actual.length && expected.rest == actual.rest);
    require(memcmp(expected.text, actual.text, expected.length) == 0);
    return 0;
}
