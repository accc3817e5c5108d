#include "metrics/hyperloglog.h"

#include <math.h>
#include <stddef.h>

enum {
    HLL_RANKS = 64 - HLL_BITS + 1
}; /* the highest rank a register can hold */

static void raise_to(_Atomic uint8_t *reg, uint8_t rank)
{
    /* relaxed: a register only grows, and no other memory is read on its word. */
    uint8_t seen = atomic_load_explicit(reg, memory_order_relaxed);
    while (seen < rank && !atomic_compare_exchange_weak_explicit(
                              reg, &seen, rank, memory_order_relaxed, memory_order_relaxed)) {
    }
}

void hll_add(HyperLogLog *hll, uint64_t hash)
{
    /* The guard bit bounds the rank when all others are 0. */
    uint64_t rest = (hash >> HLL_BITS) | (UINT64_C(1) << (64 - HLL_BITS));
    raise_to(&hll->registers[hash & (HLL_REGISTERS - 1)], (uint8_t)(__builtin_ctzll(rest) + 1));
}

void hll_read(const HyperLogLog *hll, uint8_t out[static HLL_REGISTERS])
{
    for (size_t i = 0; i < HLL_REGISTERS; i++)
        out[i] =
            atomic_load_explicit(&hll->registers[i], memory_order_relaxed); /* as in raise_to() */
}

bool hll_are_registers(const uint8_t registers[static HLL_REGISTERS])
{
    for (size_t i = 0; i < HLL_REGISTERS; i++) {
        if (registers[i] > HLL_RANKS)
            return false;
    }
    return true;
}

void hll_merge(HyperLogLog *hll, const uint8_t registers[static HLL_REGISTERS])
{
    for (size_t i = 0; i < HLL_REGISTERS; i++)
        raise_to(&hll->registers[i], registers[i]);
}

/* Ertl's sigma: x + sum of x^(2^k) * 2^(k-1); infinite for x = 1 (an empty sketch). */
static double sigma(double x)
{
    if (x == 1.0)
        return (double)INFINITY;
    double power = 1;
    double sum = x;
    double before;
    do {
        x *= x;
        before = sum;
        sum += x * power;
        power += power;
    } while (sum != before);
    return sum;
}

/* Ertl's tau: (1 - x - sum of (1 - x^(2^-k))^2 * 2^-k) / 3. */
static double tau(double x)
{
    if (x == 0.0 || x == 1.0)
        return 0;
    double power = 1;
    double sum = 1 - x;
    double before;
    do {
        x = sqrt(x);
        before = sum;
        power *= 0.5;
        sum -= (1 - x) * (1 - x) * power;
    } while (sum != before);
    return sum / 3;
}

double hll_estimate(const HyperLogLog *hll)
{
    uint32_t histogram[HLL_RANKS + 1] = {0};
    for (uint32_t i = 0; i < HLL_REGISTERS; i++) {
        /* relaxed: an estimate of what was added up to about now. */
        histogram[atomic_load_explicit(&hll->registers[i], memory_order_relaxed)]++;
    }
    const double m = HLL_REGISTERS;
    double z = m * tau(1 - histogram[HLL_RANKS] / m);
    for (int rank = HLL_RANKS - 1; rank >= 1; rank--)
        z = 0.5 * (z + histogram[rank]);
    z += m * sigma(histogram[0] / m);
    return m * m / (2 * M_LN2 * z);
}
