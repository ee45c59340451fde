/* SPDX-License-Identifier: MIT */
#include "stats/special.h"

#include <math.h>

/* Below this Stirling's series is not short; at it, six terms are exact to 2e-18. */
static const double stirling_from = 16;

/* From here on the continued fraction takes thousands of steps; Temme's first term is right to 1e-12. */
static const double temme_from = 1e8;

static const double ln_2pi = 1.8378770664093454836;

/* For z <= -36: 1 - 1/z^2 + 3/z^4 - 15/z^6 + ..., Mills' ratio times -z (DLMF 7.12.1). */
static double ln_normal_tail(double z)
{
    double r = 1 / z / z;
    double series = r * (-1 + r * (3 + r * (-15 + r * (105 + r * -945))));
    return -0.5 * z * z - log(-z) - 0.5 * ln_2pi + log1p(series);
}

double special_normal(double x)
{
    return 0.5 * erfc(-x * M_SQRT1_2);
}

double special_ln_normal(double x)
{
    if (x == -INFINITY)
        return x;
    if (x > 0)
        return log1p(-0.5 * erfc(x * M_SQRT1_2));
    return x > -36 ? log(0.5 * erfc(-x * M_SQRT1_2)) : ln_normal_tail(x);
}

/* Abramowitz and Stegun 26.2.23 is right to 5e-4; Halley on ln Phi takes that to the last digit. */
static double lower_quantile(double q)
{
    double target = log(q);
    double t = sqrt(-2 * target);
    double x = (2.515517 + t * (0.802853 + t * 0.010328)) /
                   (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) -
               t;
    for (int i = 0; i < 4; i++) {
        double ln_cdf = special_ln_normal(x);
        double hazard = exp(-0.5 * x * x - 0.5 * ln_2pi - ln_cdf);
        double newton = (ln_cdf - target) / hazard;
        x -= newton / (1 + 0.5 * newton * (x + hazard));
    }
    return x;
}

double special_normal_quantile(double q)
{
    if (!(q > 0 && q < 1))
        return NAN;
    if (q == 0.5)
        return 0;
    return q > 0.5 ? -lower_quantile(1 - q) : lower_quantile(q);
}

/* ln Gamma(x) less ((x - 1/2) ln x - x + ln(2 pi)/2), x >= stirling_from (DLMF 5.11.1). */
static double stirling(double x)
{
    double r = 1 / (x * x);
    return (1.0 / 12 +
            r * (-1.0 / 360 +
                 r * (1.0 / 1260 + r * (-1.0 / 1680 + r * (1.0 / 1188 + r * (-691.0 / 360360)))))) /
           x;
}

static double ln_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* Three large logarithms of Gamma would cancel; their Stirling forms cancel on paper first. */
double special_ln_beta(double a, double b)
{
    double low = fmin(a, b), high = fmax(a, b), sum = low + high;
    if (!(low > 0) || isinf(sum))
        return NAN;
    if (high < stirling_from)
        return ln_gamma(low) + ln_gamma(high) - ln_gamma(sum);
    double ends = stirling(high) - stirling(sum);
    if (low < stirling_from)
        return ln_gamma(low) + ends + low - low * log(sum) + (high - 0.5) * log1p(-low / sum);
    return stirling(low) + ends + 0.5 * (ln_2pi - log(high)) + (low - 0.5) * log(low / sum) +
           high * log1p(-low / sum);
}

/* ln x, where y = 1 - x is known as well as x is. */
static double ln_share(double x, double y)
{
    return x > 0.5 ? log1p(-y) : log(x);
}

/* (a+b) x - a, where y = 1 - x: by the smaller share, which is known to more digits. */
static double mean_off(double a, double b, double x, double y)
{
    return x < y ? fma(x, a + b, -a) : -fma(y, a + b, -b);
}

/* ln(mean / count), where off = mean - count is known better than the mean is. */
static double ln_over(double mean, double count, double off)
{
    return fabs(off) < 0.5 * count ? log1p(off / count) : log(mean) - log(count);
}

/*
 * How far counts a and b of a binomial kind lie from the shares x and y = 1 - x:
 * a ln(a / (a+b) / x) + b ln(b / (a+b) / y) >= 0, without the cancellation.
 */
static double divergence(double a, double b, double x, double y)
{
    double off = mean_off(a, b, x, y);
    return fmax(0, -a * ln_over((a + b) * x, a, off) - b * ln_over((a + b) * y, b, -off));
}

/* ln(x^a y^b / B(a, b)), y = 1 - x */
static double ln_beta_kernel(double a, double b, double x, double y)
{
    if (fmin(a, b) < stirling_from)
        return a * ln_share(x, y) + b * ln_share(y, x) - special_ln_beta(a, b);
    return 0.5 * (log(a) + log(b / (a + b)) - ln_2pi) - divergence(a, b, x, y) + stirling(a + b) -
           stirling(a) - stirling(b);
}

/*
 * x^a y^b / (B(a, b) I_x(a, b)) for x <= a/(a+b): the continued fraction of DLMF 8.17.22 contracted to
 * its even part (Didonato and Morris 1992), whose terms do not cancel where x is near 1, by Lentz's
 * method. `rest` is a - (a+b) x >= 0.
 */
static double beta_fraction(double a, double b, double x, double y, double rest)
{
    double value = a / (a + 1) * (rest + 1), c = value, d = 0;
    for (int n = 1; n < 100000; n++) {
        double left = (a + n - 1) / (a + 2 * n - 1), right = n * (b - n) * x / (a + 2 * n - 1);
        double over = left * (a + b + n - 1) * x * right;
        double term = n + right + (a + n) / (a + 2 * n + 1) * (rest + 1 + n * (1 + y));
        d = 1 / (term + over * d);
        c = term + over / c;
        value *= c * d;
        if (fabs(c * d - 1) < 4e-16)
            break;
    }
    return value;
}

/*
 * ln I_x(a, b) for very large a and b: Phi(eta sqrt(a+b)) and the first term after it, Temme 1992
 * (DLMF 8.18.9). eta^2/2 is the divergence per count, with the sign of x - a/(a+b).
 */
static double ln_beta_temme(double a, double b, double x, double y)
{
    double sum = a + b, off = mean_off(a, b, x, y) / sum;
    double spread = sqrt(a / sum) * sqrt(b / sum);
    double eta = copysign(sqrt(2 * divergence(a, b, x, y) / sum), off);
    double z = eta * sqrt(sum), ln_phi = special_ln_normal(z);
    double first =
        fabs(off) < 1e-7 * spread ? (b - a) / sum / (3 * spread) : 1 / eta - spread / off;
    double ratio = exp(-0.5 * z * z - 0.5 * (ln_2pi + log(sum)) - ln_phi);
    return fmin(0, ln_phi + log1p(fmax(-1, first * ratio)));
}

/* ln I_x(a, b), 0 < x < 1, y = 1 - x */
static double ln_beta_inc(double a, double b, double x, double y)
{
    if (fmin(a, b) > temme_from)
        return ln_beta_temme(a, b, x, y);
    double rest = -mean_off(a, b, x, y);
    if (rest >= 0)
        return fmin(0, ln_beta_kernel(a, b, x, y) - log(beta_fraction(a, b, x, y, rest)));
    double ln_rest = ln_beta_kernel(b, a, y, x) - log(beta_fraction(b, a, y, x, -rest));
    return ln_rest < 0 ? log(-expm1(ln_rest)) : -INFINITY;
}

static bool beta_allows(double a, double b, double x)
{
    return a > 0 && b > 0 && a + b < INFINITY && x >= 0 && x <= 1;
}

double special_beta(double a, double b, double x)
{
    return exp(special_ln_beta_inc(a, b, x));
}

double special_ln_beta_inc(double a, double b, double x)
{
    if (!beta_allows(a, b, x))
        return NAN;
    if (x == 0 || x == 1)
        return x == 0 ? -INFINITY : 0;
    return ln_beta_inc(a, b, x, 1 - x);
}

/* So many degrees of freedom are the normal, to the last digit. */
static const double df_enough = 1e15;

/* p = I_{df / (df + t^2)}(df/2, 1/2) (DLMF 8.17(iv)) */
double special_ln_t(double t, double df)
{
    if (!(df > 0) || isnan(t))
        return NAN;
    df = fmin(df, df_enough);
    double ratio = t * (t / df);
    if (ratio == 0 || isinf(t))
        return ratio == 0 ? 0 : -INFINITY;
    if (isinf(ratio)) /* x = df / t^2 is below the doubles, its logarithm is not */
        return 0.5 * df * (log(df) - 2 * log(fabs(t))) - special_ln_beta(0.5 * df, 0.5) -
               log(0.5 * df);
    return ln_beta_inc(0.5 * df, 0.5, 1 / (1 + ratio), ratio / (1 + ratio));
}

/* Newton on ln p over ln t, kept in a bracket. Below, -2 t f(t) / p is that slope, f the density. */
double special_t_quantile(double alpha, double df)
{
    if (!(alpha > 0 && alpha < 1 && df > 0))
        return NAN;
    df = fmin(df, df_enough);
    double target = log(alpha), ln_density = -special_ln_beta(0.5 * df, 0.5) - 0.5 * log(df);
    double low = -700, high = 700, at = log(-special_normal_quantile(0.5 * alpha));
    for (int i = 0; i < 200 && high - low > 1e-15 * fmax(1, fabs(at)); i++) {
        double t = exp(at), ln_p = special_ln_t(t, df);
        double ln_slope = M_LN2 + at + ln_density - 0.5 * (df + 1) * log1p(t * (t / df)) - ln_p;
        *(ln_p > target ? &low : &high) = at;
        double next = at + (ln_p - target) / exp(ln_slope);
        if (!(next > low && next < high))
            next = 0.5 * (low + high);
        if (fabs(next - at) < 1e-15)
            break;
        at = next;
    }
    return exp(at);
}

double special_ln_chi2(double x)
{
    return x >= 0 ? M_LN2 + special_ln_normal(-sqrt(x)) : NAN;
}

double special_binomial(int64_t k, int64_t n, double p)
{
    if (n < 0 || !(p >= 0 && p <= 1))
        return NAN;
    if (k < 0)
        return 0;
    if (k >= n || p == 0)
        return 1;
    if (p == 1)
        return 0;
    return exp(ln_beta_inc((double)(n - k), (double)k + 1, 1 - p, p));
}

/* Gallops from the normal guess until it has a bracket, then halves it. */
int64_t special_binomial_quantile(double q, int64_t n, double p)
{
    if (n < 0 || !(q >= 0 && q <= 1) || !(p >= 0 && p <= 1))
        return -1;
    if (q == 0 || q == 1 || p == 0 || p == 1)
        return q == 0 || p == 0 ? 0 : n;
    double guess = (double)n * p + special_normal_quantile(q) * sqrt((double)n * p * (1 - p));
    n = MIN(n, INT64_MAX - 1);  /* high - low is n + 1 at first */
    int64_t low = -1, high = n; /* P(X <= low) < q <= P(X <= high) */
    int64_t at = guess < 0 ? 0 : guess < (double)n ? (int64_t)guess : n;
    for (int64_t step = 1; high - low > 1; step = step < n / 2 ? 2 * step : n) {
        bool enough = special_binomial(at, n, p) >= q;
        *(enough ? &high : &low) = at;
        if (enough ? low >= 0 : high < n)
            break;
        at = enough ? MAX(at - step, 0) : at < n - step ? at + step : n;
        if (at == low || at == high)
            break;
    }
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        *(special_binomial(middle, n, p) >= q ? &high : &low) = middle;
    }
    return high;
}

/*
 * ln B(a+k, b+n-k) - ln B(a, b) - k ln p - (n-k) ln(1-p) is the difference of two kernels, in which
 * k ln p has cancelled on paper: the error stays near 1e-16 sqrt(n) where the plain sum's is 1e-16 n.
 */
double special_ln_bb(int64_t k, int64_t n, double p, double a, double b)
{
    if (k < 0 || k > n || !(p > 0 && p < 1 && a > 0 && b > 0 && a + b < INFINITY))
        return NAN;
    return ln_beta_kernel(a, b, p, 1 - p) -
           ln_beta_kernel(a + (double)k, b + (double)(n - k), p, 1 - p);
}
