#include "metrics/hyperloglog.h"

#include <math.h>
#include <stddef.h>

enum {
    HLL_RANKS = 64 - HLL_BITS + 1
}; /* the highest rank a register can hold */

void hll_read(const HyperLogLog *hll, uint8_t out[static HLL_REGISTERS])
{
    for (uint32_t i = 0; i < HLL_REGISTERS; i++)
        out[i] = hll_rank_at(hll, i);
}

bool hll_are_registers(const uint8_t registers[static HLL_REGISTERS])
{
    for (size_t i = 0; i < HLL_REGISTERS; i++) {
        if (registers[i] > HLL_RANKS)
            return false;
    }
    return true;
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
    for (uint32_t i = 0; i < HLL_REGISTERS; i++)
        histogram[hll_rank_at(hll, i)]++; /* of what was added up to about now */
    const double m = HLL_REGISTERS;
    double z = m * tau(1 - histogram[HLL_RANKS] / m);
    for (int rank = HLL_RANKS - 1; rank >= 1; rank--)
        z = 0.5 * (z + histogram[rank]);
    z += m * sigma(histogram[0] / m);
    return m * m / (2 * M_LN2 * z);
}
