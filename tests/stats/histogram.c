/* SPDX-License-Identifier: MIT */
/* Counts of latencies: added in any order, asked by rank and by value. */
#include "stats/histogram.h"

#include <math.h>

#include "stats/bucket.h"
#include "tap.h"

enum { ROOM = 4096 };

static uint64_t state = 20240607;

static uint64_t draw(void)
{
    state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    uint64_t z = state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static bool same(const struct histogram *a, const struct histogram *b)
{
    return a->count == b->count && memcmp(a->cells, b->cells, a->count * sizeof(*a->cells)) == 0;
}

static bool sound(const struct histogram *h)
{
    int64_t upto = 0;
    for (size_t i = 0; i < h->count; i++) {
        upto += h->cells[i].n;
        if (h->cells[i].n <= 0 || h->cells[i].upto != upto ||
            (i && h->cells[i].key <= h->cells[i - 1].key))
            return false;
    }
    return upto == histogram_total(h);
}

static void an_empty_one(void)
{
    struct histogram h;
    struct moments moments;
    histogram_init(&h, HISTOGRAM_MS, NULL, 0);
    moments = histogram_moments(&h);
    OK(histogram_total(&h) == 0 && histogram_share(&h, 5) == 0 && moments.count == 0 &&
           moments.mean == 0 && moments.m2 == 0,
       "an empty histogram answers 0 to everything");
    OK(histogram_surely_below(&h, 1) == 0 && histogram_maybe_upto(&h, 1e300) == 0,
       "also what is below and up to a value");
    OK(histogram_add(&h, 3, 1) == HISTOGRAM_FULL, "one without room is full");
    OK(histogram_add_all(&h, NULL, 0) == HISTOGRAM_ADDED, "an empty batch adds nothing");
}

static void order_does_not_matter(void)
{
    static struct histogram_cell cells[3][ROOM];
    static struct histogram_count batch[1000];
    struct histogram one, batches, backwards;
    bool fine = true;
    histogram_init(&one, HISTOGRAM_MS, cells[0], ROOM);
    histogram_init(&batches, HISTOGRAM_MS, cells[1], ROOM);
    histogram_init(&backwards, HISTOGRAM_MS, cells[2], ROOM);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 1000; i++) {
            batch[i] = (struct histogram_count){ (int64_t)(draw() % 3000), (int64_t)(draw() % 4) };
            fine = fine && histogram_add(&one, batch[i].key, batch[i].n) == HISTOGRAM_ADDED;
        }
        for (int i = 999; i >= 0; i--)
            fine = fine && histogram_add(&backwards, batch[i].key, batch[i].n) == HISTOGRAM_ADDED;
        fine = fine && histogram_add_all(&batches, batch, 1000) == HISTOGRAM_ADDED;
        fine = fine && sound(&one) && sound(&batches) && same(&one, &batches);
    }
    OK(fine, "20 000 additions one by one and by batches give the same cells, sorted and summed");
    OK(same(&one, &backwards), "and so they do backwards");
}

static void a_full_one_stays_as_it_was(void)
{
    struct histogram_cell cells[3], before[3];
    struct histogram_count batch[] = { { 9, 1 }, { 7, 1 }, { 1, 5 }, { 9, 2 } };
    struct histogram h;
    histogram_init(&h, HISTOGRAM_MS, cells, 3);
    OK(histogram_add(&h, 1, 2) == HISTOGRAM_ADDED && histogram_add(&h, 5, 2) == HISTOGRAM_ADDED,
       "two values in room for three");
    memcpy(before, cells, sizeof(before));
    OK(histogram_add_all(&h, batch, 4) == HISTOGRAM_FULL && h.count == 2 &&
           memcmp(before, cells, 2 * sizeof(*cells)) == 0,
       "a batch of two new values does not fit and changes nothing");
    OK(histogram_add(&h, 9, 1) == HISTOGRAM_ADDED && histogram_add(&h, 10, 1) == HISTOGRAM_FULL,
       "one value fits, another does not");
    OK(histogram_add(&h, 9, 4) == HISTOGRAM_ADDED && histogram_total(&h) == 9,
       "a value that is there always fits");
}

static void what_is_refused(void)
{
    struct histogram_cell cells[8];
    struct histogram_count batch[] = { { 1, HISTOGRAM_TOTAL_MAX - 10 }, { 2, 20 } };
    struct histogram h, buckets;
    histogram_init(&h, HISTOGRAM_MS, cells, 4);
    histogram_init(&buckets, HISTOGRAM_BUCKETS, cells + 4, 4);
    OK(histogram_add(&h, -1, 1) == HISTOGRAM_REFUSED, "a negative latency is refused");
    OK(histogram_add(&h, 1, -1) == HISTOGRAM_REFUSED, "so is a negative count");
    OK(histogram_add_all(&h, batch, 2) == HISTOGRAM_REFUSED && h.count == 0,
       "so is a total past the most");
    OK(histogram_add(&buckets, BUCKET_MS_LAST + 1, 1) == HISTOGRAM_REFUSED,
       "so is a key that is no bucket");
    OK(histogram_add(&h, INT64_MAX, HISTOGRAM_TOTAL_MAX) == HISTOGRAM_ADDED &&
           histogram_add(&h, 1, 1) == HISTOGRAM_REFUSED,
       "the largest count of the largest value is not, and then nothing more");
    OK(histogram_moments(&h).mean == 9223372036854775808.0 && histogram_moments(&h).m2 == 0,
       "its mean is itself");
}

static void ranks_and_shares(void)
{
    struct histogram_cell cells[8];
    struct histogram h;
    histogram_init(&h, HISTOGRAM_MS, cells, 8);
    for (int64_t i = 1; i <= 4; i++)
        OK(histogram_add(&h, 10 * i, i) == HISTOGRAM_ADDED, "10 once, 20 twice, ... 40 four times");
    size_t want[] = { 0, 1, 1, 2, 2, 2, 3, 3, 3, 3 };
    bool fine = true;
    for (int64_t r = 1; r <= 10; r++)
        fine = fine && histogram_cell_of_rank(&h, r) == want[r - 1];
    OK(fine, "each of the ten ranks finds its cell");
    OK(histogram_surely_below(&h, 20) == 1 && histogram_maybe_upto(&h, 20) == 3, "#(<20), #(<=20)");
    OK(histogram_surely_below(&h, 25) == 3 && histogram_maybe_upto(&h, 25) == 3, "between cells");
    OK(histogram_share(&h, 9) == 0 && histogram_share(&h, 30) == .6 && histogram_share(&h, 99) == 1,
       "the distribution function");
}

static void moments_keep_their_digits(void)
{
    struct histogram_cell cells[8];
    struct histogram h;
    struct moments moments;
    histogram_init(&h, HISTOGRAM_MS, cells, 8);
    int64_t offset = 1000000000000;
    bool fine = histogram_add(&h, offset + 1, 1000000) == HISTOGRAM_ADDED &&
                histogram_add(&h, offset + 3, 1000000) == HISTOGRAM_ADDED;
    moments = histogram_moments(&h);
    OK(fine && moments.mean == (double)offset + 2 && moments.m2 == 2000000,
       "an offset of a trillion costs the sum of squares no digit");
}

static void buckets_of_an_exact_one(void)
{
    static struct histogram_cell cells[ROOM], coarse[BUCKET_MS_LAST + 1];
    struct histogram h, b;
    bool fine = true, within = true, even = true;
    histogram_init(&h, HISTOGRAM_MS, cells, ROOM);
    histogram_init(&b, HISTOGRAM_BUCKETS, coarse, BUCKET_MS_LAST + 1);
    for (int i = 0; i < 3000; i++)
        fine = fine && histogram_add(&h, (int64_t)exp((double)(draw() % 16000) / 1000), 3) ==
                           HISTOGRAM_ADDED;
    fine = fine && histogram_add(&h, 0, 2) == HISTOGRAM_ADDED;
    fine = fine && histogram_add_buckets(&b, &h) == HISTOGRAM_ADDED;
    OK(fine && sound(&b) && histogram_total(&b) == histogram_total(&h),
       "buckets made of exact counts hold as many");
    for (int64_t r = 1; r <= histogram_total(&h); r += 7) {
        double exact = histogram_value(&h, histogram_cell_of_rank(&h, r));
        size_t i = histogram_cell_of_rank(&b, r);
        within = within && exact >= histogram_low(&b, i) && exact <= histogram_high(&b, i);
        if (exact >= 1 && exact <= BUCKET_MS_MAX)
            within = within && fabs(histogram_value(&b, i) - exact) <= .0100000001 * exact;
    }
    OK(within, "each rank's value lies between its bucket's edges, and within 1 % of its value");
    for (double x = 0; x < 5e6; x = x * 1.013 + .5) {
        even = even && histogram_surely_below(&b, x) <= histogram_surely_below(&h, x) &&
               histogram_maybe_upto(&b, x) >= histogram_maybe_upto(&h, x);
    }
    OK(even, "surely below and maybe up to a value enclose the exact counts");
    OK(histogram_add_buckets(&h, &b) == HISTOGRAM_REFUSED, "the way back is refused");
}

int main(void)
{
    an_empty_one();
    order_does_not_matter();
    a_full_one_stays_as_it_was();
    what_is_refused();
    ranks_and_shares();
    moments_keep_their_digits();
    buckets_of_an_exact_one();
    return tap_done();
}
