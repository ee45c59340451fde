/* SPDX-License-Identifier: MIT */
#include "stats/bucket.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"

/* 1 / ln(101/99), and the growth of a bucket: fixed as text in SQL, C and every client. */
static const double per_ln = 49.99833328888678;
static const double growth = 101.0 / 99.0;

bool bucket_of(int64_t test_id, const char *salt, const char *unit, int *ret_bucket,
               struct pare_error *err)
{
    struct digest digest;
    unsigned char sum[DIGEST_BYTES];
    char head[24];
    uint64_t number = 0;
    if (!digest_init(&digest, err))
        return false;
    snprintf(head, sizeof(head), "%" PRId64 ":", test_id);
    digest_add(&digest, head, strlen(head));
    digest_add(&digest, salt, strlen(salt));
    digest_add(&digest, ":", 1);
    digest_add(&digest, unit, strlen(unit));
    digest_take(&digest, sum);
    digest_done(&digest);
    for (int i = 0; i < 7; i++)
        number = number << 8 | sum[i];
    *ret_bucket = (int)(number % BUCKET_COUNT);
    return true;
}

static int cut_clamped(int64_t cut, enum bucket_split *ret_state)
{
    *ret_state = cut < 0 || cut > BUCKET_COUNT ? BUCKET_SPLIT_CLAMPED : BUCKET_SPLIT_GIVEN;
    return (int)MIN(MAX(cut, 0), BUCKET_COUNT);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/*
 * Digits, a point, digits: ten-thousandths, rounded by the fifth decimal. More than a million is as
 * far outside of 0..1 as any number.
 */
static bool decimal_parse(const char *text, int64_t *ret_parts)
{
    enum { DECIMALS = 4, CAP = 1000000 };
    int64_t parts = 0;
    int decimals = 0, digits = 0, fifth = 0;
    bool point = false;
    for (; is_digit(*text) || (*text == '.' && !point); text++) {
        if (*text == '.') {
            point = true;
            continue;
        }
        if (decimals < DECIMALS)
            parts = MIN(parts * 10 + (*text - '0'), CAP);
        else if (decimals == DECIMALS)
            fifth = *text - '0';
        decimals = MIN(decimals + point, DECIMALS + 1);
        digits++;
    }
    for (; decimals < DECIMALS; decimals++)
        parts *= 10;
    *ret_parts = parts + (fifth >= 5);
    return digits > 0 && *text == '\0';
}

int bucket_cut(const char *split, enum bucket_split *ret_state)
{
    int64_t parts;
    *ret_state = split ? BUCKET_SPLIT_UNREADABLE : BUCKET_SPLIT_ABSENT;
    if (!split)
        return BUCKET_CUT_EVEN;
    if (strcmp(split, "NaN") == 0)
        return cut_clamped(BUCKET_COUNT + 1, ret_state);
    if (!decimal_parse(split + (*split == '-'), &parts))
        return BUCKET_CUT_EVEN;
    return cut_clamped(*split == '-' ? -parts : parts, ret_state);
}

int bucket_cut_of_hundredths(int64_t hundredths, enum bucket_split *ret_state)
{
    return cut_clamped(MIN(MAX(hundredths, -1), 101) * 100, ret_state);
}

enum bucket_arm bucket_arm(int bucket, int cut)
{
    return bucket < cut ? BUCKET_ARM_A : BUCKET_ARM_B;
}

int bucket_key_of_value(double value)
{
    return (int)ceil(log(value) * per_ln);
}

int bucket_key_of_ms(int64_t latency_ms)
{
    if (latency_ms <= 1)
        return 0;
    return latency_ms > BUCKET_MS_MAX ? BUCKET_MS_LAST : bucket_key_of_value((double)latency_ms);
}

double bucket_upper_edge(int key)
{
    return exp(key / per_ln);
}

double bucket_lower_edge(int key)
{
    return exp((key - 1) / per_ln);
}

double bucket_value(int key)
{
    return 2 * bucket_upper_edge(key) / (1 + growth);
}

double bucket_outer_low(int key)
{
    if (key >= BUCKET_MS_LAST)
        return BUCKET_MS_MAX;
    return key <= 0 ? 0 : bucket_lower_edge(key);
}

double bucket_outer_high(int key)
{
    return key >= BUCKET_MS_LAST ? HUGE_VAL : bucket_upper_edge(MAX(key, 0));
}
