/* SPDX-License-Identifier: MIT */
/*
 * How a tensor's values are spread: bins between the smallest and the largest, moments and quantiles.
 *
 * Nothing is sampled or rounded. Quantiles are found digit by digit: a pass counts 16 bits of a key
 * that orders as the numbers do, the next one the following 16 among those that begin alike; so it
 * takes two passes over the file (four for 32-bit integers and what has 64 bits) and 2 MiB,
 * whatever the tensor's size.
 */
#ifndef PARE_ENGINE_HISTOGRAM_H
#define PARE_ENGINE_HISTOGRAM_H

#include "base/base.h"
#include "pare/transform.h"

struct meter;
struct pare_error;
struct pare_model;

enum { HISTOGRAM_BINS = 64, HISTOGRAM_QUANTILES = 3 };

/* Which quantiles: of so many values the one at the rank that is the product, rounded up. */
extern const double histogram_shares[HISTOGRAM_QUANTILES]; /* 0.001, 0.5, 0.999 */

struct histogram {
    int64_t element_count, nan_count, infinite_count;
    int64_t zero_count; /* as values_next() has it */
    /* All further on of the finite values; NAN and no bins where there are none. */
    double low, high, mean;
    double deviation; /* from the mean, as the root of the mean square */
    double quantiles[HISTOGRAM_QUANTILES];
    bool is_integer; /* integers as they are stored: each bin holds bin_width of them */
    int bin_count;
    double bin_width; /* bin i begins at low + i * bin_width */
    int64_t bins[HISTOGRAM_BINS];
};

/* Where bin i begins; of i = bin_count, where the last one ends. */
double histogram_edge(const struct histogram *histogram, int i);

MUST_CHECK bool histogram_make(const struct pare_model *model, size_t index,
                               pare_progress_fn *progress, void *data,
                               struct histogram *ret_histogram, struct pare_error *err);

/*
 * How many elements stand for 0, in one pass that `meter` is told of; -1 where the values cannot be
 * read, which is no failure.
 */
MUST_CHECK bool histogram_zeros(const struct pare_model *model, size_t index, struct meter *meter,
                                int64_t *ret_zero_count, struct pare_error *err);

#endif
