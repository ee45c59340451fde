/* SPDX-License-Identifier: MIT */
/* The special functions: the vectors, far tails, and all counts from 0 on without a nan. */
#include "stats/special.h"

#include "stats/vectors.h"

static void check_norm_cdf(const struct vector *v)
{
    double x = vector_number(v, "x");
    vector_is(v, "cdf", special_normal(x));
    vector_is(v, "ln_cdf", special_ln_normal(x));
}

static void check_norm_ppf(const struct vector *v)
{
    vector_is(v, "x", special_normal_quantile(vector_number(v, "q")));
}

static void check_betainc(const struct vector *v)
{
    double a = vector_number(v, "a"), b = vector_number(v, "b"), x = vector_number(v, "x");
    vector_is(v, "I", special_beta(a, b, x));
    vector_is(v, "ln_beta", special_ln_beta(a, b));
}

static void check_t(const struct vector *v)
{
    double df = vector_number(v, "df"), ln_p = special_ln_t(vector_number(v, "t"), df);
    vector_is(v, "p", exp(ln_p));
    vector_is(v, "ln_p", ln_p);
    vector_is(v, "tcrit_95", special_t_quantile(0.05, df));
}

static bool near(double got, double want, double relative)
{
    if (fabs(got - want) <= relative * fabs(want))
        return true;
    printf("#  got: %.17g\n# want: %.17g\n", got, want);
    return false;
}

static void test_normal(void)
{
    double worst = 0, before = -INFINITY;
    bool rises = true;
    for (double x = -60; x <= 8; x += 0.01) {
        double ln_cdf = special_ln_normal(x);
        rises = rises && ln_cdf > before;
        before = ln_cdf;
    }
    OK(rises, "ln Phi rises from -60 to 8, across the change of method at -36");
    /* -37.5: log of mpmath.ncdf(-37.5), 50 digits */
    OK(near(special_ln_normal(-37.5), -707.66898931750719, 1e-14), "ln Phi(-37.5)");
    OK(near(special_ln_normal(-1e5), -5000000012.4318640, 1e-14), "ln Phi(-100000)");
    OK(special_ln_normal(-1e200) == -INFINITY && special_ln_normal(INFINITY) == 0, "its ends");
    for (double ln_q = -700; ln_q < -0.7; ln_q += 0.37)
        worst = fmax(worst, fabs(special_ln_normal(special_normal_quantile(exp(ln_q))) / ln_q - 1));
    OK(worst < 1e-13, "the quantile undoes Phi down to 1e-304");
    OK(special_normal_quantile(0.5) == 0, "the median is 0");
    OK(isnan(special_normal_quantile(0)) && isnan(special_normal_quantile(1)),
       "no quantile of 0, 1");
}

static void test_t(void)
{
    double worst = 0;
    for (double df = 0.3; df < 1e12; df *= 2.3)
        for (double alpha = 1e-12; alpha < 1; alpha *= 3.1) {
            double t = special_t_quantile(alpha, df);
            worst = fmax(worst, fabs(special_ln_t(t, df) / log(alpha) - 1));
        }
    OK(worst < 1e-12, "the t quantile undoes ln p, 0.3 to 1e12 degrees of freedom");
    OK(near(special_ln_t(1e200, 1), log(2 / M_PI) - 200 * M_LN10, 1e-13), "Cauchy's tail at 1e200");
    OK(special_ln_t(0, 5) == 0 && special_ln_t(INFINITY, 5) == -INFINITY, "t of 0 and without end");
    OK(near(special_ln_t(-3, 1e11), M_LN2 + special_ln_normal(-3), 1e-9), "many degrees: normal");
    OK(isnan(special_ln_t(1, 0)) && isnan(special_t_quantile(0, 3)), "nothing for df 0, alpha 0");
}

/* Sums of the probabilities themselves, for all n to 300. */
static void test_binomial(void)
{
    static const double shares[] = { 0.005, 0.3, 0.5, 0.95, 0.99 };
    double worst = 0;
    bool quantiles = true;
    for (size_t s = 0; s < ARRAY_SIZE(shares); s++)
        for (int64_t n = 0; n <= 300; n += n < 40 ? 1 : 13) {
            double p = shares[s], sum = 0;
            for (int64_t k = 0; k <= n; k++) {
                double x = (double)k, rest = (double)(n - k);
                sum += exp(x * log(p) + rest * log1p(-p) - special_ln_beta(x + 1, rest + 1)) /
                       (double)(n + 1);
                worst = fmax(worst, fabs(special_binomial(k, n, p) - sum));
            }
            for (double q = 0.01; q < 1; q += 0.07) {
                int64_t k = special_binomial_quantile(q, n, p);
                quantiles = quantiles && special_binomial(k, n, p) >= q &&
                            special_binomial(k - 1, n, p) < q;
            }
        }
    OK(worst < 1e-12, "the binomial is the sum of its probabilities");
    OK(quantiles, "its quantile is the least k that reaches q");
    OK(special_binomial(-1, 5, 0.5) == 0 && special_binomial(5, 5, 0.5) == 1, "below 0 and all");
    OK(special_binomial(4, 5, 1) == 0 && special_binomial(0, 5, 0) == 1, "p of 0 and 1");
    OK(special_binomial_quantile(0, 9, 0.5) == 0 && special_binomial_quantile(1, 9, 0.5) == 9,
       "q of 0 and 1");
    OK(isnan(special_binomial(1, -1, 0.5)) && special_binomial_quantile(0.5, -1, 0.5) == -1,
       "no counts below 0");
}

static void test_large_counts(void)
{
    /* 5 terms of the Poisson-like sum in mpmath, 40 digits: p is 2e-8 */
    OK(near(special_binomial(4, 100000000, 2e-8), 0.9473469844607593, 1e-14),
       "rare among a hundred million");
    int64_t n = INT64_MAX / 2, k = special_binomial_quantile(0.975, n, 0.5);
    double z = ((double)k - 0.5 * (double)n) / (0.5 * sqrt((double)n));
    OK(near(z, 1.959963984540054, 1e-6), "a quantile of 4.6e18 tosses, at once");
    /* by quadrature in mpmath, 30 digits */
    OK(near(special_ln_beta_inc(1e8 - 0.5, 1.2e8, 0.4545), -2.4318682294343636, 1e-11) &&
           near(special_ln_beta_inc(1e8 + 0.5, 1.2e8, 0.4545), -2.4320023141980981, 1e-11),
       "the fraction below 1e8 and Temme's expansion above it");
    bool bounded = true;
    for (double x = 0.4999; x < 0.5001; x += 1e-7) {
        double ln = special_ln_beta_inc(4e8, 4e8, x);
        bounded = bounded && ln <= 0 && !isnan(ln);
    }
    OK(bounded && near(special_beta(4e8, 4e8, 0.5), 0.5, 1e-9), "and stay in bounds through 1/2");
}

/* The plain sum of section 2.4, for counts where it loses nothing. */
static void test_bb(void)
{
    double worst = 0, largest = 0;
    for (int64_t n = 0; n <= 300; n++)
        for (int64_t k = 0; k <= n; k += 1 + n / 20) {
            double x = (double)k, rest = (double)(n - k), a = 2.5, b = 47.5;
            double plain = special_ln_beta(a + x, b + rest) - special_ln_beta(a, b) -
                           x * log(0.05) - rest * log1p(-0.05);
            worst = fmax(worst, fabs(special_ln_bb(k, n, 0.05, a, b) - plain));
        }
    OK(worst < 1e-10, "ln_bb is the plain sum, 0 for no requests");
    for (int64_t n = 1000; n < INT64_MAX / 10; n *= 7)
        largest = fmax(
            largest, fabs(special_ln_bb(n / 2, n, 0.5, 5000, 5000) + 0.5 * log1p((double)n / 1e4)));
    OK(largest < 1e-3, "at the expectation it is -ln(1 + n / (a + b)) / 2, up to 1e18 requests");
    OK(isnan(special_ln_bb(1, 0, 0.5, 1, 1)) && isnan(special_ln_bb(0, 0, 1, 1, 1)),
       "nothing for k above n or p of 1");
}

/* E exp(ln_bb) = 1 under p: the promise of the martingale, by enumeration. */
static void test_bb_expectation(void)
{
    double worst = 0;
    for (int64_t n = 1; n <= 200; n += 11)
        for (double p = 0.05; p < 1; p += 0.15) {
            double expectation = 0;
            for (int64_t k = 0; k <= n; k++) {
                double x = (double)k, rest = (double)(n - k);
                double ln = x * log(p) + rest * log1p(-p) - special_ln_beta(x + 1, rest + 1);
                expectation +=
                    exp(special_ln_bb(k, n, p, 3 * p, 3 * (1 - p)) + ln) / (double)(n + 1);
            }
            worst = fmax(worst, fabs(expectation - 1));
        }
    OK(worst < 1e-9, "the Beta-binomial factor has expectation 1");
}

int main(void)
{
    vectors("norm_cdf", check_norm_cdf);
    vectors("norm_ppf", check_norm_ppf);
    vectors("betainc", check_betainc);
    vectors("t_two_sided", check_t);
    test_normal();
    test_t();
    test_binomial();
    test_large_counts();
    test_bb();
    test_bb_expectation();
    OK(special_ln_chi2(0) == 0 && isnan(special_ln_chi2(-1)), "chi-square of 0 and below");
    OK(near(special_ln_chi2(3.841458820694124), log(0.05), 1e-12), "chi-square's 5 %");
    return tap_done();
}
