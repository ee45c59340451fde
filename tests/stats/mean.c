/* SPDX-License-Identifier: MIT */
/* Means and shares: the vectors, exact sums, merged halves, and states where there is no answer. */
#include "stats/mean.h"

#include "stats/vectors.h"

static struct moments arm(const struct vector *v, const char *key)
{
    struct mean_sums sums = { 0 };
    int64_t values[64];
    size_t count = vector_integers(vector_member(v->input, key), values, ARRAY_SIZE(values));
    for (size_t i = 0; i < count; i++)
        mean_add(&sums, (int32_t)values[i], 1);
    return mean_moments(&sums);
}

static void check_welch_of(const struct vector *v, const struct moments *a, const struct moments *b)
{
    struct welch welch = mean_welch(a, b, vector_number(v, "alpha"));
    if (cJSON_GetObjectItemCaseSensitive(v->expected, "status")) {
        OK(welch.state == STATS_NO_VARIANCE, v->id);
        return;
    }
    OK(welch.state == STATS_OK, v->id);
    vector_is(v, "meanA", a->mean);
    vector_is(v, "meanB", b->mean);
    vector_is(v, "delta", welch.delta);
    vector_is(v, "se", welch.se);
    vector_is(v, "t", welch.t);
    vector_is(v, "df", welch.df);
    vector_is(v, "ln_p", welch.ln_p);
    vector_is(v, "p", exp(welch.ln_p));
    vector_is(v, "tcrit", welch.t_quantile);
    vector_is(v, "lo", welch.low);
    vector_is(v, "hi", welch.high);
}

static void check_welch(const struct vector *v)
{
    struct moments a = arm(v, "A"), b = arm(v, "B");
    check_welch_of(v, &a, &b);
}

static void check_welch_moments(const struct vector *v)
{
    double na = vector_number(v, "nA"), nb = vector_number(v, "nB");
    struct moments a = { (int64_t)na, vector_number(v, "sumA") / na, vector_number(v, "m2A") };
    struct moments b = { (int64_t)nb, vector_number(v, "sumB") / nb, vector_number(v, "m2B") };
    check_welch_of(v, &a, &b);
}

static void check_lift(const struct vector *v)
{
    struct mean_lift lift =
        mean_lift(vector_number(v, "meanA"), vector_number(v, "vA"), vector_number(v, "meanB"),
                  vector_number(v, "vB"), vector_number(v, "alpha"));
    vector_is(v, "valid", lift.valid);
    vector_is(v, "lift", lift.lift);
    vector_is(v, "se", lift.se);
    vector_is(v, "lo", lift.low);
    vector_is(v, "hi", lift.high);
    vector_is(v, "fieller_lo", lift.fieller_low);
    vector_is(v, "fieller_hi", lift.fieller_high);
}

static void check_posterior(const struct vector *v)
{
    bool lower = vector_has(v, "lower_better") && vector_number(v, "lower_better") != 0;
    double prior = vector_has(v, "prior_var") ? vector_number(v, "prior_var") : INFINITY;
    struct mean_posterior posterior =
        mean_posterior(vector_number(v, "delta"), vector_number(v, "V"), prior, lower, 0.05);
    OK(posterior.state == STATS_OK, v->id);
    vector_is(v, "mu", posterior.mean);
    vector_is(v, "sd", posterior.sd);
    vector_is(v, "chance_B", posterior.b_better);
    vector_is(v, "loss_if_B", posterior.loss_if_b);
    vector_is(v, "loss_if_A", posterior.loss_if_a);
    vector_is(v, "lo", posterior.low);
    vector_is(v, "hi", posterior.high);
}

static struct share share_of(const struct vector *v, const char *hits, const char *count)
{
    return (struct share){ (int64_t)vector_number(v, hits), (int64_t)vector_number(v, count) };
}

static void check_two_prop(const struct vector *v)
{
    struct share a = share_of(v, "xA", "nA"), b = share_of(v, "xB", "nB");
    double alpha = vector_number(v, "alpha"), wilson[2];
    struct share_difference difference = share_difference(a, b, alpha);
    struct share_interval ia = share_interval(a, alpha), ib = share_interval(b, alpha);
    vector_is(v, "delta", difference.delta);
    vector_is(v, "lo", difference.low);
    vector_is(v, "hi", difference.high);
    vector_doubles(vector_member(v->expected, "wilsonA"), wilson, 2);
    vector_same(v, "wilsonA low", ia.low, wilson[0]);
    vector_same(v, "wilsonA high", ia.high, wilson[1]);
    vector_doubles(vector_member(v->expected, "wilsonB"), wilson, 2);
    vector_same(v, "wilsonB low", ib.low, wilson[0]);
    vector_same(v, "wilsonB high", ib.high, wilson[1]);
}

static void check_two_prop_z(const struct vector *v)
{
    struct share_difference difference =
        share_difference(share_of(v, "xA", "nA"), share_of(v, "xB", "nB"), 0.05);
    vector_is(v, "z", difference.z);
    vector_is(v, "p", exp(difference.ln_p));
}

static void check_bh(const struct vector *v)
{
    double p[8], want[8], ln_p[8], adjusted[8];
    size_t count = vector_doubles(vector_member(v->input, "p"), p, 8);
    vector_doubles(vector_member(v->expected, "adj"), want, 8);
    for (size_t i = 0; i < count; i++)
        ln_p[i] = log(p[i]);
    p_benjamini_hochberg(ln_p, count, adjusted);
    for (size_t i = 0; i < count; i++)
        vector_same(v, "adjusted", exp(adjusted[i]), want[i]);
}

static void test_holm(void)
{
    /* by hand: .003 x 4, .012 x 3, .049 x 2, .2 x 1 */
    double ln_p[] = { log(0.012), log(0.049), log(0.003), log(0.2) }, got[4];
    p_holm(ln_p, 4, got);
    OK(fabs(exp(got[0]) - 0.036) < 1e-12 && fabs(exp(got[1]) - 0.098) < 1e-12 &&
           fabs(exp(got[2]) - 0.012) < 1e-12 && fabs(exp(got[3]) - 0.2) < 1e-12,
       "Holm of four");
    double close[] = { log(0.04), log(0.03), log(0.03) };
    p_holm(close, 3, got);
    OK(fabs(exp(got[0]) - 0.09) < 1e-12 && fabs(exp(got[1]) - 0.09) < 1e-12,
       "a larger p is never adjusted below a smaller one");
    double far[] = { -34553, -INFINITY, 0 };
    p_holm(far, 3, got);
    OK(fabs(got[0] + 34553 - log(2)) < 1e-9 && got[1] == -INFINITY && got[2] == 0,
       "in logarithms, far below the doubles");
}

static void test_exact_sums(void)
{
    struct mean_sums plain = { 0 }, offset = { 0 }, constant = { 0 }, large = { 0 };
    for (int32_t i = 0; i < 10; i++) {
        mean_add(&plain, i, 1000000);
        mean_add(&offset, 1000000000 + i, 1000000);
    }
    struct moments m = mean_moments(&plain), far = mean_moments(&offset);
    OK(m.m2 == 82500000 && far.m2 == m.m2 && far.mean == 1000000004.5,
       "an offset of 1e9 does not move the variance by a bit");
    mean_add(&constant, 123456789, 999999937);
    OK(mean_moments(&constant).m2 == 0, "equal values have no variance at all");
    mean_add(&large, INT32_MAX, INT64_MAX - 1);
    mean_add(&large, INT32_MIN, 1);
    mean_add(&large, 7, 1);
    m = mean_moments(&large);
    OK(m.count == INT64_MAX && m.m2 > 0 && isfinite(m.m2) && m.mean > 2147483646,
       "the largest counts stay whole, and what would pass them is not taken");
    mean_add(&plain, 5, -3);
    OK(plain.count == 10000000, "a count below 0 is not taken");
    OK(mean_moments(&(struct mean_sums){ 0 }).count == 0, "nothing has no mean");
}

static void test_merge(void)
{
    struct mean_sums all = { 0 }, left = { 0 }, right = { 0 };
    for (int32_t i = 0; i < 5000; i++) {
        int32_t value = (i * 7919) % 1009 - 300;
        mean_add(&all, value, 1 + i % 3);
        mean_add(i < 1700 ? &left : &right, value, 1 + i % 3);
    }
    struct moments want = mean_moments(&all), ml = mean_moments(&left), mr = mean_moments(&right);
    struct moments merged = moments_merge(&ml, &mr);
    OK(merged.count == want.count && fabs(merged.mean / want.mean - 1) < 1e-13 &&
           fabs(merged.m2 / want.m2 - 1) < 1e-13,
       "moments of halves merge into those of the whole");
    mean_merge(&left, &right);
    OK(left.sum == all.sum && left.squares == all.squares && left.count == all.count,
       "sums of halves merge exactly");
    struct moments none = { 0 };
    merged = moments_merge(&none, &want);
    OK(merged.m2 == want.m2 && moments_merge(&want, &none).mean == want.mean,
       "nothing adds nothing");
}

static bool is_finite_welch(const struct welch *w)
{
    return isfinite(w->delta) && isfinite(w->se) && isfinite(w->t) && isfinite(w->df) &&
           isfinite(w->ln_p) && w->ln_p <= 0 && w->low <= w->delta && w->delta <= w->high;
}

static void test_no_answers(void)
{
    bool finite = true, states = true;
    for (int64_t na = 0; na <= 30; na++)
        for (int64_t nb = 0; nb <= 30; nb++)
            for (int32_t apart = 0; apart < 3; apart++) {
                struct mean_sums a = { 0 }, b = { 0 };
                for (int64_t i = 0; i < na; i++)
                    mean_add(&a, 100 + (int32_t)(i % 2) * apart, 1);
                mean_add(&b, 100 + apart, nb);
                struct moments ma = mean_moments(&a), mb = mean_moments(&b);
                struct welch welch = mean_welch(&ma, &mb, 0.05);
                finite = finite && is_finite_welch(&welch);
                bool few = na < 2 || nb < 2;
                states = states && (few == (welch.state == STATS_TOO_FEW)) &&
                         (few || (apart == 0) == (welch.state == STATS_NO_VARIANCE));
            }
    OK(finite, "Welch is finite for all small counts");
    OK(states, "too few and no variance are states");
    OK(!mean_lift(0, 0, 5, 1, 0.05).valid && !mean_lift(9, 1, 5, 1, 0.05).valid &&
           mean_lift(11, 1, 5, 1, 0.05).valid && !mean_lift(-50, 1, 5, 1, 0.05).valid,
       "a lift needs a control ten standard errors above 0");
    OK(mean_posterior(1, 0, INFINITY, true, 0.05).state == STATS_NO_VARIANCE &&
           mean_posterior(1, NAN, INFINITY, true, 0.05).state == STATS_NO_VARIANCE,
       "no posterior without a variance");
    struct mean_posterior drawn = mean_posterior(-4, 4, 4, true, 0.05);
    OK(fabs(drawn.mean + 2) < 1e-12 && fabs(drawn.sd - M_SQRT2) < 1e-12,
       "a prior as sure as the data draws half way to 0");
}

static void test_shares(void)
{
    bool bounded = true, inside = true;
    for (int64_t n = 0; n <= 60; n++)
        for (int64_t k = -1; k <= n + 1; k++) {
            struct share_interval i = share_interval((struct share){ k, n }, 0.05);
            bounded = bounded && i.low >= 0 && i.high <= 1 && i.low <= i.share && i.share <= i.high;
            struct share_difference d =
                share_difference((struct share){ k, n }, (struct share){ n / 2, n }, 0.05);
            inside = inside && d.low <= d.delta && d.delta <= d.high && d.low >= -1 &&
                     d.high <= 1 && d.ln_p <= 0 && isfinite(d.z);
        }
    OK(bounded, "Wilson stays within 0 and 1 and around its share");
    OK(inside, "Newcombe stays within -1 and 1 and around its difference");
    struct share_difference none =
        share_difference((struct share){ 0, 500 }, (struct share){ 0, 500 }, 0.05);
    OK(none.state == STATS_NO_VARIANCE && none.low < -0.005 && none.high > 0.005,
       "no failure in either arm has an interval, and no p");
    struct moments m = moments_of_share(3, 10);
    OK(m.mean == 0.3 && fabs(m.m2 - 2.1) < 1e-15, "a share has the moments of its zeros and ones");
}

static void test_contrast(void)
{
    struct moments a = { 1000, 200, 999000 }, b = { 500, 207, 499 * 400 };
    struct mean_contrast plain = mean_contrast(&a, &b, 0), margin = mean_contrast(&a, &b, 0.05);
    OK(plain.delta == 7 && fabs(plain.variance - 1.8) < 1e-12, "B less A");
    OK(fabs(margin.delta + 3) < 1e-12 && fabs(margin.variance - (0.8 + 1.1025)) < 1e-12,
       "B against A and 5 %");
}

static void put(double ln_p, const char *want)
{
    char text[P_TEXT_ROOM];
    p_put(ln_p, text);
    IS(text, want, want);
}

static void test_put(void)
{
    put(0, "1");
    put(log(0.996), "1");
    put(log(0.99), ".99");
    put(log(0.17), ".17");
    put(log(0.5), ".5");
    put(log(0.04296), ".043");
    put(log(0.04), ".04");
    put(log(0.0996), ".1");
    put(log(0.0012), ".0012");
    put(log(0.00996), ".01");
    put(log(0.000999), "1e-3");
    put(log(6.334248366623988e-05), "6.3e-5");
    put(log(2.3995e-149), "2.4e-149");
    put(log(9.97e-10), "1e-9");
    put(-34553.05816598355, "6e-15007");
    put(-9.97 * M_LN10, "1.1e-10");
    put(-1e7, "2e-4342945");
    put(-1e9, "<1e-999999");
    put(-INFINITY, "<1e-999999");
    put(NAN, "-");
    put(1e-17, "1");
    bool fits = true;
    for (double ln_p = -1e-3; ln_p > -1e12; ln_p *= 1.01) {
        char text[P_TEXT_ROOM];
        p_put(ln_p, text);
        fits = fits && strlen(text) > 0 && strlen(text) <= 10 && !strchr(text, 'n');
    }
    OK(fits, "every p takes 1 to 10 characters");
}

static void put_short(double ln_p, const char *want)
{
    char text[P_TEXT_ROOM];
    p_put_short(ln_p, text);
    IS(text, want, want);
}

static void test_put_short(void)
{
    put_short(log(0.04296), ".043");
    put_short(log(9.9e-63), "9.9e-63");
    put_short(log(2e-99), "2e-99");
    put_short(log(9e-100), "<1e-99");
    put_short(-34553.05816598355, "<1e-99");
    put_short(-INFINITY, "<1e-99");
    put_short(NAN, "-");
}

int main(void)
{
    vectors("welch", check_welch);
    vectors("welch_moments", check_welch_moments);
    vectors("relative_lift", check_lift);
    vectors("bayes_normal", check_posterior);
    vectors("two_prop", check_two_prop);
    vectors("two_prop_z", check_two_prop_z);
    vectors("bh", check_bh);
    test_holm();
    test_exact_sums();
    test_merge();
    test_no_answers();
    test_shares();
    test_contrast();
    test_put();
    test_put_short();
    return tap_done();
}
