/* SPDX-License-Identifier: MIT */
#include "stats/srm.h"

#include <math.h>

#include "stats/special.h"

/* Fewer requests than this in a segment are tested exactly. */
enum { SRM_EXACT_BELOW = 100 };

/*
 * How sure the alternative is that the share is near the split: Beta(10^4 p, 10^4 (1 - p)), most
 * sensitive to faults of about a percentage point (Lindon and Malek, arXiv:2011.03567).
 */
static const double concentration = 1e4;

static const double ln_alarm = 6.907755278982137; /* ln 1000 */

static struct srm_segment segment_clamped(const struct srm_segment *raw)
{
    struct srm_segment segment = *raw;
    segment.count = MAX(segment.count, 0);
    segment.a = MIN(MAX(segment.a, 0), segment.count);
    segment.split = segment.split > 0 ? fmin(segment.split, 1) : 0;
    return segment;
}

double srm_nearest(const struct srm_segment *raw, double half_unit)
{
    struct srm_segment segment = segment_clamped(raw);
    double low = fmax(0, segment.split - half_unit), high = fmin(1, segment.split + half_unit);
    if (segment.count == 0)
        return segment.split;
    return fmin(fmax((double)segment.a / (double)segment.count, low), high);
}

/* ln of the probability of k among n */
static double ln_binomial(int64_t k, int64_t n, double p)
{
    double hits = (double)k, misses = (double)(n - k);
    return hits * log(p) + misses * log1p(-p) - special_ln_beta(hits + 1, misses + 1) -
           log((double)n + 1);
}

static double ln_add(double left, double right)
{
    double high = fmax(left, right), low = fmin(left, right);
    return low == -INFINITY ? high : high + log1p(exp(low - high));
}

/* ln P(X <= left or X >= right), -1 <= left < right <= n + 1 */
static double ln_tails(int64_t left, int64_t right, int64_t n, double p)
{
    double lower = -INFINITY, upper = -INFINITY;
    if (left >= 0)
        lower = special_ln_beta_inc((double)(n - left), (double)left + 1, 1 - p);
    if (right <= n)
        upper = special_ln_beta_inc((double)right, (double)(n - right) + 1, p);
    return ln_add(lower, upper);
}

/*
 * The outcomes no likelier than k, the other side's found by halving: the probabilities rise up to the
 * mode and fall after it. A hair of slack lets the mirror image of k count as equally likely.
 */
double srm_ln_exact(int64_t k, int64_t n, double p)
{
    if (n <= 0 || k < 0 || k > n || !(p > 0 && p < 1))
        return 0;
    int64_t mode = MIN((int64_t)(((double)n + 1) * p), n);
    double limit = ln_binomial(k, n, p) + 1e-7;
    if (ln_binomial(mode, n, p) <= limit)
        return 0;
    bool below = k < mode;
    int64_t inner = mode, outer = below ? n + 1 : -1; /* inner is likelier, outer counts as not */
    while (inner - outer > 1 || outer - inner > 1) {
        int64_t middle = inner + (outer - inner) / 2;
        *(ln_binomial(middle, n, p) > limit ? &inner : &outer) = middle;
    }
    return fmin(0, ln_tails(below ? k : outer, below ? outer : k, n, p));
}

/*
 * In closed form for whole degrees (DLMF 8.4): for an even df a sum of Poisson terms, for an odd one
 * the normal tail and a sum of half-integer ones; each kept as a logarithm, relative to e^(-x/2).
 */
double srm_ln_chi2(double x, int df)
{
    if (!(x > 0) || df < 1)
        return 0;
    if (df == 1 || isinf(x))
        return special_ln_chi2(x);
    double half = 0.5 * x, start = df % 2 ? 0.5 : 0;
    double ln_term = df % 2 ? 0.5 * log(half) - log(0.5 * sqrt(M_PI)) - half : -half;
    double ln_tail = df % 2 ? special_ln_chi2(x) : -INFINITY;
    for (int j = 0; j < df / 2; j++) { /* term j is half^(start+j) / Gamma(start+j+1) e^(-half) */
        ln_tail = ln_add(ln_tail, ln_term);
        ln_term += log(half / (start + j + 1));
    }
    return fmin(0, ln_tail);
}

/* What one segment adds: its chi-square, and the sequential factor into *ret_ln_e. */
static double segment_chi2(const struct srm_segment *segment, double p, double *ret_ln_e)
{
    double n = (double)segment->count, off = (double)segment->a - n * p;
    if (p <= 0 || p >= 1) { /* nothing is random: it is as it must be, or it cannot be */
        bool fits = segment->a == (p <= 0 ? 0 : segment->count);
        *ret_ln_e = fits ? 0 : INFINITY;
        return fits ? 0 : INFINITY;
    }
    *ret_ln_e =
        special_ln_bb(segment->a, segment->count, p, concentration * p, concentration * (1 - p));
    if (segment->count >= SRM_EXACT_BELOW)
        return off / (n * p) * (off / (1 - p));
    double ln_p = srm_ln_exact(segment->a, segment->count, p);
    double z = ln_p > -600 ? special_normal_quantile(0.5 * exp(ln_p)) : sqrt(-2 * ln_p);
    return z * z;
}

static struct srm segments_sum(const struct srm_segment *segments, size_t count, double half_unit,
                               bool invert)
{
    struct srm srm = { 0 };
    double a = 0, n = 0;
    for (size_t i = 0; i < count; i++) {
        struct srm_segment segment = segment_clamped(&segments[i]);
        if (segment.count == 0)
            continue;
        if (invert)
            segment.split = 1 - segment.split;
        double ln_e, p = srm_nearest(&segment, half_unit);
        srm.segments += srm.segments < INT32_MAX;
        srm.chi2 += segment_chi2(&segment, p, &ln_e);
        srm.ln_e += ln_e;
        srm.expected += (double)segment.count * p;
        a += (double)segment.a;
        n += (double)segment.count;
    }
    srm.known = n > 0;
    srm.ln_p = srm_ln_chi2(srm.chi2, srm.segments);
    srm.alarm = srm.ln_e >= ln_alarm;
    srm.off = n > 0 ? (a - srm.expected) / n : 0;
    return srm;
}

struct srm srm_test(const struct srm_segment *segments, size_t count, double half_unit)
{
    struct srm srm = segments_sum(segments, count, half_unit, false);
    if (srm.known && srm.ln_p < log(0.001))
        srm.inverted = segments_sum(segments, count, half_unit, true).ln_p > log(0.05);
    return srm;
}

/* From the last minute back: all sums of what follows are then at hand at each minute. */
bool srm_changepoint(const struct srm_minute *minutes, size_t count, struct srm_change *ret_change)
{
    struct srm_change best = { 0 };
    double a = 0, b = 0, ln_split = 0; /* of the rest: requests, and ln of their probability */
    for (size_t i = count; i-- > 0;) {
        double split = fmin(fmax(minutes[i].split, 1e-9), 1 - 1e-9);
        double more_a = (double)MAX(minutes[i].a, 0), more_b = (double)MAX(minutes[i].b, 0);
        a += more_a;
        b += more_b;
        ln_split += more_a * log(split) + more_b * log1p(-split);
        double share = a / fmax(a + b, 1);
        double ln_share = (a > 0 ? a * log(share) : 0) + (b > 0 ? b * log1p(-share) : 0);
        if (ln_share - ln_split > best.ln_lr)
            best = (struct srm_change){ i, ln_share - ln_split, share };
    }
    if (best.ln_lr > 0)
        *ret_change = best;
    return best.ln_lr > 0;
}
