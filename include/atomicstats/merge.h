/* Many cells' states into one summary. Plain arithmetic on plain numbers, no atomics.
 *
 * Means and squared distances are merged pairwise as Chan, Golub & LeVeque do ("Updating formulae
 * and a pairwise algorithm for computing sample variances", 1979): nothing cancels that did not
 * cancel within a cell. Sums are added with TwoSum, their compensations kept. */
#ifndef ATOMICSTATS_MERGE_H
#define ATOMICSTATS_MERGE_H

#include <math.h>

#include <atomicstats/cell.h>

/* What a reader gets. Doubles, in this order (other languages map it as six doubles). */
typedef struct {
    double count; /* how many values; with weights, the sum of the weights */
    double sum;   /* infinite or NAN once it has overflowed */
    double mean;  /* sum / count, within [min, max] */
    double min;
    double max;
    double stddev; /* the population's: divided by count */
} AtomicStatsSummary;

typedef struct {
    double count;
    double sum, compensation;
    double min, max;
    double origin;  /* the first cell's shift */
    double mean;    /* less `origin`, for the squares only; the summary's mean is sum / count */
    double squares; /* distances from `mean`, squared, weighted */
} AstatsMerge;

/* Adds x exactly: what rounding takes from *sum goes to *compensation. */
static inline void astats_two_sum_(double *sum, double *compensation, double x)
{
    double total = *sum + x;
    double back = total - *sum;
    *compensation += (*sum - (total - back)) + (x - back);
    *sum = total;
}

static inline void astats_merge_init(AstatsMerge *merge)
{
    *merge = (AstatsMerge){.min = (double)INFINITY, .max = -(double)INFINITY};
}

/* Adds a cell's state. `state->count` > 0. */
static inline void astats_merge_add(AstatsMerge *merge, const AstatsCellState *state, double shift)
{
    /* Sum of (value - shift), from the compensated sum; fma finds the product's rounding error. */
    double product = shift * state->count;
    double error = fma(shift, state->count, -product);
    double distance = (state->sum - product) + state->compensation - error;
    double offset = distance / state->count;
    double squares = state->squares - distance * offset;

    /* Rounding may leave a hair below 0, and equal values have no variance at all. */
    if (squares < 0 || state->min == state->max)
        squares = 0;

    /* Means are compared as distances from a value near them: at 1e9 a mean itself is rounded to
     * 1e-7, and what the cells are apart would drown in that. */
    if (!(merge->count > 0))
        merge->origin = shift;
    double mean = (shift - merge->origin) + offset;
    double count = merge->count + state->count;
    double apart = merge->count > 0 ? mean - merge->mean : 0;
    merge->squares += squares + apart * apart * merge->count * (state->count / count);
    merge->mean = merge->count > 0 ? merge->mean + apart * (state->count / count) : mean;
    merge->count = count;

    astats_two_sum_(&merge->sum, &merge->compensation, state->sum);
    merge->compensation += state->compensation;
    merge->min = state->min < merge->min ? state->min : merge->min;
    merge->max = state->max > merge->max ? state->max : merge->max;
}

/* => all that was added as the state of one cell, which has it in *shift; something was added. The sum
 * is kept to the last bit; the squares are about the mean. */
static inline AstatsCellState astats_merge_state(const AstatsMerge *merge, double *shift)
{
    *shift = merge->origin + merge->mean;
    /* The mean, rounded, is off by `apart`: squares about it are that much larger. */
    double apart = (merge->origin - *shift) + merge->mean;
    return (AstatsCellState){.count = merge->count,
                             .sum = merge->sum,
                             .compensation = merge->compensation,
                             .min = merge->min,
                             .max = merge->max,
                             .squares = merge->squares + apart * apart * merge->count};
}

/* => the summary of all that was added; 0, 0, NAN, NAN, NAN, NAN of nothing. */
static inline AtomicStatsSummary astats_merge_summary(const AstatsMerge *merge)
{
    const double none = (double)NAN;
    if (!(merge->count > 0))
        return (AtomicStatsSummary){0, 0, none, none, none, none};

    /* Once the sum has overflowed, its compensation is infinity minus infinity. */
    double sum = isfinite(merge->sum) ? merge->sum + merge->compensation : merge->sum;
    double mean = sum / merge->count;
    /* The division rounds too: three times 0.1 must not have a mean above its maximum. */
    if (isfinite(sum))
        mean = fmin(fmax(mean, merge->min), merge->max);
    double variance = merge->min == merge->max ? 0 : merge->squares / merge->count;
    return (AtomicStatsSummary){merge->count, sum, mean, merge->min, merge->max, sqrt(variance)};
}

#endif
