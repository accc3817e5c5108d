#include "base/wire.h"

#include <string.h>

/* ---- writing ---- */

void wire_write_bytes(WireWriter *w, const void *bytes, size_t length)
{
    if (w->failed || length > w->capacity - w->length) {
        w->failed = true;
        return;
    }
    if (length != 0)
        memcpy(w->data + w->length, bytes, length);
    w->length += length;
}

static void write_little(WireWriter *w, uint64_t value, size_t bytes)
{
    unsigned char text[sizeof value];
    for (size_t i = 0; i < bytes; i++)
        text[i] = (unsigned char)(value >> (8 * i));
    wire_write_bytes(w, text, bytes);
}

void wire_write_u8(WireWriter *w, uint8_t value)
{
    write_little(w, value, sizeof value);
}

void wire_write_u16(WireWriter *w, uint16_t value)
{
    write_little(w, value, sizeof value);
}

void wire_write_u32(WireWriter *w, uint32_t value)
{
    write_little(w, value, sizeof value);
}

void wire_write_u64(WireWriter *w, uint64_t value)
{
    write_little(w, value, sizeof value);
}

void wire_write_i64(WireWriter *w, int64_t value)
{
    write_little(w, (uint64_t)value, sizeof value);
}

void wire_write_double(WireWriter *w, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    wire_write_u64(w, bits);
}

/* ---- reading ---- */

const void *wire_read_bytes(WireReader *r, size_t length)
{
    if (r->failed || length > r->length - r->taken) {
        r->failed = true;
        return NULL;
    }
    const void *bytes = r->data + r->taken;
    r->taken += length;
    return bytes;
}

static uint64_t read_little(WireReader *r, size_t bytes)
{
    const unsigned char *text = wire_read_bytes(r, bytes);
    uint64_t value = 0;
    for (size_t i = 0; text != NULL && i < bytes; i++)
        value |= (uint64_t)text[i] << (8 * i);
    return value;
}

uint8_t wire_read_u8(WireReader *r)
{
    return (uint8_t)read_little(r, sizeof(uint8_t));
}

uint16_t wire_read_u16(WireReader *r)
{
    return (uint16_t)read_little(r, sizeof(uint16_t));
}

uint32_t wire_read_u32(WireReader *r)
{
    return (uint32_t)read_little(r, sizeof(uint32_t));
}

uint64_t wire_read_u64(WireReader *r)
{
    return read_little(r, sizeof(uint64_t));
}

int64_t wire_read_i64(WireReader *r)
{
    return (int64_t)read_little(r, sizeof(int64_t));
}

double wire_read_double(WireReader *r)
{
    uint64_t bits = wire_read_u64(r);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

size_t wire_left(const WireReader *r)
{
    return r->length - r->taken;
}
