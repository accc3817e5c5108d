/* HyperLogLog: how many different values, in 32 KiB, whatever their number.
 *
 * Flajolet, Fusy, Gandouet & Meunier 2007, with 64-bit hashes (Heule, Nunkesser & Hall 2013) and the
 * estimator of Ertl ("New cardinality estimation algorithms for HyperLogLog sketches",
 * arXiv:1702.01284, algorithm 6), which needs no bias tables and no switch between small and large.
 * With 2^15 registers the standard error is 0.57 %, so 2 % is three and a half of them. */
#ifndef METRICS_HYPERLOGLOG_H
#define METRICS_HYPERLOGLOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    HLL_BITS = 15,
    HLL_REGISTERS = 1 << HLL_BITS
};

/* Zeroed memory is an empty sketch. */
typedef struct {
    _Atomic uint8_t registers[HLL_REGISTERS];
} HyperLogLog;

/* Adds a value by its 64-bit hash. Adding twice is adding once. Any thread; lock-free. */
void hll_add(HyperLogLog *hll, uint64_t hash);

/* Copies the registers. Any thread. */
void hll_read(const HyperLogLog *hll, uint8_t out[static HLL_REGISTERS]);

/* => whether these can be the registers of a sketch. */
bool hll_are_registers(const uint8_t registers[static HLL_REGISTERS]);

/* Adds all values that the sketch with these registers has seen. Any thread; lock-free. */
void hll_merge(HyperLogLog *hll, const uint8_t registers[static HLL_REGISTERS]);

/* => the estimate. Any thread. */
double hll_estimate(const HyperLogLog *hll);

#endif
