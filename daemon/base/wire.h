/* Numbers and bytes in a file's form: little-endian, without gaps, doubles as their IEEE 754 bits.
 *
 * A writer appends to memory of fixed size, a reader takes from it. Either stops at its end and says so
 * once, at the end: `failed` stays set, and what is read after that is zero. So a caller can write or
 * read a whole record and then look. One thread at a time. */
#ifndef BASE_WIRE_H
#define BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    unsigned char *data;
    size_t capacity;
    size_t length; /* written so far */
    bool failed;   /* something did not fit; it is not in */
} WireWriter;

typedef struct {
    const unsigned char *data;
    size_t length;
    size_t taken;
    bool failed; /* something was asked for that is not there */
} WireReader;

void wire_write_bytes(WireWriter *writer, const void *bytes, size_t length);
void wire_write_u8(WireWriter *writer, uint8_t value);
void wire_write_u16(WireWriter *writer, uint16_t value);
void wire_write_u32(WireWriter *writer, uint32_t value);
void wire_write_u64(WireWriter *writer, uint64_t value);
void wire_write_i64(WireWriter *writer, int64_t value);
void wire_write_double(WireWriter *writer, double value);

/* => `length` bytes, in the reader's memory; NULL: there are not so many. */
const void *wire_read_bytes(WireReader *reader, size_t length);
uint8_t wire_read_u8(WireReader *reader);
uint16_t wire_read_u16(WireReader *reader);
uint32_t wire_read_u32(WireReader *reader);
uint64_t wire_read_u64(WireReader *reader);
int64_t wire_read_i64(WireReader *reader);
double wire_read_double(WireReader *reader);

/* => bytes that have not been taken yet. */
size_t wire_left(const WireReader *reader);

#endif
