/* SPDX-License-Identifier: MIT */
/* Ratings 1 to 5: ordinal comparison from ten counts. */
#include "stats/rating.h"

#include "vectors.h"

static uint64_t state = 5;

static uint64_t draw(void)
{
    state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    uint64_t z = state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static struct rating_counts counts_of(const struct vector *v, const char *arm)
{
    struct rating_counts counts = { 0 };
    vector_integers(vector_member(v->input, arm), counts.of, RATING_LEVELS);
    return counts;
}

static void look_is(const struct vector *v, const char *name, const struct sequence_look *look)
{
    char path[64];
    double got[] = { look->low, look->high, look->ln_e, look->ln_p };
    static const char *const members[] = { "lo", "hi", "ln_e", "ln_p" };
    OK(look->state == STATS_OK, name);
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s.%s", name, members[i]);
        vector_is(v, path, got[i]);
    }
}

static void arms_are(const struct vector *v, const struct rating_counts *a,
                     const struct rating_counts *b)
{
    struct moments in_a = rating_moments(a), in_b = rating_moments(b);
    vector_is(v, "nA", (double)rating_total(a));
    vector_is(v, "nB", (double)rating_total(b));
    vector_is(v, "meanA", in_a.mean);
    vector_is(v, "meanB", in_b.mean);
    vector_is(v, "varA", moments_variance(&in_a));
    vector_is(v, "varB", moments_variance(&in_b));
    vector_is(v, "dirichlet_chance_B", rating_chance_b(a, b));
}

static void rating(const struct vector *v)
{
    struct rating_counts a = counts_of(v, "A"), b = counts_of(v, "B");
    double alpha = vector_number(v, "alpha");
    struct rating_comparison got = rating_compare(&a, &b, alpha);
    struct sequence_plan plan = sequence_plan(alpha, (int64_t)vector_number(v, "n_star"));
    struct sequence_look theta = rating_look(&plan, &a, &b);
    struct sequence_look mean = rating_look_mean(&plan, &a, &b, 0);
    arms_are(v, &a, &b);
    OK(got.state == STATS_OK, v->id);
    vector_is(v, "theta", got.theta);
    vector_is(v, "U", got.u);
    vector_is(v, "sdU", got.u_sd);
    vector_is(v, "z", got.u_z);
    vector_is(v, "p", exp(got.u_ln_p));
    vector_is(v, "z_cc", got.cc_z);
    vector_is(v, "p_cc", exp(got.cc_ln_p));
    vector_is(v, "theta_var", got.variance);
    vector_is(v, "bm_W", got.w);
    vector_is(v, "bm_df", got.df);
    vector_is(v, "bm_p", exp(got.ln_p));
    vector_is(v, "theta_lo", got.low);
    vector_is(v, "theta_hi", got.high);
    look_is(v, "seq_theta", &theta);
    look_is(v, "seq_mean", &mean);
}

/* The share of 4 and 5 and the share rated come of the same counts; mean.h answers. */
static void shares(void)
{
    struct vector typical = vectors_find("rating_typical");
    struct vector top = vectors_find("topbox_newcombe");
    struct vector rated = vectors_find("feedback_coverage");
    struct rating_counts a = counts_of(&typical, "A"), b = counts_of(&typical, "B");
    struct share_difference d = share_difference(rating_top(&a), rating_top(&b), .05);
    struct share rated_a = { rating_total(&a), 5000 }, rated_b = { rating_total(&b), 5000 };
    vector_is(&top, "delta", d.delta);
    vector_is(&top, "lo", d.low);
    vector_is(&top, "hi", d.high);
    d = share_difference(rated_a, rated_b, .05);
    vector_is(&rated, "z", d.z);
    vector_is(&rated, "p", exp(d.ln_p));
    d = share_difference((struct share){ 400, 5000 }, (struct share){ 600, 5000 }, .05);
    OK(d.ln_p < log(1e-9), "8 % rated against 12 % of 5000 an arm is no chance");
}

/* By all pairs of ratings. */
static double theta_by_pairs(const struct rating_counts *a, const struct rating_counts *b)
{
    double wins = 0;
    for (int i = 0; i < RATING_LEVELS; i++)
        for (int j = 0; j < RATING_LEVELS; j++)
            wins += (double)a->of[i] * (double)b->of[j] * (j > i ? 1 : j == i ? .5 : 0);
    return wins / (double)rating_total(a) / (double)rating_total(b);
}

static bool is_sane(const struct rating_comparison *c, const struct sequence_look *look,
                    double chance)
{
    return c->theta >= 0 && c->theta <= 1 && chance >= 0 && chance <= 1 && isfinite(c->u_z) &&
           isfinite(c->cc_z) && isfinite(c->w) && isfinite(c->df) && c->u_ln_p <= 0 &&
           c->cc_ln_p <= 0 && c->ln_p <= 0 && isfinite(c->ln_p) && isfinite(look->low) &&
           isfinite(look->high) && look->ln_p <= 0 && isfinite(look->ln_p) &&
           (c->state != STATS_OK ||
            (c->low <= c->theta && c->high >= c->theta && c->variance > 0 && c->u_sd > 0));
}

static struct rating_counts counts_draw(uint64_t max)
{
    struct rating_counts counts;
    for (int i = 0; i < RATING_LEVELS; i++)
        counts.of[i] = draw() % 3 ? (int64_t)(draw() % max) : 0;
    return counts;
}

static void any_counts(void)
{
    static const uint64_t sizes[] = { 2, 5, 60, 5000, INT64_MAX };
    bool sane = true, equal = true, mirrored = true;
    struct sequence_plan plan = sequence_plan(.05, 1000);
    for (int round = 0; round < 20000; round++) {
        struct rating_counts a = counts_draw(sizes[round % 5]);
        struct rating_counts b = counts_draw(sizes[draw() % 5]);
        struct rating_comparison c = rating_compare(&a, &b, .05), m = rating_compare(&b, &a, .05);
        struct sequence_look theta = rating_look(&plan, &a, &b);
        struct sequence_look mean = rating_look_mean(&plan, &a, &b, -.05);
        double chance = rating_chance_b(&a, &b);
        sane = sane && is_sane(&c, &theta, chance) && is_sane(&c, &mean, chance);
        mirrored = mirrored && c.state == m.state && fabs(c.theta + m.theta - 1) < 1e-12 &&
                   fabs(c.u_z + m.u_z) <= 1e-6 * (1 + fabs(c.u_z));
        if (rating_total(&a) && rating_total(&b) && rating_total(&a) < 100000 &&
            rating_total(&b) < 100000)
            equal = equal && fabs(c.theta - theta_by_pairs(&a, &b)) < 1e-9;
    }
    OK(sane, "20 000 pairs of any counts: no nan, probabilities are such");
    OK(equal, "theta is the share of pairs that B wins, ties half");
    OK(mirrored, "the arms exchanged give 1 - theta");
    struct rating_counts negative = { { -5, INT64_MIN, 3, 0, 0 } };
    OK(rating_total(&negative) == 3 && rating_moments(&negative).mean == 3,
       "a negative count is none");
}

static void wholly_apart(void)
{
    struct rating_counts a = { { 150, 50, 0, 0, 0 } }, b = { { 0, 0, 0, 150, 50 } };
    struct sequence_plan plan = sequence_plan(.05, 1000);
    struct sequence_look look = rating_look(&plan, &a, &b);
    struct rating_comparison c = rating_compare(&a, &b, .05);
    OK(c.theta == 1 && c.state == STATS_OK && c.ln_p < -100 && c.high == 1,
       "arms that do not overlap: theta 1, far beyond doubt");
    OK(look.state == STATS_OK && look.ln_p < -50 && look.low > 0, "and the sequence says so");
}

static void all_alike(void)
{
    struct rating_counts a = { { 0, 0, 0, 0, 200 } }, b = { { 0, 0, 0, 0, 300 } }, none = { { 0 } };
    struct sequence_plan plan = sequence_plan(.05, 1000);
    struct sequence_look look = rating_look_mean(&plan, &a, &b, -.05);
    OK(rating_compare(&a, &b, .05).state == STATS_NO_VARIANCE &&
           rating_compare(&a, &b, .05).theta == .5,
       "all five in both arms: theta a half, and no p");
    OK(rating_look(&plan, &a, &b).state == STATS_NO_VARIANCE, "nor a sequence of theta");
    OK(look.state == STATS_OK && look.low > 0, "but the mean has surely not lost 5 %");
    OK(rating_compare(&none, &b, .05).state == STATS_TOO_FEW &&
           rating_look(&plan, &none, &none).state == STATS_TOO_FEW,
       "no ratings are too few");
    OK(rating_chance_b(&none, &none) == .5, "and leave the chance even");
}

int main(void)
{
    vectors("rating", rating);
    shares();
    any_counts();
    wholly_apart();
    all_alike();
    return tap_done();
}
