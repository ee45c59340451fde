/* SPDX-License-Identifier: MIT */
/* 4-bit rows and bfloat16: every table gives the bytes of the scalar one, that one the peers'. */
#include "kernel/kernel.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "tap.h"

enum { BLOCK_MAX = 256 };

static uint64_t random_state = 20261123;

static uint32_t random_bits(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}

static float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* Ties, corners, or any finite magnitude of which twice is finite too. */
static float random_float(unsigned kind)
{
    static const float corners[] = { 0.0f, -0.0f, FLT_TRUE_MIN, -4e-45f, 1e-40f, -1e-38f, 1.0f };
    float x = float_of_bits(random_bits());
    if (kind % 3 == 0)
        return ((float)(random_bits() % 63) - 31.0f) / 2.0f;
    if (kind % 3 == 1)
        return corners[random_bits() % ARRAY_SIZE(corners)];
    return isfinite(2 * x) ? x : -3.0f;
}

static bool same_error(const struct kernel_error *a, const struct kernel_error *b)
{
    return !memcmp(&a->signal, &b->signal, 8) && !memcmp(&a->noise, &b->noise, 8) &&
           !memcmp(&a->max_error, &b->max_error, 8) && a->zeros == b->zeros;
}

static bool same_row(const struct kernel *k, size_t n, unsigned kind, bool symmetric)
{
    float x[BLOCK_MAX + 1], scales[2];
    uint8_t q[2][BLOCK_MAX] = { { 0 }, { 0 } }, zeros[2];
    struct kernel_error e = { 0 }, f = { 0 };
    for (size_t i = 0; i < n; i++)
        x[i + 1] = random_float(kind);
    size_t a = kernel_scalar()->int4_row(x + 1, n, symmetric, q[0], &scales[0], &zeros[0], &e);
    size_t b = k->int4_row(x + 1, n, symmetric, q[1], &scales[1], &zeros[1], &f);
    return a == b && !memcmp(q[0], q[1], n) && !memcmp(&scales[0], &scales[1], sizeof(*scales)) &&
           zeros[0] == zeros[1] && same_error(&e, &f);
}

static void rows_agree(const struct kernel *k)
{
    bool ok = true;
    for (unsigned round = 0; round < 60; round++)
        for (size_t n = 1; n <= BLOCK_MAX; n++)
            ok = ok && same_row(k, n, round, round % 2);
    OK(ok, "4-bit rows of 1 to 256: the bytes and the errors of the scalar table");
}

/* What quant_slice_symmetric and quant_slice_asymmetric of onnxruntime 1.32 gave. */
static const struct {
    float x[8], scale;
    uint8_t q[8], zero;
    bool symmetric;
    size_t clipped;
} peers[] = {
    { { -8, .5f, 1.5f, 2.5f, -.5f, -1.5f, 7.5f, 8 }, 1, { 8, 0, 2, 2, 0, 14, 7, 7 }, 0, true, 2 },
    { { 8, .5f, 1.5f, -2.5f, 0, -7.5f, -8, 3 }, 1, { 7, 0, 2, 14, 0, 8, 8, 3 }, 0, true, 1 },
    { { 0, 0, 0, 0, 0, 0, 0, 0 }, -0.0f, { 0 }, 0, true, 0 },
    { { -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f }, 0.0f, { 0 }, 0, true, 0 },
    { { 0, 15, .5f, 1.5f, 2.5f, 14.5f, 7, 3 }, 1, { 0, 15, 0, 2, 2, 14, 7, 3 }, 0, false, 0 },
    { { -7.5f, 7.5f, 0, .5f, 1, -.5f, -1, -7 }, 1, { 0, 15, 8, 8, 9, 8, 7, 1 }, 8, false, 1 },
    { { -15, -1, -2, -.5f, -1.5f, -3, -4, -5 },
      1,
      { 0, 14, 13, 14, 14, 12, 11, 10 },
      15,
      false,
      0 },
    { { 0, 0, 0, 0, 0, 0, 0, 0 }, 0, { 8, 8, 8, 8, 8, 8, 8, 8 }, 8, false, 0 },
    { { 3e-45f, 0, 0, 0, 0, 0, 0, 0 }, 0, { 8, 8, 8, 8, 8, 8, 8, 8 }, 8, false, 0 },
};

static void rows_are_the_peers(const struct kernel *k)
{
    for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
        struct kernel_error error = { 0 };
        uint8_t q[8], zero;
        float scale;
        size_t clipped = k->int4_row(peers[i].x, 8, peers[i].symmetric, q, &scale, &zero, &error);
        OK(!memcmp(q, peers[i].q, 8) && !memcmp(&scale, &peers[i].scale, sizeof(scale)) &&
               zero == peers[i].zero && clipped == peers[i].clipped,
           "a 4-bit row: the peer's numbers, scale and zero point");
    }
}

/* As numpy has it with ml_dtypes. */
static void bf16_rounds_half_to_even(const struct kernel *k)
{
    static const struct {
        uint32_t x;
        uint16_t h;
    } want[] = {
        { 0, 0 },
        { 0x80000000, 0x8000 },
        { 0x3f800000, 0x3f80 },
        { 0x3f808000, 0x3f80 }, /* a tie, down to even */
        { 0x3f808001, 0x3f81 },
        { 0x3f818000, 0x3f82 }, /* a tie, up to even */
        { 0xbf817fff, 0xbf81 },
        { 0x7f7f7fff, 0x7f7f }, /* the largest that stays finite */
        { 0xff7f8000, 0xff80 },
        { 0x00000001, 0 },
        { 0x00008000, 0 }, /* a tie, down to 0 */
        { 0x00008001, 0x0001 },
        { 0x007f8000, 0x0080 }, /* a tie, up to the least normal */
        { 0x80018000, 0x8002 },
        { 0x7f800000, 0x7f80 },
        { 0xff800000, 0xff80 },
    };
    uint16_t h[ARRAY_SIZE(want)];
    float x[ARRAY_SIZE(want)];
    bool ok = true;
    for (size_t i = 0; i < ARRAY_SIZE(want); i++)
        x[i] = float_of_bits(want[i].x);
    k->to_bf16(x, ARRAY_SIZE(want), h);
    for (size_t i = 0; i < ARRAY_SIZE(want); i++)
        ok = ok && h[i] == want[i].h;
    OK(ok, "bf16: ties to even, denormals, the largest and what lies beyond");
}

/* Every bfloat16 there is, and floats of all bits. */
static void bf16_agrees(const struct kernel *k)
{
    enum { STEP = 67 };
    const struct kernel *s = kernel_scalar();
    bool there = true, back = true, round_trip = true;
    for (uint32_t start = 0; start < 0x10000; start += STEP) {
        uint16_t h[STEP], again[STEP];
        float a[STEP], b[STEP];
        for (uint32_t i = 0; i < STEP; i++)
            h[i] = (uint16_t)(start + i);
        s->of_bf16(h, STEP, a);
        k->of_bf16(h, STEP, b);
        back = back && !memcmp(a, b, sizeof(a));
        k->to_bf16(b, STEP, again);
        for (uint32_t i = 0; i < STEP; i++)
            round_trip = round_trip && (again[i] == h[i] || isnan(b[i]));
    }
    for (int round = 0; round < 100000; round++) {
        float x[STEP];
        uint16_t a[STEP] = { 0 }, b[STEP] = { 0 };
        size_t n = random_bits() % STEP;
        for (size_t i = 0; i < n; i++)
            x[i] = float_of_bits(i % 2 ? random_bits() : random_bits() | 0x8000u);
        s->to_bf16(x, n, a);
        k->to_bf16(x, n, b);
        there = there && !memcmp(a, b, sizeof(a));
    }
    OK(there, "bf16: the bytes of the scalar table");
    OK(back && round_trip, "every bfloat16 widens alike and comes back");
}

int main(void)
{
    const struct kernel *tables[KERNEL_TABLES_MAX];
    size_t count = kernel_tables(tables);
    for (size_t i = 0; i < count; i++) {
        printf("# table %s\n", tables[i]->name);
        rows_agree(tables[i]);
        rows_are_the_peers(tables[i]);
        bf16_rounds_half_to_even(tables[i]);
        bf16_agrees(tables[i]);
    }
    return tap_done();
}
