/* The shortest decimal that stands for a double. Any thread, no state, no call to the C library.
 *
 * The algorithm is Schubfach: Raffaello Giulietti, "The Schubfach way to render doubles", 2020;
 * its proofs are relied on here. Java's Double.toString() uses it since JDK 19. */
#ifndef BASE_SHORTEST_H
#define BASE_SHORTEST_H

#include <stdint.h>

/* digits * 10^exponent */
typedef struct {
    uint64_t digits; /* 1 to 17 of them, the last one not 0 */
    int exponent;
} Decimal;

/* Of all decimals that a reader who rounds to nearest, ties to even, takes for `magnitude`: those
 * with the fewest digits, and of them the one closest to it (of two, the one with the even digit).
 * `magnitude` is positive and finite, denormals included. */
Decimal shortest_decimal(double magnitude);

#endif
