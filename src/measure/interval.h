/* SPDX-License-Identifier: MIT */
/*
 * How sure a figure is: intervals without assumptions about the noise of a
 * machine, and one for the change of a share among the same examples. All of
 * them are exact functions of the data, so that the same data say the same.
 */
#ifndef PARE_MEASURE_INTERVAL_H
#define PARE_MEASURE_INTERVAL_H

#include "base/base.h"

struct interval {
    double low, high;
};

void interval_sort(double *values, size_t count);

/* Of sorted values: the middle one, or the mean of the two. */
double interval_median(const double *sorted, size_t count);

/* The nearest-rank quantile: the smallest value that at least q of them do not exceed. */
double interval_quantile(const double *sorted, size_t count, double q);

/*
 * Where the median of the population lies, from sorted independent values, with at least
 * `confidence` (0.95) whatever their distribution: the order statistics whose ranks a sign
 * test at that level accepts (Conover, Practical Nonparametric Statistics, 3rd ed., 3.2).
 * Too few values for the confidence: from 0 to infinity.
 */
struct interval interval_of_median(const double *sorted, size_t count, double confidence);

/*
 * The 95 % interval of the change of a share, from the same examples judged twice: `both` were
 * right both times, `lost` only the first, `won` only the second, `neither` never. Newcombe,
 * Statistics in Medicine 17 (1998) 2635-2650, method 10: the Wilson intervals of the two shares
 * joined by squaring and adding, with the continuity-corrected phi. Good for small counts and
 * near 0 and 1, where the simple one fails.
 */
struct interval interval_of_change(int64_t both, int64_t lost, int64_t won, int64_t neither);

#endif
