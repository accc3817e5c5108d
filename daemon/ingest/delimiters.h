/* Where the protocol's delimiters stand in a datagram: one pass over its bytes, so that the parser
 * never searches. Pure; any thread.
 *
 * There are two scanners, and they give the same on every input (tests/unit/test_delimiters.c, and
 * the fuzzer, hold them to it): a portable one, eight bytes at a time in a 64-bit word, and one for
 * AVX2, 32 at a time, chosen at run time. The idea of turning a text into the positions of its
 * structural characters first is simdjson's (Langdale & Lemire, "Parsing gigabytes of JSON per
 * second", VLDB Journal 28, 2019). */
#ifndef INGEST_DELIMITERS_H
#define INGEST_DELIMITERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DELIMITERS_TEXT_MAX = 65535, /* bytes: a position is 16 bits, and no datagram is longer */
    /* Room for one position a byte, and what a scanner may write past the last one. */
    DELIMITERS_ROOM = DELIMITERS_TEXT_MAX + 1 + 8
};

typedef struct {
    size_t count; /* positions written */
    bool plain;   /* every byte but "\n" is printable ASCII: no name or tag needs a closer look */
} Delimiters;

/* Writes the position of each ":", "|" and "\n" in text[0..length), in order. `length` is at most
 * DELIMITERS_TEXT_MAX; nothing outside the text is read. `positions` has DELIMITERS_ROOM places, of
 * which those after the count hold nothing of use. */
typedef Delimiters (*DelimiterScanner)(const char *text, size_t length, uint16_t *positions);

Delimiters delimiters_scan_portable(const char *text, size_t length, uint16_t *positions);

/* Only on a CPU that has AVX2. */
Delimiters delimiters_scan_avx2(const char *text, size_t length, uint16_t *positions);

typedef enum {
    SCANNER_AUTO, /* the fastest that the CPU can run */
    SCANNER_PORTABLE,
    SCANNER_AVX2
} ScannerChoice;

/* => the scanner, or NULL: this CPU cannot run it. */
DelimiterScanner delimiters_choose(ScannerChoice choice);

/* => "avx2" or "portable". */
const char *delimiters_name(DelimiterScanner scan);

#endif
