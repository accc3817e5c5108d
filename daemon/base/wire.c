#include "base/wire.h"

#include <endian.h>
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

void wire_write_u8(WireWriter *w, uint8_t value)
{
    wire_write_bytes(w, &value, sizeof value);
}

void wire_write_u16(WireWriter *w, uint16_t value)
{
    const uint16_t little = htole16(value);
    wire_write_bytes(w, &little, sizeof little);
}

void wire_write_u32(WireWriter *w, uint32_t value)
{
    const uint32_t little = htole32(value);
    wire_write_bytes(w, &little, sizeof little);
}

void wire_write_u64(WireWriter *w, uint64_t value)
{
    const uint64_t little = htole64(value);
    wire_write_bytes(w, &little, sizeof little);
}

void wire_write_i64(WireWriter *w, int64_t value)
{
    wire_write_u64(w, (uint64_t)value);
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

/* Copies `length` bytes to `out`, or zeroes if there are not so many. */
static void read_into(WireReader *r, void *out, size_t length)
{
    const void *bytes = wire_read_bytes(r, length);
    if (bytes != NULL)
        memcpy(out, bytes, length);
    else
        memset(out, 0, length);
}

uint8_t wire_read_u8(WireReader *r)
{
    uint8_t value;
    read_into(r, &value, sizeof value);
    return value;
}

uint16_t wire_read_u16(WireReader *r)
{
    uint16_t little;
    read_into(r, &little, sizeof little);
    return le16toh(little);
}

uint32_t wire_read_u32(WireReader *r)
{
    uint32_t little;
    read_into(r, &little, sizeof little);
    return le32toh(little);
}

uint64_t wire_read_u64(WireReader *r)
{
    uint64_t little;
    read_into(r, &little, sizeof little);
    return le64toh(little);
}

int64_t wire_read_i64(WireReader *r)
{
    return (int64_t)wire_read_u64(r);
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
