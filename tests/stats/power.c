/* SPDX-License-Identifier: MIT */
/* Size and time left: the vectors, the sequential size against its definition, rates without traffic. */
#include "stats/power.h"

#include "stats/vectors.h"

static void check_n(const struct vector *v)
{
    double n = -1, kappa = vector_number(v, "kappa");
    OK(power_fixed_n(vector_number(v, "sdA"), vector_number(v, "sdB"), vector_number(v, "mde"),
                     vector_number(v, "alpha"), vector_number(v, "power"), kappa, &n),
       v->id);
    vector_is(v, "nA", n);
    vector_is(v, "nB", n * kappa);
}

static void check_mde(const struct vector *v)
{
    double mde = -1;
    OK(power_mde(vector_number(v, "sdA"), vector_number(v, "sdB"), (int64_t)vector_number(v, "nA"),
                 (int64_t)vector_number(v, "nB"), vector_number(v, "alpha"),
                 vector_number(v, "power"), &mde),
       v->id);
    vector_is(v, "mde", mde);
}

static void check_eta(const struct vector *v)
{
    double per_second = vector_number(v, "rate_per_s");
    struct power_rate rate = { per_second, per_second / 2, per_second * 2 };
    struct power_eta eta =
        power_eta(vector_number(v, "N_now"), vector_number(v, "N_required"), &rate);
    vector_is(v, "seconds", eta.seconds);
    OK(eta.known && eta.has_longest && fabs(eta.longest / eta.seconds - 2) < 1e-12 &&
           fabs(eta.shortest / eta.seconds - 0.5) < 1e-12,
       "half the rate takes twice as long");
}

static void test_sequence_n(void)
{
    double unit = power_unit_variance(88, 84.5, 0.5), mde = 5, fixed_a = 0;
    int64_t n = 0;
    OK(power_fixed_n(88, 84.5, mde, 0.05, 0.8, 1, &fixed_a), "the fixed size");
    struct sequence_plan plan = sequence_plan(0.05, (int64_t)(2 * fixed_a));
    OK(power_sequence_n(&plan, unit, mde, 0.8, &n), "the sequential size");
    double factor = (double)n / (2 * fixed_a);
    printf("# sequential over fixed: %.4f\n", factor);
    OK(factor > 1.85 && factor < 2, "costs about 1.9 times the fixed size");
    struct sequence_look look = sequence_look(&plan, n / 2, n - n / 2, mde, unit / (double)n);
    double se = sqrt(unit / (double)n), half = look.high - look.delta;
    double power = 0.5 * erfc(-(mde - half) / se * M_SQRT1_2);
    OK(fabs(power - 0.8) < 1e-3, "there the interval leaves out 0 with probability .8");
    int64_t more = 0;
    OK(power_sequence_n(&plan, unit, mde / 2, 0.8, &more) && more > 3 * n,
       "half the effect: four times");
    OK(power_sequence_n(&plan, unit, -mde, 0.8, &more) && more == n, "either direction alike");
    /* a p95 whose standard error was 19.4 and 43.4 at 2400 and 1600 requests */
    double quantile = (19.4 * 19.4 + 43.4 * 43.4) * 4000;
    OK(power_sequence_n(&plan, quantile, 25, 0.8, &more) && more > 4000,
       "a quantile's by its error");
}

static void test_no_answers(void)
{
    struct sequence_plan plan = sequence_plan(0.05, 20000);
    int64_t n = -1;
    double x = -1;
    OK(!power_fixed_n(1, 1, 0, 0.05, 0.8, 1, &x) && !power_fixed_n(1, 1, 1, 0.05, 0.8, 0, &x) &&
           !power_fixed_n(1, 1, 1, 0, 0.8, 1, &x) &&
           !power_fixed_n(1e9, 1, 1e-9, 0.05, 0.8, 1, &x) &&
           !power_mde(1, 1, 0, 5, 0.05, 0.8, &x) && !power_mde(1, 1, 5, 5, 0.05, 1, &x) && x == -1,
       "no size for no effect, no arm, no alpha or beyond all reason");
    OK(!power_sequence_n(&plan, 1, 0, 0.8, &n) && !power_sequence_n(&plan, NAN, 1, 0.8, &n) &&
           !power_sequence_n(&plan, 1, 1, 1, &n) && !power_sequence_n(&plan, 1e30, 1e-3, 0.8, &n) &&
           n == -1,
       "nor a sequential one");
    OK(power_sequence_n(&plan, 0, 1, 0.8, &n) && n >= 1,
       "without variance the first request tells");
    OK(power_unit_variance(1, 1, 0) == 0 && power_unit_variance(1, 1, NAN) == 0, "no split, none");
}

static void test_rate(void)
{
    int64_t minutes[200] = { 0 };
    struct power_rate none = power_rate(minutes, 0);
    OK(none.now == 0 && none.fast == 0 && !power_eta(0, 10, &none).known, "no minutes, no rate");
    for (int i = 0; i < 200; i++)
        minutes[i] = 60;
    struct power_rate rate = power_rate(minutes, 200);
    OK(fabs(rate.now - 1) < 1e-12 && rate.slow == 1 && rate.fast == 1,
       "60 a minute are 1 a second");
    OK(fabs(power_rate(minutes, 3).now - 1) < 1e-12, "from the third minute on");
    for (int i = 0; i < 200; i++)
        minutes[i] = i < 100 ? 6000 : i;
    rate = power_rate(minutes, 200);
    OK(fabs(rate.slow - 145 / 60.0) < 1e-9 && fabs(rate.fast - 194 / 60.0) < 1e-9,
       "slow and fast are the last hour's tenths");
    OK(rate.now > 199 / 60.0 && rate.now < 100, "the rate now forgets within an hour or two");
    for (int i = 0; i < 200; i++)
        minutes[i] = i % 5 ? -1 : 30;
    rate = power_rate(minutes, 200);
    struct power_eta eta = power_eta(100, 700, &rate);
    OK(eta.known && !eta.has_longest && eta.seconds > 5000 && eta.shortest <= eta.seconds,
       "idle minutes: no longest time can be said");
    eta = power_eta(700, 700, &rate);
    OK(eta.known && eta.seconds == 0, "what is there needs no time");
    OK(!power_eta(0, INFINITY, &rate).known && !power_eta(0, NAN, &rate).known,
       "nor has no end one");
}

int main(void)
{
    vectors("power_n", check_n);
    vectors("mde", check_mde);
    vectors("eta", check_eta);
    test_sequence_n();
    test_no_answers();
    test_rate();
    return tap_done();
}
