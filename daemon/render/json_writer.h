/* Writes JSON piece by piece into a Buffer: commas, quotes and indentation are its business.
 *
 * The caller keeps the order right (a key before each value in an object, as many closes as opens);
 * nothing checks that. If the buffer overflows, the buffer says so, and what was written since is
 * void: save the writer and the buffer's length before a piece, and put both back after an overflow.
 *
 * Thread rule: a writer belongs to one thread. */
#ifndef RENDER_JSON_WRITER_H
#define RENDER_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "render/json_sink.h"

typedef struct {
    Buffer *out;
    unsigned depth; /* objects that are open */
    bool empty;     /* nothing stands in the innermost object yet */
    bool pretty;    /* one member a line, indented by two spaces */
} JsonWriter;

void json_writer_init(JsonWriter *writer, Buffer *out, bool pretty);

/* Opens the outermost object, or one that is a member of the object that is open. */
void json_writer_open(JsonWriter *writer);
void json_writer_open_member(JsonWriter *writer, const char *key, size_t key_length);
void json_writer_close(JsonWriter *writer);

/* One member of the open object. `key` and `text` may hold any bytes: they are escaped. */
void json_writer_key(JsonWriter *writer, const char *key, size_t key_length);
void json_writer_text(JsonWriter *writer, const char *key, const char *text);
void json_writer_double(JsonWriter *writer, const char *key, double value); /* not finite: null */
void json_writer_int64(JsonWriter *writer, const char *key, int64_t value);
void json_writer_uint64(JsonWriter *writer, const char *key, uint64_t value);

/* => a sink that writes into the object that is open. The writer must stay where it is. */
JsonSink json_writer_sink(JsonWriter *writer);

/* The new line after the whole document. */
void json_writer_end(JsonWriter *writer);

#endif
