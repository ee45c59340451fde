/* SPDX-License-Identifier: MIT */
#include "stats/mean.h"

#include <math.h>
#include <stdio.h>

#include "stats/special.h"

void mean_add(struct mean_sums *sums, int32_t value, int64_t count)
{
    if (count <= 0 || count > INT64_MAX - sums->count)
        return;
    sums->count += count;
    sums->sum += (__int128)value * count;
    sums->squares += (__int128)((int64_t)value * value) * count;
}

void mean_merge(struct mean_sums *to, const struct mean_sums *from)
{
    if (from->count <= 0 || from->count > INT64_MAX - to->count)
        return;
    to->count += from->count;
    to->sum += from->sum;
    to->squares += from->squares;
}

/*
 * With sum = q n + r, |r| <= n/2, the squares around the integer q are still integers, and
 * m2 = sum (x - q)^2 - r^2 / n takes away at most half of it: no cancellation.
 */
struct moments mean_moments(const struct mean_sums *sums)
{
    if (sums->count <= 0)
        return (struct moments){ 0 };
    __int128 n = sums->count, q = sums->sum / n, r = sums->sum % n;
    if (2 * r > n || 2 * r < -n) {
        q += r > 0 ? 1 : -1;
        r -= r > 0 ? n : -n;
    }
    double around = (double)(sums->squares - q * (sums->sum + r));
    double rest = (double)r / (double)n;
    return (struct moments){
        .count = sums->count,
        .mean = (double)q + rest,
        .m2 = fmax(0, around - rest * (double)r),
    };
}

/* Chan, Golub and LeVeque 1979 */
struct moments moments_merge(const struct moments *left, const struct moments *right)
{
    if (left->count <= 0 || right->count <= 0)
        return left->count > 0 ? *left : *right;
    if (right->count > INT64_MAX - left->count)
        return *left;
    double n = (double)left->count + (double)right->count, apart = right->mean - left->mean;
    double weight = (double)right->count / n;
    return (struct moments){
        .count = left->count + right->count,
        .mean = left->mean + apart * weight,
        .m2 = left->m2 + right->m2 + apart * apart * (double)left->count * weight,
    };
}

static struct share share_clamped(struct share share)
{
    share.count = MAX(share.count, 0);
    share.hits = MIN(MAX(share.hits, 0), share.count);
    return share;
}

struct moments moments_of_share(int64_t hits, int64_t count)
{
    struct share share = share_clamped((struct share){ hits, count });
    if (share.count == 0)
        return (struct moments){ 0 };
    double n = (double)share.count, ones = (double)share.hits;
    double zeros = (double)(share.count - share.hits);
    return (struct moments){ .count = share.count, .mean = ones / n, .m2 = ones / n * zeros };
}

double moments_variance(const struct moments *moments)
{
    return moments->count < 2 ? 0 : moments->m2 / (double)(moments->count - 1);
}

double moments_mean_variance(const struct moments *moments)
{
    return moments->count < 2 ? 0 : moments_variance(moments) / (double)moments->count;
}

struct mean_contrast mean_contrast(const struct moments *a, const struct moments *b, double margin)
{
    double factor = 1 + margin;
    return (struct mean_contrast){
        .delta = b->mean - factor * a->mean,
        .variance = moments_mean_variance(b) + factor * factor * moments_mean_variance(a),
    };
}

struct welch mean_welch(const struct moments *a, const struct moments *b, double alpha)
{
    struct welch welch = { .state = STATS_TOO_FEW };
    if (a->count < 2 || b->count < 2)
        return welch;
    double va = moments_mean_variance(a), vb = moments_mean_variance(b), variance = va + vb;
    welch.state = STATS_NO_VARIANCE;
    welch.delta = b->mean - a->mean;
    if (!(variance > 0))
        return welch;
    /* V^2 / (va^2 / (na - 1) + vb^2 / (nb - 1)) in shares of V, which cannot underflow */
    double part_a = va / variance, part_b = vb / variance;
    welch.state = STATS_OK;
    welch.se = sqrt(variance);
    welch.t = welch.delta / welch.se;
    welch.df =
        1 / (part_a * part_a / (double)(a->count - 1) + part_b * part_b / (double)(b->count - 1));
    welch.ln_p = special_ln_t(welch.t, welch.df);
    welch.t_quantile = special_t_quantile(alpha, welch.df);
    welch.low = welch.delta - welch.t_quantile * welch.se;
    welch.high = welch.delta + welch.t_quantile * welch.se;
    return welch;
}

static double two_sided_z(double alpha)
{
    return -special_normal_quantile(0.5 * alpha);
}

/* Fieller 1954: the ratios R for which (mb - R ma)^2 <= z^2 (vb + R^2 va). */
struct mean_lift mean_lift(double mean_a, double variance_a, double mean_b, double variance_b,
                           double alpha)
{
    struct mean_lift lift = { 0 };
    double z = two_sided_z(alpha), square = mean_a * mean_a;
    double lead = square - z * z * variance_a;
    if (!(mean_a > 10 * sqrt(variance_a) && lead > 0))
        return lift;
    double product = mean_a * mean_b;
    double rest = mean_b * mean_b - z * z * variance_b;
    double root = sqrt(fmax(0, product * product - lead * rest));
    lift.valid = true;
    lift.lift = mean_b / mean_a - 1;
    lift.se = sqrt(variance_b / square + variance_a * mean_b / square * (mean_b / square));
    lift.low = lift.lift - z * lift.se;
    lift.high = lift.lift + z * lift.se;
    lift.fieller_low = (product - root) / lead - 1;
    lift.fieller_high = (product + root) / lead - 1;
    return lift;
}

struct mean_posterior mean_posterior(double delta, double variance, double prior_variance,
                                     bool lower_is_better, double alpha)
{
    struct mean_posterior posterior = { .state = STATS_NO_VARIANCE };
    double precision = 1 / variance + 1 / prior_variance;
    if (!(variance > 0 && prior_variance > 0 && precision > 0 && precision < INFINITY))
        return posterior;
    double mean = delta / variance / precision, sd = sqrt(1 / precision);
    double gain = lower_is_better ? -mean : mean, x = gain / sd;
    double density = sd * exp(-0.5 * x * x) / sqrt(2 * M_PI), z = two_sided_z(alpha);
    return (struct mean_posterior){
        .state = STATS_OK,
        .mean = mean,
        .sd = sd,
        .low = mean - z * sd,
        .high = mean + z * sd,
        .b_better = special_normal(x),
        .loss_if_b = fmax(0, density - gain * special_normal(-x)),
        .loss_if_a = fmax(0, density + gain * special_normal(x)),
    };
}

/* Wilson 1927 */
struct share_interval share_interval(struct share share, double alpha)
{
    share = share_clamped(share);
    if (share.count == 0)
        return (struct share_interval){ .state = STATS_TOO_FEW };
    double n = (double)share.count, p = (double)share.hits / n, z = two_sided_z(alpha);
    double scale = 1 + z * z / n, centre = (p + z * z / (2 * n)) / scale;
    double half = z / scale * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    return (struct share_interval){
        .state = STATS_OK,
        .share = p,
        .low = share.hits == 0 ? 0 : fmax(0, centre - half),
        .high = share.hits == share.count ? 1 : fmin(1, centre + half),
    };
}

struct share_difference share_difference(struct share a, struct share b, double alpha)
{
    struct share_difference difference = { .state = STATS_TOO_FEW };
    struct share_interval ia = share_interval(a, alpha), ib = share_interval(b, alpha);
    if (ia.state != STATS_OK || ib.state != STATS_OK)
        return difference;
    a = share_clamped(a);
    b = share_clamped(b);
    double na = (double)a.count, nb = (double)b.count;
    double pooled = ((double)a.hits + (double)b.hits) / (na + nb);
    double variance = pooled * (1 - pooled) * (1 / na + 1 / nb);
    difference.delta = ib.share - ia.share;
    difference.low = difference.delta - hypot(ib.share - ib.low, ia.high - ia.share);
    difference.high = difference.delta + hypot(ib.high - ib.share, ia.share - ia.low);
    difference.state = variance > 0 ? STATS_OK : STATS_NO_VARIANCE;
    if (variance > 0) {
        difference.z = difference.delta / sqrt(variance);
        difference.ln_p = M_LN2 + special_ln_normal(-fabs(difference.z));
    }
    return difference;
}

/* Each p times how many are not below it, and never less than a smaller one's. */
void p_holm(const double *ln_p, size_t count, double *ret_ln_p)
{
    for (size_t i = 0; i < count; i++) {
        ret_ln_p[i] = -INFINITY;
        for (size_t j = 0; j < count; j++) {
            size_t rest = 0;
            for (size_t k = 0; k < count; k++)
                rest += ln_p[k] >= ln_p[j];
            if (ln_p[j] <= ln_p[i])
                ret_ln_p[i] = fmax(ret_ln_p[i], fmin(0, ln_p[j] + log((double)rest)));
        }
    }
}

/* Each p times count / rank, and never more than a larger one's. */
void p_benjamini_hochberg(const double *ln_p, size_t count, double *ret_ln_p)
{
    for (size_t i = 0; i < count; i++) {
        ret_ln_p[i] = 0;
        for (size_t j = 0; j < count; j++) {
            size_t rank = 0;
            for (size_t k = 0; k < count; k++)
                rank += ln_p[k] <= ln_p[j];
            if (ln_p[j] >= ln_p[i])
                ret_ln_p[i] = fmin(ret_ln_p[i], ln_p[j] + log((double)count / (double)rank));
        }
    }
}

/* Two digits, one where the exponent is long; both roundings may carry: 9.96 is 1.0 with e + 1. */
static void put_scientific(double ln_p, char to[P_TEXT_ROOM])
{
    double log10_p = ln_p / M_LN10, exponent = floor(log10_p);
    int digits = exponent < -999 ? 0 : 1;
    double mantissa = exp((log10_p - exponent) * M_LN10);
    double scaled = round(mantissa * (digits ? 10 : 1));
    if (scaled >= (digits ? 100 : 10)) {
        scaled /= 10;
        exponent++;
    }
    if (exponent < -9999999)
        snprintf(to, P_TEXT_ROOM, "<1e-999999");
    else if (digits && fmod(scaled, 10) != 0)
        snprintf(to, P_TEXT_ROOM, "%.1fe%d", scaled / 10, (int)exponent);
    else
        snprintf(to, P_TEXT_ROOM, "%.0fe%d", digits ? scaled / 10 : scaled, (int)exponent);
}

void p_put(double ln_p, char to[P_TEXT_ROOM])
{
    char digits[32];
    double p = exp(ln_p);
    if (isnan(ln_p))
        snprintf(to, P_TEXT_ROOM, "-");
    else if (p >= 0.995)
        snprintf(to, P_TEXT_ROOM, "1");
    else if (p < 0.001)
        put_scientific(ln_p, to);
    else { /* two digits after the zeros, without the 0 before the point and one at the end */
        int written = snprintf(digits, sizeof(digits), "%.*f",
                               p < 0.00995  ? 4
                               : p < 0.0995 ? 3
                                            : 2,
                               p);
        written -= digits[written - 1] == '0';
        snprintf(to, P_TEXT_ROOM, "%.*s", written - 1, digits + 1);
    }
}

void p_put_short(double ln_p, char to[P_TEXT_ROOM])
{
    if (ln_p < -99 * log(10))
        snprintf(to, P_TEXT_ROOM, "<1e-99");
    else
        p_put(ln_p, to);
}
