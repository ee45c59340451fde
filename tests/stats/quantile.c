/* SPDX-License-Identifier: MIT */
/* Quantiles: their values, fixed intervals, and the sequences that hold at every look. */
#include "stats/quantile.h"

#include <time.h>

#include "stats/bucket.h"
#include "stats/special.h"
#include "vectors.h"

enum { ROOM = 4096 };

struct arm_fixture {
    struct histogram h;
    struct histogram_cell cells[ROOM];
};

static struct arm_fixture fixture_a, fixture_b, coarse_a, coarse_b;
static const double p_of[] = { .01, .5, .9, .95, .99, .999 };

static struct histogram *arm_init(struct arm_fixture *arm, enum histogram_kind kind)
{
    histogram_init(&arm->h, kind, arm->cells, ROOM);
    return &arm->h;
}

static void arm_add(struct histogram *h, int64_t key, int64_t n)
{
    if (histogram_add(h, key, n) != HISTOGRAM_ADDED)
        printf("Bail out! a cell does not fit\n"), exit(1);
}

static struct histogram *arm_read(const struct vector *v, const char *key, struct arm_fixture *arm)
{
    static int64_t values[ROOM], counts[ROOM];
    size_t size = vector_histogram(v, key, values, counts, ROOM);
    struct histogram *h = arm_init(arm, HISTOGRAM_MS);
    for (size_t i = 0; i < size; i++)
        arm_add(h, values[i], counts[i]);
    return h;
}

static struct histogram *arm_range(const struct vector *v, const char *key, struct arm_fixture *arm)
{
    double ends[2];
    struct histogram *h = arm_init(arm, HISTOGRAM_MS);
    vector_doubles(vector_member(v->input, key), ends, 2);
    for (int64_t x = (int64_t)ends[0]; x <= (int64_t)ends[1]; x++)
        arm_add(h, x, 1);
    return h;
}

static struct histogram *arm_coarse(const struct histogram *exact, struct arm_fixture *arm)
{
    struct histogram *h = arm_init(arm, HISTOGRAM_BUCKETS);
    if (histogram_add_buckets(h, exact) != HISTOGRAM_ADDED)
        printf("Bail out! buckets do not fit\n"), exit(1);
    return h;
}

static uint64_t state = 19520331;

static uint64_t draw(void)
{
    state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    uint64_t z = state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* --- Vectors ---------------------------------------------------------------------------------- */

static void point(const struct vector *v)
{
    const struct histogram *h = arm_read(v, "hist", &fixture_a);
    double ps[8], disc[8], cont[8];
    size_t size = vector_doubles(vector_member(v->input, "ps"), ps, 8);
    vector_doubles(vector_member(v->expected, "disc"), disc, 8);
    vector_doubles(vector_member(v->expected, "cont"), cont, 8);
    for (size_t i = 0; i < size; i++) {
        double got_disc = -1, got_cont = -1;
        OK(quantile_point(h, ps[i], &got_disc) && quantile_between(h, ps[i], &got_cont), v->id);
        vector_same(v, "percentile_disc", got_disc, disc[i]);
        vector_same(v, "percentile_cont", got_cont, cont[i]);
    }
}

static void ranks(const struct vector *v)
{
    int64_t low, high, n = (int64_t)vector_number(v, "n");
    double coverage =
        quantile_ranks(n, vector_number(v, "p"), vector_number(v, "alpha"), &low, &high);
    vector_is(v, "l", (double)low);
    vector_is(v, "u", (double)high);
    vector_is(v, "coverage", coverage);
    vector_is(v, "hi_is_inf", high > n);
}

static void outer_of_arm(const struct vector *v, const struct histogram *h, const char *arm)
{
    static const char *const names[] = { "L", "U", "se", "q" };
    double p = vector_number(v, "p"), got[4] = { 0 };
    int64_t low = 0, high = 0;
    char path[16];
    OK(quantile_outer_se(h, p, vector_number(v, "alpha"), &low, &high, &got[2]) &&
           quantile_point(h, p, &got[3]),
       "each arm has an outer interval");
    got[0] = (double)low;
    got[1] = (double)high;
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s.%s", arm, names[i]);
        vector_is(v, path, got[i]);
    }
}

static void outer(const struct vector *v)
{
    const struct histogram *a = arm_read(v, "A", &fixture_a), *b = arm_read(v, "B", &fixture_b);
    struct quantile_outer got =
        quantile_outer(a, b, vector_number(v, "p"), vector_number(v, "alpha"));
    outer_of_arm(v, a, "A");
    outer_of_arm(v, b, "B");
    OK(got.valid, "the difference has an outer interval");
    vector_is(v, "delta", got.delta);
    vector_is(v, "se", got.se);
    vector_is(v, "lo", got.low);
    vector_is(v, "hi", got.high);
    vector_is(v, "pval", exp(got.ln_p));
}

static void mover(const struct vector *v)
{
    const struct histogram *a = arm_read(v, "A", &fixture_a), *b = arm_read(v, "B", &fixture_b);
    double p = vector_number(v, "p"), alpha = vector_number(v, "alpha"), want[2];
    struct quantile_bounds in_a = quantile_interval(a, p, alpha);
    struct quantile_bounds in_b = quantile_interval(b, p, alpha);
    struct quantile_bounds got = quantile_mover(a, b, p, alpha);
    OK(got.has_low && got.has_high && in_a.has_high && in_b.has_high, "all bounds are there");
    vector_is(v, "lo", got.low);
    vector_is(v, "hi", got.high);
    vector_doubles(vector_member(v->expected, "A_ci"), want, 2);
    vector_same(v, "A low", in_a.low, want[0]);
    vector_same(v, "A high", in_a.high, want[1]);
    vector_doubles(vector_member(v->expected, "B_ci"), want, 2);
    vector_same(v, "B low", in_b.low, want[0]);
    vector_same(v, "B high", in_b.high, want[1]);
}

static void sequence_ranks(const struct vector *v)
{
    int64_t low, high, n = (int64_t)vector_number(v, "n");
    struct quantile_tuning tuning = quantile_tune(vector_number(v, "p"), vector_number(v, "n_opt"),
                                                  vector_number(v, "alpha_opt"));
    quantile_sequence_ranks(n, &tuning, vector_number(v, "alpha"), &low, &high);
    vector_is(v, "a", tuning.a);
    vector_is(v, "b", tuning.b);
    vector_is(v, "r_lo", (double)low);
    vector_is(v, "r_hi", (double)high);
    vector_is(v, "lo_is_inf", low < 1);
    vector_is(v, "hi_is_inf", high > n);
}

static void ab_p(const struct vector *v)
{
    const struct histogram *a = arm_range(v, "A_range", &fixture_a);
    const struct histogram *b = arm_range(v, "B_range", &fixture_b);
    struct quantile_tuning tuning = quantile_tune(vector_number(v, "p"), vector_number(v, "n_opt"),
                                                  vector_number(v, "alpha_opt"));
    vector_is(v, "p", exp(quantile_ln_p(a, b, &tuning, 1, 0)));
    vector_same(v, "the arms exchanged", exp(quantile_ln_p(b, a, &tuning, 1, 0)),
                vector_expected(v, "p"));
}

static void bonferroni(const struct vector *v, const struct quantile_tuning *tuning, double alpha)
{
    int64_t needs;
    struct quantile_bounds a = quantile_sequence(&fixture_a.h, tuning, alpha / 2, &needs);
    struct quantile_bounds b = quantile_sequence(&fixture_b.h, tuning, alpha / 2, &needs);
    vector_is(v, "bonferroni_lo", b.low - a.high);
    vector_is(v, "bonferroni_hi", b.high - a.low);
}

/*
 * The arm that the vector of a slower B names is not in the file: slower_arm() asks in its place.
 */
static void sequence(const struct vector *v)
{
    if (strcmp(vector_member(v->input, "B")->valuestring, "quantile_point_C1600") == 0)
        return;
    const struct histogram *a = arm_read(v, "A", &fixture_a), *b = arm_read(v, "B", &fixture_b);
    double alpha = vector_number(v, "alpha"), edge = log(alpha);
    struct quantile_tuning tuning =
        quantile_tune(vector_number(v, "p"), vector_number(v, "n_opt"), alpha);
    struct quantile_comparison got = quantile_compare(a, b, &tuning, alpha);
    struct quantile_bounds d = got.difference, r = got.ratio;
    OK(d.has_low && d.has_high && r.has_low && r.has_high && !got.needs_a && !got.needs_b, v->id);
    vector_is(v, "ln_p_equal", quantile_ln_p(a, b, &tuning, 1, 0));
    vector_is(v, "lo", d.low);
    vector_is(v, "hi", d.high);
    vector_is(v, "ratio_lo", r.low);
    vector_is(v, "ratio_hi", r.high);
    vector_is(v, "delta", quantile_look(&got).delta);
    vector_same(v, "the look's interval", quantile_look_ratio(&got).high, r.high - 1);
    if (cJSON_GetObjectItem(v->expected, "bonferroni_lo"))
        bonferroni(v, &tuning, alpha);
    OK(quantile_ln_p(a, b, &tuning, 1, d.low) > edge &&
           quantile_ln_p(a, b, &tuning, 1, d.high) > edge,
       "the test rejects neither end of the difference");
    OK(quantile_ln_p(a, b, &tuning, 1, d.low - .5) <= edge &&
           quantile_ln_p(a, b, &tuning, 1, d.high + .5) <= edge,
       "and half a millisecond further it rejects both");
    OK(quantile_ln_p(a, b, &tuning, r.low + 1e-9, 0) > edge &&
           quantile_ln_p(a, b, &tuning, r.high - 1e-9, 0) > edge &&
           quantile_ln_p(a, b, &tuning, r.low - 1e-9, 0) <= edge &&
           quantile_ln_p(a, b, &tuning, r.high + 1e-9, 0) <= edge,
       "so it does with the ratio, a billionth within and beyond");
}

static void slower_arm(void)
{
    struct vector v = vectors_find("quantile_seq_0.95");
    const struct histogram *a = arm_read(&v, "A", &fixture_a);
    const struct histogram *b = arm_read(&v, "B", &fixture_b);
    struct histogram *slow = arm_init(&coarse_b, HISTOGRAM_MS);
    struct quantile_tuning tuning = quantile_tune(.5, 2000, .05);
    struct quantile_comparison plain = quantile_compare(a, b, &tuning, .05), late;
    for (size_t i = 0; i < b->count; i++)
        arm_add(slow, b->cells[i].key + 54, b->cells[i].n);
    late = quantile_compare(a, slow, &tuning, .05);
    OK(late.difference.low == plain.difference.low + 54 &&
           late.difference.high == plain.difference.high + 54,
       "54 ms more move the difference by 54 ms");
    OK(fabs(quantile_ln_p(a, slow, &tuning, 1, 54) - quantile_ln_p(a, b, &tuning, 1, 0)) < 1e-9,
       "a shift asked for is a shift made");
    OK(quantile_ln_p(a, slow, &tuning, 1, 0) < -70 && late.ratio.low > 1.15,
       "and a median a quarter slower is beyond doubt");
}

static void sketched(const struct vector *v)
{
    const struct histogram *exact = arm_read(v, "A", &fixture_a);
    const struct histogram *h = arm_coarse(exact, &coarse_a);
    double p = vector_number(v, "p"), estimate = 0, want[2];
    struct quantile_bounds got = quantile_interval(h, p, vector_number(v, "alpha"));
    vector_is(v, "n_buckets", (double)h->count);
    OK(quantile_point(h, p, &estimate), "the sketch has a quantile");
    vector_is(v, "estimate", estimate);
    vector_doubles(vector_member(v->expected, "ci_outer"), want, 2);
    vector_same(v, "low", got.low, want[0]);
    vector_same(v, "high", got.high, want[1]);
}

/* --- Against the definition ------------------------------------------------------------------- */

static double least_over(const struct histogram *h, const struct quantile_tuning *t, double x)
{
    double least = HUGE_VAL;
    int64_t to = histogram_maybe_upto(h, x);
    for (int64_t k = histogram_surely_below(h, x); k <= to; k++)
        least = fmin(least, special_ln_bb(k, histogram_total(h), t->p, t->a, t->b));
    return least;
}

/* G_A(x) + G_B(ratio x + shift) at every edge of every cell of both arms and around it. */
static double ln_p_by_definition(const struct histogram *a, const struct histogram *b,
                                 const struct quantile_tuning *t, double ratio, double shift)
{
    double least = HUGE_VAL;
    for (int arm = 0; arm < 2; arm++) {
        const struct histogram *h = arm ? b : a;
        for (size_t i = 0; i < 3 * h->count; i++) {
            double edge = i % 3 == 1 ? histogram_low(h, i / 3) : histogram_high(h, i / 3);
            double x = (arm ? (edge - shift) / ratio : edge) + (i % 3 == 2 ? 1e-6 : 0);
            least = fmin(least, least_over(a, t, x) + least_over(b, t, ratio * x + shift));
        }
    }
    return fmin(0, -least);
}

static void arm_draw(struct histogram *h, int64_t n, int64_t spread, int64_t offset)
{
    for (int64_t i = 0; i < n; i++)
        arm_add(h, offset + (int64_t)(draw() % (uint64_t)spread) * (draw() % 8 == 0 ? 3 : 1), 1);
}

static void equals_the_definition(void)
{
    bool same = true, coarser = true;
    for (int round = 0; round < 400; round++) {
        struct histogram *a = arm_init(&fixture_a, HISTOGRAM_MS);
        struct histogram *b = arm_init(&fixture_b, HISTOGRAM_MS);
        struct quantile_tuning t = quantile_tune(p_of[round % 6], 200, .05);
        arm_draw(a, 1 + (int64_t)(draw() % 300), 1 + (int64_t)(draw() % 200), 100);
        arm_draw(b, 1 + (int64_t)(draw() % 300), 1 + (int64_t)(draw() % 200),
                 (int64_t)(draw() % 300));
        double shift = (double)(draw() % 200) - 100, ratio = draw() % 2 ? 1 : 1.25;
        double got = quantile_ln_p(a, b, &t, ratio, shift);
        double want = ln_p_by_definition(a, b, &t, ratio, shift);
        same = same && fabs(got - want) <= 1e-9 * fmax(1, fabs(want));
        double sketch =
            quantile_ln_p(arm_coarse(a, &coarse_a), arm_coarse(b, &coarse_b), &t, ratio, shift);
        coarser = coarser && sketch >= got - 1e-9;
    }
    OK(same, "400 pairs of arms: ln p is the least joint evidence over all x");
    OK(coarser, "and from log buckets it is never stronger");
}

static bool encloses(struct quantile_bounds outside, struct quantile_bounds inside)
{
    return (!outside.has_low || (inside.has_low && outside.low <= inside.low)) &&
           (!outside.has_high || (inside.has_high && outside.high >= inside.high));
}

static void dual_and_enclosed(void)
{
    bool dual = true, enclosed = true, mirrored = true;
    for (int round = 0; round < 400; round++) {
        struct histogram *a = arm_init(&fixture_a, HISTOGRAM_MS);
        struct histogram *b = arm_init(&fixture_b, HISTOGRAM_MS);
        struct quantile_tuning t = quantile_tune(p_of[1 + round % 4], 300, .05);
        arm_draw(a, 50 + (int64_t)(draw() % 900), 1 + (int64_t)(draw() % 300), 50);
        arm_draw(b, 50 + (int64_t)(draw() % 900), 1 + (int64_t)(draw() % 300), 90);
        struct quantile_comparison c = quantile_compare(a, b, &t, .05);
        struct quantile_comparison m = quantile_compare(b, a, &t, .05);
        struct quantile_bounds d = c.difference, e = m.difference;
        if (d.has_high)
            dual = dual && quantile_ln_p(a, b, &t, 1, d.high) > log(.05) &&
                   quantile_ln_p(a, b, &t, 1, d.high + .5) <= log(.05);
        if (d.has_low)
            dual = dual && quantile_ln_p(a, b, &t, 1, d.low) > log(.05) &&
                   quantile_ln_p(a, b, &t, 1, d.low - .5) <= log(.05);
        dual = dual && (d.has_low || quantile_ln_p(a, b, &t, 1, -1e9) > log(.05)) &&
               (d.has_high || quantile_ln_p(a, b, &t, 1, 1e9) > log(.05));
        mirrored = mirrored && d.has_low == e.has_high && d.has_high == e.has_low &&
                   (!d.has_low || d.low == -e.high) && c.needs_a == m.needs_b &&
                   (d.has_low && d.has_high) == (!c.needs_a && !c.needs_b);
        struct quantile_comparison s =
            quantile_compare(arm_coarse(a, &coarse_a), arm_coarse(b, &coarse_b), &t, .05);
        enclosed = enclosed && encloses(s.difference, d) && encloses(s.ratio, c.ratio);
    }
    OK(dual, "400 pairs: both ends of the difference are where the test begins to reject");
    OK(mirrored, "the arms exchanged give the mirrored difference and needs");
    OK(enclosed, "the sequences of log buckets enclose the exact ones");
}

/* --- Honest small n --------------------------------------------------------------------------- */

static int64_t first_n_with_upper_bound(double p)
{
    struct quantile_tuning t = quantile_tune(p, 2000, .05);
    int64_t needs = 0, low, high, n = 0, total = 0;
    bool told = true;
    do {
        struct histogram *h = arm_init(&fixture_a, HISTOGRAM_MS);
        if (n)
            arm_add(h, 7, n);
        struct quantile_bounds bounds = quantile_sequence(h, &t, .05, &needs);
        quantile_sequence_ranks(n, &t, .05, &low, &high);
        told = told && bounds.has_high == (high <= n) && bounds.has_high == (needs == 0) &&
               (!total || n + needs == total || !needs);
        total = needs ? n + needs : total;
        n++;
    } while (needs);
    OK(told, "an upper bound is there or its want is told");
    return n - 1;
}

static void needs_more(void)
{
    struct quantile_tuning t = quantile_tune(.95, 2000, .05);
    int64_t needs;
    OK(first_n_with_upper_bound(.95) == 211, "p95 has an upper bound from 211 requests on");
    OK(first_n_with_upper_bound(.99) == 607, "p99 from 607 on");
    struct histogram *a = arm_init(&fixture_a, HISTOGRAM_MS);
    arm_add(a, 7, 68);
    quantile_sequence(a, &t, .05, &needs);
    OK(needs == 143, "68 requests need 143 more");
    OK(quantile_interval_min_n(.95, .05) == 72 && quantile_interval_min_n(.99, .05) == 368,
       "the fixed interval of p95 has an upper end from 72 on, of p99 from 368");
    struct histogram *b = arm_init(&fixture_b, HISTOGRAM_MS);
    arm_add(b, 7, 100);
    struct quantile_comparison c = quantile_compare(a, b, &t, .05);
    int64_t want_a = 68 + c.needs_a, want_b = 100 + c.needs_b;
    OK(!c.difference.has_high && !c.difference.has_low && c.needs_a > 0 && c.needs_b > 0,
       "two small arms have no difference yet");
    arm_add(a, 7, c.needs_a);
    arm_add(b, 7, c.needs_b);
    c = quantile_compare(a, b, &t, .05);
    OK(c.difference.has_high && c.difference.has_low && !c.needs_a && !c.needs_b,
       "with what they need they do");
    printf("# 68 and 100 requests need %d and %d\n", (int)want_a, (int)want_b);
}

static bool bounds_are_sane(struct quantile_bounds bounds)
{
    return isfinite(bounds.low) && isfinite(bounds.high) &&
           (!bounds.has_low || !bounds.has_high || bounds.low <= bounds.high);
}

static bool looks_are_sane(const struct quantile_comparison *c)
{
    struct sequence_look looks[] = { quantile_look(c), quantile_look_ratio(c) };
    bool sane = true;
    for (int i = 0; i < 2; i++)
        sane = sane && !isnan(looks[i].low) && !isnan(looks[i].high) && isfinite(looks[i].delta) &&
               looks[i].low <= looks[i].high && looks[i].ln_p <= 0;
    return sane;
}

static bool pair_is_sane(const struct histogram *a, const struct histogram *b, double p)
{
    struct quantile_tuning t = quantile_tune(p, 2000, .05);
    struct quantile_comparison c = quantile_compare(a, b, &t, .05);
    struct quantile_outer outside = quantile_outer(a, b, p, .05);
    int64_t needs;
    double ln_p = quantile_ln_p(a, b, &t, 1, 0), far = quantile_ln_p(a, b, &t, 1.05, -3);
    return bounds_are_sane(quantile_interval(a, p, .05)) &&
           bounds_are_sane(quantile_mover(a, b, p, .05)) &&
           bounds_are_sane(quantile_sequence(a, &t, .05, &needs)) && needs >= 0 &&
           bounds_are_sane(c.difference) && bounds_are_sane(c.ratio) && c.needs_a >= 0 &&
           c.needs_b >= 0 && ln_p <= 0 && far <= 0 && isfinite(ln_p) && isfinite(far) &&
           isfinite(outside.se) && isfinite(outside.ln_p) && looks_are_sane(&c);
}

static void never_a_nan(void)
{
    bool small = true, equal = true, sketch = true;
    for (int n = 0; n <= 300; n++) {
        struct histogram *a = arm_init(&fixture_a, HISTOGRAM_MS);
        struct histogram *b = arm_init(&fixture_b, HISTOGRAM_MS);
        double p = p_of[n % 6];
        arm_draw(a, n, 1 + (int64_t)(draw() % 500), 0);
        arm_draw(b, (int64_t)(draw() % 300), 1 + (int64_t)(draw() % 500), 0);
        small = small && pair_is_sane(a, b, p) && pair_is_sane(b, a, p);
        arm_add(a, BUCKET_MS_MAX + 5, 1 + (int64_t)(draw() % 9));
        sketch = sketch && pair_is_sane(arm_coarse(a, &coarse_a), arm_coarse(b, &coarse_b), p);
        b = arm_init(&fixture_b, HISTOGRAM_MS);
        arm_add(b, draw() % 2 ? 0 : 7, 1 + n);
        equal = equal && pair_is_sane(b, b, p) && pair_is_sane(a, b, p);
    }
    OK(small, "0 to 300 requests an arm: no nan, no bound the wrong way round");
    OK(equal, "nor with all latencies equal, or all 0");
    OK(sketch, "nor from log buckets with latencies above an hour");
    struct histogram *a = arm_init(&fixture_a, HISTOGRAM_MS);
    struct histogram *b = arm_init(&fixture_b, HISTOGRAM_MS);
    arm_add(a, 1, INT64_MAX / 2);
    arm_add(a, INT64_MAX, INT64_MAX / 2);
    arm_add(b, 5, HISTOGRAM_TOTAL_MAX);
    bool large = true;
    for (int i = 0; i < 6; i++)
        large = large && pair_is_sane(a, b, p_of[i]) && pair_is_sane(b, a, p_of[i]);
    OK(large, "nor with nine quintillion requests");
}

static void a_widely_slower_arm_is_found(void)
{
    struct histogram *a = arm_init(&fixture_a, HISTOGRAM_MS);
    struct histogram *b = arm_init(&fixture_b, HISTOGRAM_MS);
    struct quantile_tuning t = quantile_tune(.5, 2000, .05);
    arm_add(a, 10, 1000000);
    arm_add(b, 20, 1000000);
    double ln_p = quantile_ln_p(a, b, &t, 1, 0);
    struct quantile_comparison c = quantile_compare(a, b, &t, .05);
    OK(ln_p < -690000 && isfinite(ln_p), "a million against a million apart: ln p below -690 000");
    OK(c.ratio.low == 2 && c.ratio.high == 2 && c.difference.low == 10 && c.difference.high == 10,
       "the ratio is 2 exactly");
}

/* --- Speed ------------------------------------------------------------------------------------ */

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static void speed(void)
{
    static const int64_t each[] = { 1, 100, 333333 }; /* requests a cell: n = 3 000 to 10^9 */
    double worst = 0;
    for (int i = 0; i < 3; i++) {
        for (int64_t offset = 0; offset <= 4000; offset += 500) {
            struct histogram *a = arm_init(&fixture_a, HISTOGRAM_MS);
            struct histogram *b = arm_init(&fixture_b, HISTOGRAM_MS);
            struct quantile_tuning t = quantile_tune(p_of[1 + offset / 500 % 4], 10000, .05);
            double began, took;
            for (int64_t x = 1; x <= 3000; x++) {
                arm_add(a, x, each[i] + (int64_t)(draw() % 3));
                arm_add(b, x + offset, each[i] + (int64_t)(draw() % 3));
            }
            began = milliseconds();
            quantile_compare(a, b, &t, .05);
            took = milliseconds() - began;
            worst = fmax(worst, took);
        }
    }
    printf("# two arms of 3000 cells, N to 2e9: ln p, difference and ratio in %.3f ms\n", worst);
    OK(worst <= 25, "two arms of 3000 cells take at most 5 ms, with five times the slack");
}

int main(void)
{
    vectors("quantile", point);
    vectors("quantile_ranks", ranks);
    vectors("quantile_outer_diff", outer);
    vectors("quantile_mover_diff", mover);
    vectors("quantile_cs_ranks", sequence_ranks);
    vectors("quantile_ab_p", ab_p);
    vectors("quantile_seq_diff", sequence);
    slower_arm();
    vectors("ddsketch_quantile_ci", sketched);
    equals_the_definition();
    dual_and_enclosed();
    needs_more();
    never_a_nan();
    a_widely_slower_arm_is_found();
    speed();
    return tap_done();
}
