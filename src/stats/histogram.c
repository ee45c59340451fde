/* SPDX-License-Identifier: MIT */
#include "stats/histogram.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "stats/bucket.h"

void histogram_init(struct histogram *histogram, enum histogram_kind kind,
                    struct histogram_cell *cells, size_t room)
{
    *histogram = (struct histogram){ .kind = kind, .cells = cells, .room = room };
}

int64_t histogram_total(const struct histogram *histogram)
{
    return histogram->count ? histogram->cells[histogram->count - 1].upto : 0;
}

/* The first cell whose key is at least `key`, or the count. */
static size_t cell_at(const struct histogram *histogram, int64_t key)
{
    size_t low = 0, high = histogram->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (histogram->cells[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool fits(const struct histogram *histogram, int64_t key, int64_t n)
{
    return key >= 0 && n >= 0 && (histogram->kind == HISTOGRAM_MS || key <= BUCKET_MS_LAST) &&
           n <= HISTOGRAM_TOTAL_MAX - histogram_total(histogram);
}

enum histogram_added histogram_add(struct histogram *histogram, int64_t key, int64_t n)
{
    struct histogram_cell *cells = histogram->cells;
    size_t at = cell_at(histogram, key);
    if (!fits(histogram, key, n))
        return HISTOGRAM_REFUSED;
    if (n == 0)
        return HISTOGRAM_ADDED;
    if (at == histogram->count || cells[at].key != key) {
        if (histogram->count == histogram->room)
            return HISTOGRAM_FULL;
        memmove(cells + at + 1, cells + at, (histogram->count - at) * sizeof(*cells));
        cells[at] = (struct histogram_cell){ .key = key, .upto = at ? cells[at - 1].upto : 0 };
        histogram->count++;
    }
    cells[at].n += n;
    for (size_t i = at; i < histogram->count; i++)
        cells[i].upto += n;
    return HISTOGRAM_ADDED;
}

static int by_key(const void *left, const void *right)
{
    int64_t a = ((const struct histogram_count *)left)->key;
    int64_t b = ((const struct histogram_count *)right)->key;
    return (a > b) - (a < b);
}

/* Sort, sum what has one key, drop zeros. False when something in there cannot be added. */
static bool counts_settle(const struct histogram *histogram, struct histogram_count *counts,
                          size_t *size)
{
    int64_t room = HISTOGRAM_TOTAL_MAX - histogram_total(histogram);
    size_t settled = 0;
    for (size_t i = 0; i < *size; i++) {
        if (!fits(histogram, counts[i].key, counts[i].n) || counts[i].n > room)
            return false;
        room -= counts[i].n;
    }
    qsort(counts, *size, sizeof(*counts), by_key);
    for (size_t i = 0; i < *size; i++) {
        if (settled && counts[settled - 1].key == counts[i].key)
            counts[settled - 1].n += counts[i].n;
        else if (counts[i].n)
            counts[settled++] = counts[i];
    }
    *size = settled;
    return true;
}

/* Merge from the back, so that cells move once, into the room behind them. */
static void merge(struct histogram *histogram, const struct histogram_count *counts, size_t size,
                  size_t fresh)
{
    struct histogram_cell *cells = histogram->cells;
    size_t from = histogram->count, to = from + fresh;
    histogram->count = to;
    while (size) {
        const struct histogram_count *next = &counts[size - 1];
        bool mine = from && cells[from - 1].key >= next->key;
        to--;
        if (!mine || cells[from - 1].key == next->key)
            size--;
        if (mine) {
            int64_t more = cells[from - 1].key == next->key ? next->n : 0;
            cells[to] = cells[--from];
            cells[to].n += more;
        } else {
            cells[to] = (struct histogram_cell){ .key = next->key, .n = next->n };
        }
    }
}

enum histogram_added histogram_add_all(struct histogram *histogram, struct histogram_count *counts,
                                       size_t size)
{
    size_t fresh = 0;
    int64_t upto = 0;
    if (!size)
        return HISTOGRAM_ADDED;
    if (!counts_settle(histogram, counts, &size))
        return HISTOGRAM_REFUSED;
    for (size_t i = 0; i < size; i++) {
        size_t at = cell_at(histogram, counts[i].key);
        fresh += at == histogram->count || histogram->cells[at].key != counts[i].key;
    }
    if (fresh > histogram->room - histogram->count)
        return HISTOGRAM_FULL;
    merge(histogram, counts, size, fresh);
    for (size_t i = 0; i < histogram->count; i++)
        histogram->cells[i].upto = upto += histogram->cells[i].n;
    return HISTOGRAM_ADDED;
}

enum histogram_added histogram_add_buckets(struct histogram *buckets, const struct histogram *exact)
{
    struct histogram_count counts[BUCKET_MS_LAST + 1];
    size_t size = 0;
    if (buckets->kind != HISTOGRAM_BUCKETS || exact->kind != HISTOGRAM_MS)
        return HISTOGRAM_REFUSED;
    for (size_t i = 0; i < exact->count; i++) {
        int key = bucket_key_of_ms(exact->cells[i].key);
        if (!size || counts[size - 1].key != key)
            counts[size++] = (struct histogram_count){ .key = key };
        counts[size - 1].n += exact->cells[i].n;
    }
    return histogram_add_all(buckets, counts, size);
}

double histogram_value(const struct histogram *histogram, size_t i)
{
    int64_t key = histogram->cells[i].key;
    return histogram->kind == HISTOGRAM_MS ? (double)key : bucket_value((int)key);
}

double histogram_low(const struct histogram *histogram, size_t i)
{
    int64_t key = histogram->cells[i].key;
    return histogram->kind == HISTOGRAM_MS ? (double)key : bucket_outer_low((int)key);
}

double histogram_high(const struct histogram *histogram, size_t i)
{
    int64_t key = histogram->cells[i].key;
    return histogram->kind == HISTOGRAM_MS ? (double)key : bucket_outer_high((int)key);
}

size_t histogram_cell_of_rank(const struct histogram *histogram, int64_t rank)
{
    size_t low = 0, high = histogram->count;
    assert(rank >= 1 && rank <= histogram_total(histogram));
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (histogram->cells[middle].upto < rank)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How many cells from the first on are wholly below x, or, by `maybe`, begin at or below it. */
static int64_t upto_x(const struct histogram *histogram, double x, bool maybe)
{
    bool open = histogram->kind == HISTOGRAM_BUCKETS; /* a bucket begins just after its low edge */
    size_t low = 0, high = histogram->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        double edge = maybe ? histogram_low(histogram, middle) : histogram_high(histogram, middle);
        bool zero = open && histogram->cells[middle].key == 0;
        bool counted = maybe && (!open || zero) ? edge <= x : edge < x;
        if (counted)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? histogram->cells[low - 1].upto : 0;
}

int64_t histogram_surely_below(const struct histogram *histogram, double x)
{
    return upto_x(histogram, x, false);
}

int64_t histogram_maybe_upto(const struct histogram *histogram, double x)
{
    return upto_x(histogram, x, true);
}

double histogram_share(const struct histogram *histogram, double x)
{
    size_t low = 0, high = histogram->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (histogram_value(histogram, middle) <= x)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? (double)histogram->cells[low - 1].upto / (double)histogram_total(histogram) : 0;
}

/* The sum of milliseconds is exact in 126 bits, and so the mean but for its rounding. */
static double mean_of(const struct histogram *histogram)
{
    int64_t total = histogram_total(histogram);
    __int128 sum = 0;
    double weighted = 0;
    for (size_t i = 0; i < histogram->count; i++) {
        sum += (__int128)histogram->cells[i].n * histogram->cells[i].key;
        weighted += (double)histogram->cells[i].n * histogram_value(histogram, i);
    }
    if (histogram->kind == HISTOGRAM_BUCKETS)
        return weighted / (double)total;
    return (double)(int64_t)(sum / total) + (double)(int64_t)(sum % total) / (double)total;
}

struct moments histogram_moments(const struct histogram *histogram)
{
    struct moments moments = { .count = histogram_total(histogram) };
    if (!histogram->count)
        return moments;
    moments.mean = mean_of(histogram);
    for (size_t i = 0; i < histogram->count; i++) {
        double off = histogram_value(histogram, i) - moments.mean;
        moments.m2 += (double)histogram->cells[i].n * off * off;
    }
    return moments;
}
