/* SPDX-License-Identifier: MIT */
/* Which arm a unit falls into, and which bucket a latency. */
#include "stats/bucket.h"

#include <math.h>

#include "base/error.h"
#include "vectors.h"

static void assignment(const struct vector *v)
{
    const cJSON *row;
    enum bucket_split state;
    int i = 0;
    int cut = bucket_cut_of_hundredths(lround(100 * vector_number(v, "split")), &state);
    cJSON_ArrayForEach(row, vector_member(v->input, "rows"))
    {
        struct pare_error err;
        int bucket = -1;
        const char *unit = cJSON_GetArrayItem(row, 2)->valuestring;
        int64_t test = strtoll(cJSON_GetArrayItem(row, 0)->valuestring, NULL, 10);
        OK(bucket_of(test, cJSON_GetArrayItem(row, 1)->valuestring, unit, &bucket, &err), unit);
        OK(bucket == cJSON_GetArrayItem(vector_member(v->expected, "bucket"), i)->valueint,
           "the bucket is the one PostgreSQL computes");
        IS(bucket_arm(bucket, cut) == BUCKET_ARM_A ? "A" : "B",
           cJSON_GetArrayItem(vector_member(v->expected, "arm"), i)->valuestring, "and so the arm");
        i++;
    }
}

static void units_spread_evenly(void)
{
    static int seen[BUCKET_COUNT];
    struct pare_error err;
    double chi2 = 0;
    int in_a = 0;
    for (int i = 0; i < 100000; i++) {
        char unit[16];
        int bucket = 0;
        snprintf(unit, sizeof(unit), "u%d", i);
        if (!bucket_of(7, "1", unit, &bucket, &err))
            break;
        seen[bucket / 100]++;
        in_a += bucket_arm(bucket, 3300) == BUCKET_ARM_A;
    }
    for (int i = 0; i < 100; i++)
        chi2 += (seen[i] - 1000.0) * (seen[i] - 1000.0) / 1000;
    OK(chi2 > 56 && chi2 < 160, "100 000 units spread evenly: chi-square of 99 degrees, p > .0001");
    OK(abs(in_a - 33000) < 600, "a third of them in A at a split of .33, within four deviations");
}

static void separators(void)
{
    struct pare_error err;
    int a = -1, b = -1, least = -1;
    bool both = bucket_of(1, "12", "3", &a, &err) && bucket_of(11, "2", "3", &b, &err);
    OK(both && a != b, "test 1 salt 12 and test 11 salt 2 differ");
    OK(bucket_of(INT64_MIN, "", "", &least, &err) && least >= 0 && least < BUCKET_COUNT,
       "any test id, an empty salt and an empty unit have a bucket");
}

static void split_is(const char *text, int want, enum bucket_split want_state)
{
    char what[64];
    enum bucket_split state;
    int cut = bucket_cut(text, &state);
    snprintf(what, sizeof(what), "split %s: B begins at %d", text ? text : "NULL", want);
    if (!OK(cut == want && state == want_state, what))
        printf("# got %d, state %d\n", cut, state);
}

static void splits(void)
{
    enum bucket_split state;
    split_is(NULL, 5000, BUCKET_SPLIT_ABSENT);
    split_is("0.33", 3300, BUCKET_SPLIT_GIVEN);
    split_is("0.50", 5000, BUCKET_SPLIT_GIVEN);
    split_is(".5", 5000, BUCKET_SPLIT_GIVEN);
    split_is("1", 10000, BUCKET_SPLIT_GIVEN);
    split_is("1.00", 10000, BUCKET_SPLIT_GIVEN);
    split_is("0", 0, BUCKET_SPLIT_GIVEN);
    split_is("0.33335", 3334, BUCKET_SPLIT_GIVEN);
    split_is("0.33334", 3333, BUCKET_SPLIT_GIVEN);
    split_is("0.3333333333333333333333", 3333, BUCKET_SPLIT_GIVEN);
    split_is("9.99", 10000, BUCKET_SPLIT_CLAMPED);
    split_is("-0.50", 0, BUCKET_SPLIT_CLAMPED);
    split_is("99999999999999999999999999.5", 10000, BUCKET_SPLIT_CLAMPED);
    split_is("NaN", 10000, BUCKET_SPLIT_CLAMPED);
    split_is("", 5000, BUCKET_SPLIT_UNREADABLE);
    split_is("-", 5000, BUCKET_SPLIT_UNREADABLE);
    split_is(".", 5000, BUCKET_SPLIT_UNREADABLE);
    split_is("half", 5000, BUCKET_SPLIT_UNREADABLE);
    split_is("0.5.5", 5000, BUCKET_SPLIT_UNREADABLE);
    split_is("0.5 ", 5000, BUCKET_SPLIT_UNREADABLE);
    OK(bucket_cut_of_hundredths(33, &state) == 3300 && state == BUCKET_SPLIT_GIVEN,
       "33 hundredths: 3300");
    OK(bucket_cut_of_hundredths(INT64_MIN, &state) == 0 && state == BUCKET_SPLIT_CLAMPED,
       "far below 0: 0");
    OK(bucket_cut_of_hundredths(INT64_MAX, &state) == 10000 && state == BUCKET_SPLIT_CLAMPED,
       "far above 1: 10 000");
}

static void changed_split_moves_units_near_the_cut_only(void)
{
    int moved = 0, wrong = 0;
    for (int bucket = 0; bucket < BUCKET_COUNT; bucket++) {
        bool moves = bucket_arm(bucket, 5000) != bucket_arm(bucket, 6000);
        moved += moves;
        wrong += moves != (bucket >= 5000 && bucket < 6000);
    }
    OK(moved == 1000 && wrong == 0, "split .5 to .6 moves a tenth of the units, from B to A");
}

static void mapping(const struct vector *v)
{
    double values[64], keys[64], rep[64], low[64], high[64];
    size_t n = vector_doubles(vector_member(v->input, "values"), values, 64);
    vector_doubles(vector_member(v->expected, "keys"), keys, 64);
    vector_doubles(vector_member(v->expected, "rep"), rep, 64);
    vector_doubles(vector_member(v->expected, "lower_edge"), low, 64);
    vector_doubles(vector_member(v->expected, "upper_edge"), high, 64);
    for (size_t i = 0; i < n; i++) {
        int key = bucket_key_of_value(values[i]);
        vector_same(v, "key", key, keys[i]);
        vector_same(v, "representative", bucket_value(key), rep[i]);
        vector_same(v, "lower edge", bucket_lower_edge(key), low[i]);
        vector_same(v, "upper edge", bucket_upper_edge(key), high[i]);
        if (values[i] <= BUCKET_MS_MAX)
            OK(bucket_key_of_ms((int64_t)values[i]) == key, "and as milliseconds");
    }
}

/* By powers of 101/99, not by the logarithm that the code takes. */
static void every_key_is_exact(void)
{
    long double edge = 1, g = 101.0L / 99.0L;
    int key = 0, wrong = 0, off = 0, outside = 0;
    for (int64_t ms = 1; ms <= BUCKET_MS_MAX; ms++) {
        double value;
        while (ms > edge) {
            edge *= g;
            key++;
        }
        value = bucket_value(key);
        wrong += bucket_key_of_ms(ms) != key ||
                 (ms <= 200000 && (int)ceil(log((double)ms) * 49.99833328888678) != key);
        off += fabs(value - (double)ms) > 0.0100000001 * (double)ms;
        outside += (double)ms > bucket_outer_high(key) || (double)ms < bucket_outer_low(key);
    }
    OK(wrong == 0, "the key of each millisecond up to an hour is the one of the powers of 101/99");
    OK(off == 0, "and its value is within 1 %");
    OK(outside == 0, "and it lies between the outer edges");
    OK(key == BUCKET_MS_LAST - 1, "an hour is in the last bucket but one");
}

static void ends(void)
{
    OK(bucket_key_of_ms(0) == 0 && bucket_key_of_ms(1) == 0, "0 ms and 1 ms are in bucket 0");
    OK(bucket_outer_low(0) == 0 && bucket_outer_high(0) == 1, "which reaches from 0 to 1");
    OK(bucket_key_of_ms(-5) == 0 && bucket_key_of_ms(INT64_MIN) == 0,
       "a negative latency breaks nothing");
    OK(bucket_key_of_ms(BUCKET_MS_MAX + 1) == BUCKET_MS_LAST &&
           bucket_key_of_ms(INT64_MAX) == BUCKET_MS_LAST,
       "what took over an hour is in the last bucket");
    OK(bucket_outer_low(BUCKET_MS_LAST) == BUCKET_MS_MAX &&
           bucket_outer_high(BUCKET_MS_LAST) == HUGE_VAL,
       "of which nobody knows the upper end");
    OK(bucket_outer_high(BUCKET_MS_LAST - 1) >= BUCKET_MS_MAX, "the one before it holds the hour");
}

int main(void)
{
    vectors("assign", assignment);
    units_spread_evenly();
    separators();
    splits();
    changed_split_moves_units_near_the_cut_only();
    vectors("ddsketch", mapping);
    every_key_is_exact();
    ends();
    return tap_done();
}
