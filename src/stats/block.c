/* SPDX-License-Identifier: MIT */
#include "stats/block.h"

#include <math.h>

#include "stats/special.h"

static struct block block_sum(const struct block *blocks, size_t count)
{
    struct block sum = { 0 };
    for (size_t i = 0; i < count; i++) {
        mean_merge(&sum.a, &blocks[i].a);
        mean_merge(&sum.b, &blocks[i].b);
    }
    return sum;
}

static bool is_empty(const struct block *block)
{
    return block->a.count <= 0 && block->b.count <= 0;
}

/* What a block adds to an arm's mean: (sum - mean n) / N. */
static double part_of_mean(const struct mean_sums *sums, const struct moments *all)
{
    if (sums->count <= 0)
        return 0;
    return ((double)sums->sum - all->mean * (double)sums->count) / (double)all->count;
}

struct block_variance block_variance(const struct block *blocks, size_t count)
{
    struct block_variance variance = { .state = STATS_TOO_FEW };
    struct block sum = block_sum(blocks, count);
    struct moments a = mean_moments(&sum.a), b = mean_moments(&sum.b);
    double squares = 0;
    if (a.count < 2 || b.count < 2)
        return variance;
    for (size_t i = 0; i < count; i++) {
        double z = part_of_mean(&blocks[i].b, &b) - part_of_mean(&blocks[i].a, &a);
        squares += z * z;
        variance.blocks += !is_empty(&blocks[i]);
    }
    variance.delta = b.mean - a.mean;
    variance.independent = moments_mean_variance(&a) + moments_mean_variance(&b);
    if (variance.blocks >= BLOCK_MIN)
        variance.between = squares * (double)variance.blocks / (double)(variance.blocks - 1);
    variance.variance = fmax(variance.independent, variance.between);
    variance.state = variance.variance > 0 ? STATS_OK : STATS_NO_VARIANCE;
    if (variance.independent > 0)
        variance.design_effect = variance.between / variance.independent;
    return variance;
}

void block_effect(const struct block *blocks, size_t count, const struct sequence_plan *plan,
                  double design_effect, struct block_point *ret_points)
{
    struct block sum = { 0 };
    struct sequence sequence;
    sequence_init(&sequence);
    for (size_t i = 0; i < count; i++) {
        mean_merge(&sum.a, &blocks[i].a);
        mean_merge(&sum.b, &blocks[i].b);
        struct moments a = mean_moments(&sum.a), b = mean_moments(&sum.b);
        struct mean_contrast contrast = mean_contrast(&a, &b, 0);
        struct sequence_look look = sequence_look(plan, a.count, b.count, contrast.delta,
                                                  contrast.variance * fmax(1, design_effect));
        sequence_update(&sequence, &look);
        ret_points[i] = (struct block_point){ .known = sequence.looks > 0 };
        if (sequence.looks > 0)
            ret_points[i] = (struct block_point){
                true, contrast.delta, sequence.low, sequence.high, sequence.ln_p,
            };
    }
}

/* The block before which lie as near as can be half of the requests. */
static size_t half_of(const struct block *blocks, size_t count)
{
    double total = 0, before = 0;
    for (size_t i = 0; i < count; i++)
        total += (double)MAX(blocks[i].a.count, 0) + (double)MAX(blocks[i].b.count, 0);
    for (size_t i = 0; i < count; i++) {
        double here = (double)MAX(blocks[i].a.count, 0) + (double)MAX(blocks[i].b.count, 0);
        if (before + 0.5 * here >= 0.5 * total)
            return i;
        before += here;
    }
    return count;
}

struct block_drift block_drift(const struct block *blocks, size_t count)
{
    size_t half = half_of(blocks, count);
    struct block_drift drift = { .state = STATS_TOO_FEW, .second = half };
    struct block_variance first = block_variance(blocks, half);
    struct block_variance second = block_variance(blocks + half, count - half);
    if (first.state == STATS_TOO_FEW || second.state == STATS_TOO_FEW)
        return drift;
    double variance = first.variance + second.variance;
    drift.first_delta = first.delta;
    drift.second_delta = second.delta;
    drift.state = variance > 0 ? STATS_OK : STATS_NO_VARIANCE;
    if (variance > 0) {
        drift.z = (second.delta - first.delta) / sqrt(variance);
        drift.ln_p = M_LN2 + special_ln_normal(-fabs(drift.z));
    }
    return drift;
}

void block_pairs_add(struct block_pairs *pairs, double x, double y)
{
    if (pairs->count == INT64_MAX || !isfinite(x) || !isfinite(y))
        return;
    pairs->count++;
    double dx = x - pairs->mean_x, dy = y - pairs->mean_y;
    pairs->mean_x += dx / (double)pairs->count;
    pairs->mean_y += dy / (double)pairs->count;
    pairs->sxx += dx * (x - pairs->mean_x);
    pairs->sxy += dx * (y - pairs->mean_y);
    pairs->syy += dy * (y - pairs->mean_y);
}

/* The variance of the mean of y - theta x */
static double adjusted_variance(const struct block_pairs *pairs, double theta)
{
    double squares = pairs->syy - 2 * theta * pairs->sxy + theta * theta * pairs->sxx;
    return fmax(0, squares) / (double)(pairs->count - 1) / (double)pairs->count;
}

struct block_cuped block_cuped(const struct block_pairs *a, const struct block_pairs *b)
{
    struct block_cuped cuped = { .state = STATS_TOO_FEW };
    if (a->count < 2 || b->count < 2)
        return cuped;
    double sxx = a->sxx + b->sxx;
    cuped.theta = sxx > 0 ? (a->sxy + b->sxy) / sxx : 0;
    cuped.delta_raw = b->mean_y - a->mean_y;
    cuped.delta = cuped.delta_raw - cuped.theta * (b->mean_x - a->mean_x);
    cuped.variance_raw = adjusted_variance(a, 0) + adjusted_variance(b, 0);
    cuped.variance = adjusted_variance(a, cuped.theta) + adjusted_variance(b, cuped.theta);
    cuped.state = cuped.variance_raw > 0 ? STATS_OK : STATS_NO_VARIANCE;
    if (cuped.variance_raw > 0)
        cuped.reduction = 1 - cuped.variance / cuped.variance_raw;
    return cuped;
}
