/* SPDX-License-Identifier: MIT */
#include "engine/histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/meter.h"
#include "engine/values.h"
#include "format/format.h"

enum { DIGIT_BITS = 16, DIGITS = 1 << DIGIT_BITS };

const double histogram_shares[HISTOGRAM_QUANTILES] = { 0.001, 0.5, 0.999 };

/* One quantile on its way: the digits known so far, and its rank among those that begin so. */
struct search {
    uint64_t prefix;
    int64_t rank;    /* from 0 */
    int64_t *counts; /* DIGITS, of the next digit */
};

struct counting {
    struct values values;
    struct meter meter;
    int key_bits;
    int shift; /* of the digit that this pass counts */
    long double sum, square_sum;
    int64_t finite_count;
    struct search searches[HISTOGRAM_QUANTILES];
    struct histogram result;
};

/* ---- keys: unsigned integers in the order of the numbers ---- */

static uint64_t key_of(const struct counting *c, double x)
{
    if (c->key_bits == 64) {
        uint64_t bits;
        memcpy(&bits, &x, sizeof(bits));
        return bits >> 63 ? ~bits : bits | 1ULL << 63;
    }
    float narrow = (float)x;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof(bits));
    return bits >> 31 ? (uint32_t)~bits : bits | 1U << 31;
}

static double number_of(const struct counting *c, uint64_t key)
{
    double x;
    float narrow;
    if (c->key_bits == 64) {
        uint64_t bits = key >> 63 ? key & ~(1ULL << 63) : ~key;
        memcpy(&x, &bits, sizeof(x));
        return x;
    }
    uint32_t low = (uint32_t)key, bits = low >> 31 ? low & ~(1U << 31) : ~low;
    memcpy(&narrow, &bits, sizeof(narrow));
    return (double)narrow;
}

/* ---- the passes ---- */

static bool is_first(const struct counting *c)
{
    return c->shift == c->key_bits - DIGIT_BITS;
}

/* On the first pass nothing is known of any quantile: one count is all of theirs. */
static void count_digit(struct counting *c, double x)
{
    uint64_t key = key_of(c, x);
    size_t digit = (size_t)(key >> c->shift) & (DIGITS - 1);
    if (is_first(c)) {
        c->searches[0].counts[digit]++;
        return;
    }
    uint64_t prefix = key >> c->shift >> DIGIT_BITS;
    for (int i = 0; i < HISTOGRAM_QUANTILES; i++)
        if (c->searches[i].prefix == prefix)
            c->searches[i].counts[digit]++;
}

static void count_first(struct counting *c, double x)
{
    struct histogram *h = &c->result;
    if (isnan(x)) {
        h->nan_count++;
        return;
    }
    if (isinf(x)) {
        h->infinite_count++;
        return;
    }
    h->low = c->finite_count ? MIN(h->low, x) : x;
    h->high = c->finite_count ? MAX(h->high, x) : x;
    c->finite_count++;
    c->sum += x;
    count_digit(c, x);
}

static void count_bin(struct counting *c, double x)
{
    struct histogram *h = &c->result;
    long double away = x - (long double)h->mean;
    c->square_sum += away * away;
    double distance = x - h->low;
    double place = h->bin_count > 1 ? distance / h->bin_width : 0;
    if (isinf(distance))
        place = x / h->bin_width - h->low / h->bin_width;
    int bin = place < h->bin_count ? (int)place : h->bin_count - 1; /* the largest is in the last */
    h->bins[MAX(bin, 0)]++;
}

static bool run_pass(struct counting *c, bool bins, struct pare_error *err)
{
    struct values *v = &c->values;
    bool first = is_first(c);
    values_rewind(v);
    do {
        if (!values_next(v, err) || !meter_add(&c->meter, values_step_bytes(v), err))
            return false;
        c->result.zero_count += first ? v->zero_count : 0;
        for (size_t i = 0; i < v->count; i++) {
            if (first) {
                count_first(c, v->numbers[i]);
                continue;
            }
            if (!isfinite(v->numbers[i]))
                continue;
            count_digit(c, v->numbers[i]);
            if (bins)
                count_bin(c, v->numbers[i]);
        }
    } while (v->count > 0);
    return true;
}

/* ---- between passes ---- */

/* Bins of whole integers, at least one each, so that none is fuller for holding more of them. */
static void lay_bins(struct histogram *h)
{
    double width = h->high / HISTOGRAM_BINS - h->low / HISTOGRAM_BINS;
    h->bin_count = HISTOGRAM_BINS;
    h->bin_width = width;
    if (h->is_integer) {
        h->bin_width = MAX(ceil((h->high - h->low + 1) / HISTOGRAM_BINS), 1);
        h->bin_count = (int)ceil((h->high - h->low + 1) / h->bin_width);
    } else if (!(width > 0)) {
        h->bin_count = 1;
        h->bin_width = 0;
    }
    h->bin_count = MAX(1, MIN(h->bin_count, HISTOGRAM_BINS));
}

static void end_first(struct counting *c)
{
    struct histogram *h = &c->result;
    for (int i = 0; i < HISTOGRAM_QUANTILES; i++) {
        double rank = ceil(histogram_shares[i] * (double)c->finite_count);
        c->searches[i].rank = MIN(MAX((int64_t)rank, 1), c->finite_count) - 1;
        if (i > 0)
            memcpy(c->searches[i].counts, c->searches[0].counts, DIGITS * sizeof(int64_t));
    }
    h->mean = (double)(c->sum / c->finite_count);
    lay_bins(h);
}

/* One more digit of each is known; the counts begin anew. */
static void end_pass(struct counting *c)
{
    for (int i = 0; i < HISTOGRAM_QUANTILES; i++) {
        struct search *s = &c->searches[i];
        size_t digit = 0;
        while (digit + 1 < DIGITS && s->rank >= s->counts[digit])
            s->rank -= s->counts[digit++];
        s->prefix = s->prefix << DIGIT_BITS | digit;
        memset(s->counts, 0, DIGITS * sizeof(*s->counts));
    }
    c->shift -= DIGIT_BITS;
}

static void finish(struct counting *c)
{
    struct histogram *h = &c->result;
    h->deviation = (double)sqrtl(c->square_sum / c->finite_count);
    for (int i = 0; i < HISTOGRAM_QUANTILES; i++)
        h->quantiles[i] = number_of(c, c->searches[i].prefix);
}

static void say_nothing(struct histogram *h)
{
    h->low = h->high = h->mean = h->deviation = NAN;
    for (int i = 0; i < HISTOGRAM_QUANTILES; i++)
        h->quantiles[i] = NAN;
}

static bool count(struct counting *c, struct pare_error *err)
{
    if (!run_pass(c, false, err))
        return false;
    if (c->finite_count == 0) {
        say_nothing(&c->result);
        return true;
    }
    end_first(c);
    end_pass(c);
    for (bool bins = true; c->shift >= 0; bins = false) {
        if (!run_pass(c, bins, err))
            return false;
        end_pass(c);
    }
    finish(c);
    return true;
}

static bool begin(struct counting *c, const struct tensor *tensor, const struct model *model,
                  struct pare_error *err)
{
    if (!values_open(model, tensor, &c->values, err))
        return false;
    c->key_bits = c->values.is_wide ? 64 : 32;
    c->shift = c->key_bits - DIGIT_BITS;
    c->meter.tensor = tensor->shown.name;
    c->meter.total_bytes = tensor->shown.size_bytes * (c->key_bits / DIGIT_BITS);
    c->result.is_integer = c->values.is_integer;
    c->result.element_count = tensor->shown.element_count;
    for (int i = 0; i < HISTOGRAM_QUANTILES; i++) {
        c->searches[i].counts = calloc(DIGITS, sizeof(int64_t));
        if (!c->searches[i].counts)
            return error_no_memory(err, DIGITS * sizeof(int64_t));
    }
    return true;
}

bool histogram_make(const struct pare_model *model, size_t index, pare_progress_fn *progress,
                    void *data, struct histogram *ret_histogram, struct pare_error *err)
{
    const struct model *m = model->model;
    struct counting c = { .meter = { .progress = progress, .data = data, .phase = "counting" } };
    if (index >= m->tensor_count)
        return error_set(err, PARE_ERR_USAGE, "tensor %zu was asked for, the model has %zu", index,
                         m->tensor_count);
    bool ok = begin(&c, &m->tensors[index], m, err) && count(&c, err);
    values_close(&c.values);
    for (int i = 0; i < HISTOGRAM_QUANTILES; i++)
        free(c.searches[i].counts);
    if (ok)
        *ret_histogram = c.result;
    return ok;
}

double histogram_edge(const struct histogram *h, int i)
{
    return !h->is_integer && i >= h->bin_count ? h->high : h->low + i * h->bin_width;
}

bool histogram_zeros(const struct pare_model *model, size_t index, struct meter *meter,
                     int64_t *ret_zero_count, struct pare_error *err)
{
    const struct tensor *tensor = &model->model->tensors[index];
    struct values values;
    int64_t zeros = 0;
    meter->tensor = tensor->shown.name;
    if (values_refusal(tensor)) {
        *ret_zero_count = -1;
        return meter_add(meter, tensor->shown.size_bytes, err);
    }
    bool ok = values_open(model->model, tensor, &values, err);
    do {
        ok = ok && values_next(&values, err) && meter_add(meter, values_step_bytes(&values), err);
        zeros += ok ? values.zero_count : 0;
    } while (ok && values.count > 0);
    values_close(&values);
    if (ok)
        *ret_zero_count = zeros;
    return ok;
}
