/* SPDX-License-Identifier: MIT */
/* Blocks: variance under shared load, the effect over time, drift, CUPED. */
#include "stats/block.h"

#include "stats/vectors.h"

static struct block_pairs pairs_of(const struct vector *v, const char *arm)
{
    struct block_pairs pairs = { 0 };
    double x[32], y[32];
    char path[16];
    snprintf(path, sizeof(path), "%s.x", arm);
    size_t count = vector_doubles(vector_member(v->input, path), x, ARRAY_SIZE(x));
    snprintf(path, sizeof(path), "%s.y", arm);
    vector_doubles(vector_member(v->input, path), y, ARRAY_SIZE(y));
    for (size_t i = 0; i < count; i++)
        block_pairs_add(&pairs, x[i], y[i]);
    return pairs;
}

static void check_cuped(const struct vector *v)
{
    struct block_pairs a = pairs_of(v, "A"), b = pairs_of(v, "B");
    struct block_cuped cuped = block_cuped(&a, &b);
    OK(cuped.state == STATS_OK, v->id);
    vector_is(v, "theta", cuped.theta);
    vector_is(v, "delta_raw", cuped.delta_raw);
    vector_is(v, "delta_adj", cuped.delta);
    vector_is(v, "V_raw", cuped.variance_raw);
    vector_is(v, "V_adj", cuped.variance);
    vector_is(v, "reduction", cuped.reduction);
}

/* splitmix64: the tests' own random numbers, the same everywhere */
static double uniform(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static double normal(uint64_t *state)
{
    double radius = sqrt(-2 * log1p(-uniform(state)));
    return radius * cos(2 * M_PI * uniform(state));
}

enum { MINUTES = 120, PER_MINUTE = 20 };

/*
 * Two hours; B is slower by `effect` ms in the second half. With `surges` every tenth minute or so is
 * 1.5 times as slow, for that arm's own machine or, `shared`, for both.
 */
static void simulate(uint64_t seed, double effect, bool surges, bool shared, struct block *blocks)
{
    for (int minute = 0; minute < MINUTES; minute++) {
        blocks[minute] = (struct block){ 0 };
        double load_a = surges && uniform(&seed) < 0.1 ? 1.5 : 1;
        double load_b = surges && uniform(&seed) < 0.1 ? 1.5 : 1;
        load_b = shared ? load_a : load_b;
        for (int i = 0; i < PER_MINUTE; i++) {
            bool b = uniform(&seed) < 0.5;
            double ms = 200 + 40 * normal(&seed) + (b && minute >= MINUTES / 2 ? effect : 0);
            mean_add(b ? &blocks[minute].b : &blocks[minute].a,
                     (int32_t)lround(ms * (b ? load_b : load_a)), 1);
        }
    }
}

/* Coverage of the true difference, 0, by 95 % intervals: of blocks, and of independent requests. */
static void coverage(bool shared, int *ret_between, int *ret_independent, double *ret_design)
{
    static struct block blocks[MINUTES];
    *ret_between = *ret_independent = 0;
    *ret_design = 0;
    for (uint64_t seed = 1; seed <= 1000; seed++) {
        simulate(seed * 104729, 0, true, shared, blocks);
        struct block_variance v = block_variance(blocks, MINUTES);
        *ret_between += fabs(v.delta) < 1.96 * sqrt(v.between);
        *ret_independent += fabs(v.delta) < 1.96 * sqrt(v.independent);
        *ret_design += v.design_effect / 1000;
    }
    printf("# %s load: covered of 1000: blocks %d, independent %d, design effect %.2f\n",
           shared ? "shared" : "own", *ret_between, *ret_independent, *ret_design);
}

static void test_coverage(void)
{
    int between, independent;
    double design;
    coverage(false, &between, &independent, &design);
    OK(between >= 930 && between <= 970, "a surge on one arm's machine: blocks cover 95 % +-2");
    OK(independent < 900 && design > 1.5, "where independent requests do not");
    coverage(true, &between, &independent, &design);
    OK(between >= 930 && between <= 970, "a surge on both: blocks cover 95 % +-2");
    OK(independent >= 930 && independent <= 970 && fabs(design - 1) < 0.05,
       "as do independent requests: the arm of each was drawn by itself");
}

static void test_variance(void)
{
    static struct block blocks[MINUTES];
    simulate(7, 0, false, false, blocks);
    struct block_variance v = block_variance(blocks, MINUTES);
    OK(v.state == STATS_OK && v.blocks == MINUTES && v.design_effect > 0.7 && v.design_effect < 1.4,
       "without surges the design effect is near 1");
    OK(v.variance == fmax(v.between, v.independent), "the larger variance is the one to use");
    struct block_variance few = block_variance(blocks, BLOCK_MIN - 1);
    OK(few.between == 0 && few.design_effect == 0 && few.variance == few.independent,
       "29 blocks say nothing of their variance");
    /* by hand: A 10,10 | 20,20, B 30 | 50; Z = -+10 -+5 around means 15 and 40, times K/(K-1) = 2 */
    struct block two[2 * BLOCK_MIN] = { 0 };
    for (int i = 0; i < 2 * BLOCK_MIN; i++) {
        mean_add(&two[i].a, i % 2 ? 20 : 10, 2);
        mean_add(&two[i].b, i % 2 ? 50 : 30, 1);
    }
    v = block_variance(two, 2 * BLOCK_MIN);
    OK(v.delta == 25 && fabs(v.between - 25.0 / 59) < 1e-12, "Z by hand: (10 - 5) / 60 a block");
    OK(block_variance(NULL, 0).state == STATS_TOO_FEW, "no blocks");
    for (int i = 0; i < 2 * BLOCK_MIN; i++)
        two[i] = (struct block){ { 2, 20, 200 }, { 1, 30, 900 } };
    v = block_variance(two, 2 * BLOCK_MIN);
    OK(v.state == STATS_NO_VARIANCE && v.delta == 20 && v.design_effect == 0,
       "all equal is a state");
}

static void test_effect(void)
{
    static struct block blocks[MINUTES];
    static struct block_point points[MINUTES], wide[MINUTES];
    struct sequence_plan plan = sequence_plan(0.05, 2400);
    simulate(11, 0, false, false, blocks);
    block_effect(blocks, MINUTES, &plan, 1, points);
    block_effect(blocks, MINUTES, &plan, 2, wide);
    OK(!points[3].known && points[20].known, "the first minutes are below the burn-in");
    bool narrows = true;
    for (int i = 1; i < MINUTES; i++)
        narrows = narrows && (!points[i - 1].known || (points[i].low >= points[i - 1].low &&
                                                       points[i].high <= points[i - 1].high &&
                                                       points[i].ln_p <= points[i - 1].ln_p));
    OK(narrows, "the band only narrows and p only falls");
    struct block_variance v = block_variance(blocks, MINUTES);
    OK(points[MINUTES - 1].delta == v.delta && points[MINUTES - 1].low < 0 &&
           points[MINUTES - 1].high > 0,
       "the last point is the table's delta, and A/A stays around 0");
    OK(wide[MINUTES - 1].low < points[MINUTES - 1].low, "a design effect widens it");
    simulate(11, 20, false, false, blocks);
    block_effect(blocks, MINUTES, &plan, 1, points);
    OK(points[MINUTES - 1].low > 0 && points[MINUTES - 1].ln_p < log(0.05), "a real effect shows");
    blocks[5] = blocks[6] = (struct block){ 0 };
    block_effect(blocks, MINUTES, &plan, NAN, points);
    OK(points[MINUTES - 1].known && isfinite(points[MINUTES - 1].low),
       "empty minutes, no design effect");
}

static void test_drift(void)
{
    static struct block blocks[MINUTES];
    int moved = 0, still = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        simulate(seed * 31337, 0, true, false, blocks);
        still += block_drift(blocks, MINUTES).ln_p < log(0.01);
        simulate(seed * 31337, 15, false, true, blocks);
        moved += block_drift(blocks, MINUTES).ln_p < log(0.01);
    }
    printf("# of 200: drift seen in %d without, %d with\n", still, moved);
    OK(still <= 8, "no drift where there is none, at .01");
    OK(moved >= 190, "15 ms from the half on are drift");
    struct block_drift drift = block_drift(blocks, MINUTES);
    OK(drift.second >= 57 && drift.second <= 63 && drift.second_delta > drift.first_delta + 5,
       "the halves are of requests and say their deltas");
    OK(block_drift(blocks, 0).state == STATS_TOO_FEW &&
           block_drift(blocks, 1).state == STATS_TOO_FEW,
       "one block has no halves");
}

static void test_cuped(void)
{
    struct block_pairs a = { 0 }, b = { 0 }, none = { 0 };
    uint64_t seed = 5;
    for (int i = 0; i < 4000; i++) {
        double x = 100 + 30 * normal(&seed), rest = normal(&seed);
        double y = 200 + 40 * (0.7 * (x - 100) / 30 + sqrt(1 - 0.49) * rest);
        block_pairs_add(i % 2 ? &b : &a, x, y);
    }
    struct block_cuped cuped = block_cuped(&a, &b);
    double narrower = 1 - sqrt(cuped.variance / cuped.variance_raw);
    printf("# at a correlation of .7 the interval narrows by %.1f %%\n", 100 * narrower);
    OK(narrower > 0.26 && narrower < 0.32, "a correlation of .7 narrows by about 29 %");
    OK(block_cuped(&a, &none).state == STATS_TOO_FEW, "an empty arm is too few");
    struct block_pairs flat = { 9, 5, 100, 0, 0, 400 }, dead = { 9, 5, 100, 0, 0, 0 };
    cuped = block_cuped(&flat, &flat);
    OK(cuped.state == STATS_OK && cuped.theta == 0 && cuped.reduction == 0,
       "queries of one length change nothing");
    OK(block_cuped(&dead, &dead).state == STATS_NO_VARIANCE,
       "latencies of one length have no variance");
    block_pairs_add(&flat, NAN, 1);
    OK(flat.count == 9, "what is no number is not taken");
}

int main(void)
{
    vectors("cuped", check_cuped);
    test_variance();
    test_coverage();
    test_effect();
    test_drift();
    test_cuped();
    return tap_done();
}
