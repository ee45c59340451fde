/* SPDX-License-Identifier: MIT */
#include "measure/interval.h"

#include <math.h>
#include <stdlib.h>

/* The normal quantile for 95 %, two-sided. */
static const double z95 = 1.959963984540054;

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void interval_sort(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), ascending);
}

double interval_median(const double *sorted, size_t count)
{
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

double interval_quantile(const double *sorted, size_t count, double q)
{
    double rank = ceil(q * (double)count);
    return sorted[rank < 1 ? 0 : MIN((size_t)rank, count) - 1];
}

/*
 * The largest k with P(Binomial(n, 1/2) < k) <= (1 - confidence) / 2, summed term by term in
 * logarithms; 0 when there is none. The k-th values from both ends bound the median.
 */
static size_t sign_test_rank(size_t n, double confidence)
{
    double tail = (1 - confidence) / 2, sum = 0, log_term = -(double)n * M_LN2;
    for (size_t k = 0; k < n / 2; k++) {
        sum += exp(log_term);
        if (sum > tail)
            return k;
        log_term += log((double)(n - k)) - log((double)(k + 1));
    }
    return n / 2;
}

struct interval interval_of_median(const double *sorted, size_t count, double confidence)
{
    size_t k = sign_test_rank(count, confidence);
    if (k == 0)
        return (struct interval){ 0, INFINITY };
    return (struct interval){ sorted[k - 1], sorted[count - k] };
}

/* Wilson's score interval of `right` in `n`. */
static struct interval wilson(double right, double n)
{
    double z2 = z95 * z95, p = right / n;
    double middle = (2 * right + z2) / (2 * (n + z2));
    double half = z95 * sqrt(z2 + 4 * n * p * (1 - p)) / (2 * (n + z2));
    return (struct interval){ middle - half, middle + half };
}

/* How the two judgements go together, -1 to 1, drawn towards 0 when positive. */
static double corrected_phi(double a, double b, double c, double d)
{
    double product = (a + b) * (c + d) * (a + c) * (b + d);
    double over = a * d - b * c;
    if (over > 0)
        over = fmax(over - (a + b + c + d) / 2, 0);
    return product > 0 ? over / sqrt(product) : 0;
}

struct interval interval_of_change(int64_t both, int64_t lost, int64_t won, int64_t neither)
{
    double a = (double)both, b = (double)won, c = (double)lost, d = (double)neither;
    double n = a + b + c + d;
    if (n <= 0)
        return (struct interval){ -1, 1 };
    double after = (a + b) / n, before = (a + c) / n, phi = corrected_phi(a, b, c, d);
    struct interval w1 = wilson(a + b, n), w0 = wilson(a + c, n);
    double below = after - w1.low, above = w1.high - after;
    double below0 = before - w0.low, above0 = w0.high - before;
    double down = below * below - 2 * phi * below * above0 + above0 * above0;
    double up = above * above - 2 * phi * above * below0 + below0 * below0;
    double change = after - before;
    return (struct interval){ change - sqrt(fmax(down, 0)), change + sqrt(fmax(up, 0)) };
}
