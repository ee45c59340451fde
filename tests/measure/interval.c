/* SPDX-License-Identifier: MIT */
#include "measure/interval.h"

#include <math.h>
#include <stdlib.h>

#include "tap.h"

static bool near(double got, double want, double slack)
{
    if (fabs(got - want) <= slack)
        return true;
    printf("# got %.6f, want %.6f\n", got, want);
    return false;
}

static void test_quantiles(void)
{
    double odd[] = { 5, 1, 3 }, even[] = { 4, 1, 3, 2 }, hundred[100];
    for (int i = 0; i < 100; i++)
        hundred[i] = i + 1;
    interval_sort(odd, 3);
    interval_sort(even, 4);
    OK(interval_median(odd, 3) == 3, "the median of an odd number is the middle one");
    OK(interval_median(even, 4) == 2.5, "of an even number the mean of the two");
    OK(interval_quantile(hundred, 100, 0.95) == 95, "the 95th percentile of 1 to 100 is 95");
    OK(interval_quantile(hundred, 100, 0.90) == 90, "the 90th is 90");
    OK(interval_quantile(hundred, 1, 0.95) == 1, "of one value it is that value");
}

/* Ranks from tables of the sign test's interval. */
static void test_median_ranks(void)
{
    double values[1000];
    for (int i = 0; i < 1000; i++)
        values[i] = i + 1;
    struct interval i;
    i = interval_of_median(values, 100, 0.95);
    OK(i.low == 40 && i.high == 61, "the 95 % interval of 100 values is the 40th to the 61st");
    i = interval_of_median(values, 20, 0.95);
    OK(i.low == 6 && i.high == 15, "of 20 values the 6th to the 15th");
    i = interval_of_median(values, 8, 0.99);
    OK(i.low == 1 && i.high == 8, "for 99 % eight values are just enough");
    i = interval_of_median(values, 7, 0.99);
    OK(i.low == 0 && isinf(i.high), "and seven are not");
    i = interval_of_median(values, 1000, 0.95);
    OK(i.low == 469 && i.high == 532, "of 1000 values the 469th to the 532nd");
}

/* How often the interval holds the median of a skew distribution, whose median is 1. */
static void test_median_coverage(void)
{
    unsigned short seed[3] = { 1, 2, 3 };
    int held = 0, trials = 4000;
    for (int t = 0; t < trials; t++) {
        double values[25];
        for (int i = 0; i < 25; i++)
            values[i] = -log2(erand48(seed));
        interval_sort(values, 25);
        struct interval i = interval_of_median(values, 25, 0.95);
        held += i.low <= 1 && i.high >= 1;
    }
    printf("# held in %d of %d\n", held, trials);
    OK(held >= 0.95 * trials && held <= 0.98 * trials,
       "the 95 % interval holds the median in 95 to 98 of 100 samples");
}

static void test_change(void)
{
    /* Newcombe 1998, table II, method 10, the table 36 12 2 0. */
    struct interval i = interval_of_change(36, 2, 12, 0);
    OK(near(i.low, 0.0569, 5e-5) && near(i.high, 0.3404, 5e-5),
       "the change is bounded as in Newcombe's paper");
    /* Fagerland, Lydersen, Laake, Statistics in Medicine 33 (2014) 2850: 1 1 7 12. */
    i = interval_of_change(1, 7, 1, 12);
    OK(near(i.low, -0.5069, 5e-5) && near(i.high, -0.0256, 5e-5),
       "and as in a second published table");
    struct interval back = interval_of_change(1, 1, 7, 12);
    OK(near(i.low, -back.high, 1e-12) && near(i.high, -back.low, 1e-12),
       "the way back has the mirrored interval");
    i = interval_of_change(1000, 0, 0, 0);
    OK(i.low < 0 && i.low > -0.01 && near(i.low, -i.high, 1e-12),
       "without any change it is narrow and symmetric, but not nothing");
    i = interval_of_change(0, 10, 0, 0);
    OK(i.low >= -1.0001 && i.high < 0, "it stays within the possible");
    i = interval_of_change(0, 0, 0, 0);
    OK(i.low == -1 && i.high == 1, "no examples tell nothing");
}

int main(void)
{
    test_quantiles();
    test_median_ranks();
    test_median_coverage();
    test_change();
    return tap_done();
}
