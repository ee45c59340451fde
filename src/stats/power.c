/* SPDX-License-Identifier: MIT */
#include "stats/power.h"

#include <math.h>

#include "stats/special.h"

enum { RATE_MINUTES = 60 };

/* How many standard errors a difference must be to be found; NAN for alpha or power outside 0..1. */
static double reach(double alpha, double power)
{
    return special_normal_quantile(power) - special_normal_quantile(0.5 * alpha);
}

bool power_fixed_n(double sd_a, double sd_b, double mde, double alpha, double power, double kappa,
                   double *ret_n_a)
{
    double step = reach(alpha, power) / mde;
    double n = step * step * (sd_a * sd_a + sd_b * sd_b / kappa);
    if (!(kappa > 0 && n >= 0 && n <= POWER_N_MAX))
        return false;
    *ret_n_a = n;
    return true;
}

bool power_mde(double sd_a, double sd_b, int64_t n_a, int64_t n_b, double alpha, double power,
               double *ret_mde)
{
    if (n_a <= 0 || n_b <= 0)
        return false;
    double mde = reach(alpha, power) * hypot(sd_a / sqrt((double)n_a), sd_b / sqrt((double)n_b));
    if (isfinite(mde))
        *ret_mde = mde;
    return isfinite(mde);
}

double power_unit_variance(double sd_a, double sd_b, double split_a)
{
    return split_a > 0 && split_a < 1 ? sd_a * sd_a / split_a + sd_b * sd_b / (1 - split_a) : 0;
}

/* Whether n requests find `mde`: the interval's half width and the noise, in standard errors. */
static bool finds(const struct sequence_plan *plan, double unit_variance, double mde, double power,
                  double n)
{
    double u = n * plan->rho2, effect = fabs(mde) / sqrt(unit_variance / n);
    double half = sqrt((1 + u) / u * (log1p(u) - 2 * log(plan->alpha)));
    return special_normal(effect - half) + special_normal(-effect - half) >= power;
}

bool power_sequence_n(const struct sequence_plan *plan, double unit_variance, double mde,
                      double power, int64_t *ret_n)
{
    if (!(unit_variance >= 0 && fabs(mde) > 0 && power >= 0.5 && power < 1))
        return false;
    int64_t low = 0, high = (int64_t)POWER_N_MAX; /* low does not find it, high does */
    if (!finds(plan, unit_variance, mde, power, (double)high))
        return false;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        *(finds(plan, unit_variance, mde, power, (double)middle) ? &high : &low) = middle;
    }
    *ret_n = high;
    return true;
}

/* Ascending, for an hour's minutes. */
static void sort(double *values, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        double value = values[i];
        size_t at = i;
        for (; at > 0 && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
}

struct power_rate power_rate(const int64_t *per_minute, size_t count)
{
    double hour[RATE_MINUTES], sum = 0, weights = 0;
    size_t used = MIN(count, (size_t)RATE_MINUTES);
    if (used == 0)
        return (struct power_rate){ 0 };
    for (size_t i = 0; i < count;
         i++) { /* weights fall by e in an hour; their sum is divided out */
        sum = sum * exp(-1.0 / RATE_MINUTES) + (double)MAX(per_minute[i], 0);
        weights = weights * exp(-1.0 / RATE_MINUTES) + 1;
    }
    for (size_t i = 0; i < used; i++)
        hour[i] = (double)MAX(per_minute[count - used + i], 0) / 60;
    sort(hour, used);
    return (struct power_rate){
        .now = sum / weights / 60,
        .slow = hour[(used - 1) / 10],
        .fast = hour[used - 1 - (used - 1) / 10],
    };
}

struct power_eta power_eta(double n_now, double n_needed, const struct power_rate *rate)
{
    double rest = n_needed - n_now;
    if (!(rest > 0))
        return (struct power_eta){ .known = n_needed <= n_now, .has_longest = n_needed <= n_now };
    if (!(rate->now > 0) || isinf(rest))
        return (struct power_eta){ 0 };
    struct power_eta eta = { .known = true, .seconds = rest / rate->now };
    eta.shortest = fmin(eta.seconds, rest / fmax(rate->fast, rate->now));
    eta.has_longest = rate->slow > 0;
    eta.longest = eta.has_longest ? fmax(eta.seconds, rest / rate->slow) : 0;
    return eta;
}
