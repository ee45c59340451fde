/* SPDX-License-Identifier: MIT */
/* What compressing would leave of weights, beside what LZ4 left of the same in PostgreSQL 15. */
#include "registry/gain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

enum { CHUNK = 256 * 1024 };

static uint64_t state = 1;

static double uniform(void)
{
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (double)(state >> 11) / 9007199254740992.0;
}

static double normal(void)
{
    return sqrt(-2 * log(1 - uniform())) * cos(6.283185307179586 * uniform());
}

/* The share of a chunk of normal numbers that stays when `zeros` of them are zeros. */
static double left_of(size_t width, double zeros)
{
    unsigned char *bytes = calloc(CHUNK, 1);
    for (size_t at = 0; at + width <= CHUNK; at += width) {
        if (uniform() < zeros)
            continue;
        float number = (float)(0.02 * normal());
        int8_t small = (int8_t)fmax(-127, fmin(127, round(32 * normal())));
        memcpy(bytes + at, width == 1 ? (void *)&small : (void *)&number, width);
    }
    double left = 1 - gain_of(bytes, CHUNK);
    free(bytes);
    return left;
}

static void test_weights(void)
{
    static const struct {
        const char *what;
        size_t width;
        double zeros, left;
    } measured[] = {
        { "float32, none zero", 4, 0, 1 },  { "float32, .3 zero", 4, .3, .855 },
        { "float32, .5 zero", 4, .5, .68 }, { "float32, .7 zero", 4, .7, .46 },
        { "float32, .9 zero", 4, .9, .19 }, { "int8, none zero", 1, 0, 1 },
        { "int8, .5 zero", 1, .5, .9 },     { "int8, .7 zero", 1, .7, .67 },
        { "int8, .9 zero", 1, .9, .33 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(measured); i++) {
        double left = left_of(measured[i].width, measured[i].zeros);
        OK(fabs(left - measured[i].left) < 0.07, measured[i].what);
    }
}

static void test_edges(void)
{
    unsigned char zeros[CHUNK] = { 0 };
    OK(gain_of(zeros, CHUNK) > 0.97, "nothing but zeros is nearly nothing");
    OK(gain_of(zeros, 0) <= 0, "no bytes have no gain");
    for (size_t length = 1; length < 12; length++)
        if (gain_of(zeros, length) > 1)
            OK(false, "a few bytes save no more than there are");
    OK(!gain_is_worth_it(zeros, 3), "three bytes are not worth it");
    OK(gain_is_worth_it(zeros, 1000), "a thousand zeros are");
    /* Noise, with a tail that repeats: what is seen of it is judged. */
    for (size_t i = 0; i < CHUNK; i++)
        zeros[i] = (unsigned char)(256 * uniform());
    OK(!gain_is_worth_it(zeros, CHUNK), "noise is not");
    memset(zeros + CHUNK / 2, 7, CHUNK / 2);
    double half = gain_of(zeros, CHUNK);
    OK(half > 0.4 && half < 0.6, "noise before a half that repeats");
}

int main(void)
{
    test_weights();
    test_edges();
    return tap_done();
}
