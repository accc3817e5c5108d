#include "render/json_writer.h"

#include <string.h>

void json_writer_init(JsonWriter *writer, Buffer *out, bool pretty)
{
    *writer = (JsonWriter){.out = out, .empty = true, .pretty = pretty};
}

static void new_line(JsonWriter *writer)
{
    if (!writer->pretty)
        return;
    buffer_char(writer->out, '\n');
    for (unsigned i = 0; i < writer->depth; i++)
        buffer_text(writer->out, "  ");
}

void json_writer_open(JsonWriter *writer)
{
    buffer_char(writer->out, '{');
    writer->depth++;
    writer->empty = true;
}

void json_writer_key(JsonWriter *writer, const char *key, size_t key_length)
{
    if (!writer->empty)
        buffer_char(writer->out, ',');
    writer->empty = false;
    new_line(writer);
    buffer_json_string(writer->out, key, key_length);
    buffer_text(writer->out, writer->pretty ? ": " : ":");
}

void json_writer_open_member(JsonWriter *writer, const char *key, size_t key_length)
{
    json_writer_key(writer, key, key_length);
    json_writer_open(writer);
}

void json_writer_close(JsonWriter *writer)
{
    writer->depth--;
    if (!writer->empty)
        new_line(writer);
    writer->empty = false; /* the object around it holds at least the one just closed */
    buffer_char(writer->out, '}');
}

void json_writer_text(JsonWriter *writer, const char *key, const char *text)
{
    json_writer_key(writer, key, strlen(key));
    buffer_json_string(writer->out, text, strlen(text));
}

void json_writer_double(JsonWriter *writer, const char *key, double value)
{
    json_writer_key(writer, key, strlen(key));
    buffer_double(writer->out, value);
}

void json_writer_int64(JsonWriter *writer, const char *key, int64_t value)
{
    json_writer_key(writer, key, strlen(key));
    buffer_int64(writer->out, value);
}

void json_writer_uint64(JsonWriter *writer, const char *key, uint64_t value)
{
    json_writer_key(writer, key, strlen(key));
    buffer_uint64(writer->out, value);
}

/* ---- as a sink ---- */

static void sink_open(void *to, const char *key)
{
    json_writer_open_member(to, key, strlen(key));
}

static void sink_close(void *to)
{
    json_writer_close(to);
}

static void sink_text(void *to, const char *key, const char *text)
{
    json_writer_text(to, key, text);
}

static void sink_uint64(void *to, const char *key, uint64_t value)
{
    json_writer_uint64(to, key, value);
}

static void sink_number(void *to, const char *key, double value)
{
    json_writer_double(to, key, value);
}

JsonSink json_writer_sink(JsonWriter *writer)
{
    return (JsonSink){.to = writer,
                      .open = sink_open,
                      .close = sink_close,
                      .text = sink_text,
                      .uint64 = sink_uint64,
                      .number = sink_number};
}

void json_writer_end(JsonWriter *writer)
{
    buffer_char(writer->out, '\n');
}
