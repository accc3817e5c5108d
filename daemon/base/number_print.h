/* Numbers as JSON text. number.h includes this; any thread, no state, no part for the locale. */
#ifndef BASE_NUMBER_PRINT_H
#define BASE_NUMBER_PRINT_H

#include <stddef.h>
#include <stdint.h>

/* Room for any of the texts below with its closing zero. */
enum {
    NUMBER_TEXT_SIZE = 32
};

/* Each writes a zero-terminated text that is valid JSON. => its length without the zero. */
size_t number_print_int64(int64_t value, char out[static NUMBER_TEXT_SIZE]);
size_t number_print_uint64(uint64_t value, char out[static NUMBER_TEXT_SIZE]);

/* Whole numbers of a magnitude below 2^63 as plain integers (-0 as 0); other numbers with the
 * fewest digits that number_parse() reads back as the same double, and as close to it as so few can
 * be (shortest.h); with an exponent from 2^63 up and below 0.0001. What is not finite becomes null,
 * as JSON has no other word for it. */
size_t number_print_double(double value, char out[static NUMBER_TEXT_SIZE]);

#endif
