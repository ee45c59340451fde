/* SPDX-License-Identifier: MIT */
/* Every table gives the bytes of the scalar one, and that one gives those of the formulas. */
#include "kernel/kernel.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "tap.h"

enum { LENGTH_MAX = 68, ROWS_MAX = 5, ROOM = LENGTH_MAX * ROWS_MAX + 8 };

static uint64_t random_state = 20240229;

static uint32_t random_bits(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}

/* A finite float of any magnitude, or one of the corners. */
static float random_float(void)
{
    static const float corners[] = { 0.0f,     -0.0f,        FLT_MAX,       -FLT_MAX, FLT_MIN,
                                     -FLT_MIN, FLT_TRUE_MIN, -FLT_TRUE_MIN, 0.5f,     -1.5f,
                                     2.5f,     126.5f,       127.5f,        -128.5f,  1e-41f };
    if (random_bits() % 4 == 0)
        return corners[random_bits() % ARRAY_SIZE(corners)];
    if (random_bits() % 2)
        return ((float)(random_bits() % 511) - 255.0f) / 2.0f;
    uint32_t bits = random_bits();
    float x;
    memcpy(&x, &bits, sizeof(x));
    return isfinite(x) ? x : 1.0f;
}

static void fill(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = random_float();
}

static bool same(const void *a, const void *b, size_t bytes)
{
    return memcmp(a, b, bytes) == 0;
}

static bool same_error(const struct kernel_error *a, const struct kernel_error *b)
{
    return same(&a->signal, &b->signal, 8) && same(&a->noise, &b->noise, 8) &&
           same(&a->max_error, &b->max_error, 8) && a->zeros == b->zeros;
}

/* Sums with overflow to infinity are compared too; only NaN (inf - inf) cannot be. */
static bool same_sums(const struct kernel *k, const float *x, const float *y, const int8_t *q,
                      size_t n, float scale)
{
    const struct kernel *s = kernel_scalar();
    struct kernel_error a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
    s->error(x, y, n, &a);
    k->error(x, y, n, &b);
    s->error_int8(x, q, n, scale, &c);
    k->error_int8(x, q, n, scale, &d);
    return same_error(&a, &b) && same_error(&c, &d);
}

static bool same_row(const struct kernel *k, size_t n, size_t shift)
{
    const struct kernel *s = kernel_scalar();
    float x[ROOM], y[ROOM], z[ROOM];
    int8_t q[ROOM] = { 0 }, r[ROOM] = { 0 };
    float scale = fabsf(random_float());
    scale = scale > 0 ? scale : 1.0f;
    fill(x + shift, n);
    fill(y + shift, n);
    struct kernel_range a = KERNEL_RANGE_EMPTY, b = KERNEL_RANGE_EMPTY;
    s->range(x + shift, n, &a);
    k->range(x + shift, n, &b);
    bool ok = s->absmax(x + shift, n) == k->absmax(x + shift, n);
    ok = ok && same(&a.low, &b.low, 4) && same(&a.high, &b.high, 4) && a.zeros == b.zeros;
    ok = ok && s->int8(x + shift, n, scale, q + shift) == k->int8(x + shift, n, scale, r + shift);
    ok = ok && same(q, r, sizeof(q)) && same_sums(k, x + shift, y + shift, q + shift, n, scale);
    struct kernel_cut cut = { .threshold = n ? s->absmax(x + shift, 1) : 1, .ties = n / 3 };
    struct kernel_cut again = cut;
    memcpy(z, x, sizeof(x));
    s->prune(x + shift, n, &cut);
    k->prune(z + shift, n, &again);
    return ok && same(x + shift, z + shift, n * sizeof(*x)) && cut.ties == again.ties;
}

static bool same_columns(const struct kernel *k, size_t rows, size_t columns)
{
    const struct kernel *s = kernel_scalar();
    float x[ROOM], scale[LENGTH_MAX];
    uint32_t a[LENGTH_MAX] = { 0 }, b[LENGTH_MAX] = { 0 };
    int8_t q[ROOM] = { 0 }, r[ROOM] = { 0 };
    struct kernel_error e = { 0 }, f = { 0 };
    fill(x, rows * columns);
    for (size_t i = 0; i < columns; i++)
        scale[i] = (float)(random_bits() % 1000 + 1) / 256.0f;
    s->absmax_columns(x, rows, columns, a);
    k->absmax_columns(x, rows, columns, b);
    bool ok = same(a, b, sizeof(a));
    ok = ok &&
         s->int8_columns(x, rows, columns, scale, q) == k->int8_columns(x, rows, columns, scale, r);
    ok = ok && same(q, r, sizeof(q));
    s->error_int8_columns(x, q, rows, columns, scale, &e);
    k->error_int8_columns(x, q, rows, columns, scale, &f);
    return ok && same_error(&e, &f);
}

static bool same_unsigned(const struct kernel *k, size_t rows, size_t columns)
{
    const struct kernel *s = kernel_scalar();
    float x[ROOM], scale[LENGTH_MAX], low[2][LENGTH_MAX] = { 0 }, high[2][LENGTH_MAX] = { 0 };
    uint8_t zero[LENGTH_MAX], q[ROOM] = { 0 }, r[ROOM] = { 0 };
    size_t n = rows * columns;
    fill(x, n);
    for (size_t i = 0; i < columns; i++) {
        scale[i] = (float)(random_bits() % 1000 + 1) / 256.0f;
        zero[i] = (uint8_t)random_bits();
    }
    s->range_columns(x, rows, columns, low[0], high[0]);
    k->range_columns(x, rows, columns, low[1], high[1]);
    bool ok = same(low[0], low[1], sizeof(low[0])) && same(high[0], high[1], sizeof(high[0]));
    ok = ok && s->uint8_columns(x, rows, columns, scale, zero, q) ==
                   k->uint8_columns(x, rows, columns, scale, zero, r);
    ok = ok && same(q, r, sizeof(q));
    ok = ok && (!n || s->uint8(x, n, scale[0], zero[0], q) == k->uint8(x, n, scale[0], zero[0], r));
    return ok && same(q, r, sizeof(q));
}

static void tables_agree(const struct kernel *k)
{
    bool with_zeros = true;
    bool rows = true, columns = true;
    for (int round = 0; round < 40; round++)
        for (size_t n = 0; n < LENGTH_MAX; n++) {
            rows = rows && same_row(k, n, (size_t)round % 8);
            columns = columns && same_columns(k, n % ROWS_MAX, n);
            with_zeros = with_zeros && same_unsigned(k, n % ROWS_MAX, n);
        }
    printf("# table %s\n", k->name);
    OK(rows, "every length 0..67, aligned or not: the bytes of the scalar table");
    OK(columns, "by columns: the bytes of the scalar table");
    OK(with_zeros, "with zero points: the bytes of the scalar table");
}

/* A block of any height, the last of eight columns left out in turn. */
static bool same_int4(const struct kernel *k, size_t rows, size_t columns, bool symmetric,
                      bool apart)
{
    static float x[KERNEL_INT4_ROWS * KERNEL_INT4_COLUMNS];
    struct kernel_int4 a, b;
    struct kernel_error e = { 0 }, f = { 0 };
    size_t used = (rows + 7) / 8 * 4;
    fill(x, rows * KERNEL_INT4_COLUMNS);
    for (size_t i = 0; i < rows * KERNEL_INT4_COLUMNS; i++)
        x[i] *= symmetric ? 1.0f : 0.25f; /* the span stays finite */
    size_t clipped = kernel_scalar()->int4(x, rows, columns, symmetric, apart, &a, &e);
    bool ok = k->int4(x, rows, columns, symmetric, apart, &b, &f) == clipped &&
              same_error(&e, &f) && same(a.scale, b.scale, sizeof(a.scale)) &&
              same(a.zero, b.zero, sizeof(a.zero));
    for (size_t i = 0; i < KERNEL_INT4_COLUMNS; i++)
        ok = ok && same(a.q[i], b.q[i], used);
    return ok;
}

/* `apart`: with scales that are not the magnitudes. */
static bool same_float4(const struct kernel *k, size_t n, size_t block, enum kernel_float4 type,
                        bool apart)
{
    enum { MOST = 1024 };
    static float x[MOST];
    float a[MOST / 16 + 1], b[MOST / 16 + 1];
    uint8_t q[MOST / 2], r[MOST / 2];
    struct kernel_error e = { 0 }, f = { 0 };
    size_t blocks = (n + block - 1) / block;
    float scales[MOST / 16];
    fill(x, n);
    fill(scales, blocks);
    for (size_t i = 0; i < n; i++)
        x[i] = i / 64 % 3 == 0 ? 0.0f : isfinite(x[i]) ? x[i] : 1.0f;
    for (size_t i = 0; i < blocks; i++)
        scales[i] = isfinite(scales[i]) ? scales[i] : 1.0f;
    kernel_scalar()->float4(x, n, block, type, apart ? scales : NULL, q, a, &e);
    k->float4(x, n, block, type, apart ? scales : NULL, r, b, &f);
    return same(q, r, (n + 1) / 2) && same(a, b, blocks * sizeof(*a)) && same_error(&e, &f);
}

static void float4_tables_agree(const struct kernel *k)
{
    bool ok = true;
    for (size_t n = 1; n <= 1024; n++)
        for (size_t block = 16; block <= 256; block *= 2)
            ok = ok && same_float4(k, n, block, n % 2 ? KERNEL_NF4 : KERNEL_FP4, false) &&
                 same_float4(k, n, block, n % 2 ? KERNEL_FP4 : KERNEL_NF4, true) &&
                 same_float4(k, n, block, KERNEL_FP4_MEANS, n % 4 < 2);
    OK(ok, "4-bit floats of every length 1..1024: the bytes, scales and sums of the scalar table");
}

/* Magnitudes of blocks of any length, and of halves of any bits, against one element after another. */
static bool blocks_have_their_largest(const struct kernel *k, size_t n, size_t block)
{
    enum { MOST = 300 };
    float x[MOST];
    uint16_t h[MOST], most[MOST];
    uint32_t bits[MOST];
    fill(x, n);
    for (size_t i = 0; i < n; i++)
        h[i] = (uint16_t)random_bits();
    k->absmax_blocks(x, n, block, bits);
    k->absmax_halves(h, n, block, most);
    for (size_t from = 0, at = 0; from < n; from += block, at++) {
        uint32_t want = 0, half = 0;
        for (size_t i = from; i < MIN(from + block, n); i++) {
            uint32_t magnitude;
            memcpy(&magnitude, &x[i], sizeof(magnitude));
            want = MAX(want, magnitude & KERNEL_MAGNITUDE);
            half = MAX(half, h[i] & KERNEL_HALF_MAGNITUDE);
        }
        if (bits[at] != want || most[at] != half)
            return false;
    }
    return true;
}

static bool same_linear8(const struct kernel *k, size_t n)
{
    float x[300];
    int8_t q[300], r[300];
    struct kernel_error e = { 0 }, f = { 0 };
    float absmax = n % 5 ? 1.5f / (float)(n % 7 + 1) : 0.0f;
    fill(x, n);
    for (size_t i = 0; i < n; i++)
        x[i] = isfinite(x[i]) ? x[i] : 1.0f;
    kernel_scalar()->linear8(x, n, absmax, q, &e);
    k->linear8(x, n, absmax, r, &f);
    return same(q, r, n) && same_error(&e, &f);
}

/* 127 as the magnitude: what is rounded is the float16 itself. */
static bool linear8_rounds(const struct kernel *k)
{
    static const float x[6] = { 127.0f, -127.0f, 2.5f, 3.5f, -0.5f, 1.00001f };
    static const int8_t want[6] = { 127, -127, 2, 4, 0, 1 };
    int8_t q[6];
    struct kernel_error error = { 0 };
    k->linear8(x, 6, 127.0f, q, &error);
    return same(q, want, sizeof(q)) && error.zeros == 1 && error.max_error == 0.5;
}

static void rows_and_blocks_agree(const struct kernel *k)
{
    bool blocks = true, rows = true;
    for (size_t n = 1; n <= 300; n++) {
        for (size_t block = 1; block <= n; block++)
            blocks = blocks && blocks_have_their_largest(k, n, block);
        rows = rows && same_linear8(k, n);
    }
    OK(blocks, "magnitudes of blocks of every length 1..300, in 32 bits and in 16");
    OK(rows, "LLM.int8() rows of every length 1..300: the bytes and sums of the scalar table");
    OK(linear8_rounds(k), "LLM.int8() rounds halves to even");
}

static bool float4_gives(const struct kernel *k, const float *x, size_t n, enum kernel_float4 type,
                         float absmax, const uint8_t *bytes)
{
    uint8_t q[16];
    float most;
    struct kernel_error error = { 0 };
    k->float4(x, n, 32, type, NULL, q, &most, &error);
    return same(&most, &absmax, sizeof(most)) && same(q, bytes, (n + 1) / 2);
}

/* What onnxruntime 1.32's quantize_matmul_bnb4 gave. */
static void float4_is_the_peers(const struct kernel *k)
{
    static const float nf4[30] = { 1.0f,
                                   -0x1.b239b4p-1f,
                                   -0x1.b239b2p-1f,
                                   -0x1.38a4e0p-1f,
                                   -0x1.38a4dep-1f,
                                   -0x1.d708fep-2f,
                                   -0x1.5bd4eap-2f,
                                   -0x1.e079d6p-3f,
                                   -0x1.1a7176p-3f,
                                   -0x1.74f0e0p-5f,
                                   0x1.45f5fep-5f,
                                   0x1.45f600p-5f,
                                   0x1.ec90c6p-4f,
                                   0x1.ec90c8p-4f,
                                   0x1.a0cfc2p-3f,
                                   0x1.2b05aap-2f,
                                   0x1.8ea7f4p-2f,
                                   0x1.00da06p-1f,
                                   0x1.00da08p-1f,
                                   0x1.491b5ep-1f,
                                   0x1.491b60p-1f,
                                   0x1.b913b2p-1f,
                                   0x1.b913b4p-1f,
                                   0,
                                   -0.0f,
                                   -1.0f,
                                   1e-40f,
                                   -1e-40f,
                                   0.5f,
                                   -0.5f };
    static const float fp4[17] = { -1.0f,        0.00260417f, 0.0026041702f, -0.0026041702f,
                                   0.0859375f,   0.0859376f,  0.20833333f,   0.20833336f,
                                   -0.29166667f, -0.2916667f, 0.41666672f,   0.583333f,
                                   0.58333306f,  0.8333333f,  0.83333336f,   -1e-40f,
                                   -0.0f };
    static const uint8_t nf4_bytes[15] = { 0xf0, 0x01, 0x23, 0x45, 0x67, 0x78, 0x89, 0xab,
                                           0xcc, 0xdd, 0xee, 0xf7, 0x70, 0x77, 0xc2 };
    static const uint8_t fp4_bytes[9] = { 0xb0, 0x19, 0x16, 0x67, 0xfc, 0x55, 0x22, 0x38, 0x00 };
    static const float small[4] = { 0, 1e-40f, -1e-40f, 0 }, zeros[3] = { 0, -0.0f, 0 };
    OK(float4_gives(k, nf4, 30, KERNEL_NF4, 1, nf4_bytes), "nf4: the peer's codes at each border");
    OK(float4_gives(k, fp4, 17, KERNEL_FP4, 1, fp4_bytes), "fp4: the same");
    OK(float4_gives(k, small, 4, KERNEL_NF4, 1e-40f, (const uint8_t[2]){ 0x0f, 0x00 }) &&
           float4_gives(k, small, 4, KERNEL_FP4, 1e-40f, (const uint8_t[2]){ 0x03, 0xb0 }),
       "a block too small for a reciprocal: its zeros get the code 0, as the peer has it");
    OK(float4_gives(k, zeros, 3, KERNEL_NF4, 0, (const uint8_t[2]){ 0x77, 0x77 }) &&
           float4_gives(k, zeros, 3, KERNEL_FP4, 0, (const uint8_t[2]){ 0, 0 }),
       "zeros stay zeros");
}

static void int4_tables_agree(const struct kernel *k)
{
    bool ok = true;
    for (int round = 0; round < 8; round++)
        for (size_t rows = 1; rows <= KERNEL_INT4_ROWS; rows++)
            ok = ok && same_int4(k, rows, rows % 8 + 1, round % 2, round % 4 / 2);
    OK(ok, "int4 of every height 1..256: the bytes, sums and counts of the scalar table");
}

/* One column; the bytes, scale and zero point that onnxruntime 1.32 gives. */
static bool int4_gives_so(const struct kernel *k, const float column[8], bool symmetric, bool apart,
                          float scale, uint8_t zero, const uint8_t bytes[4])
{
    float x[8 * KERNEL_INT4_COLUMNS] = { 0 };
    struct kernel_int4 block;
    struct kernel_error error = { 0 };
    for (size_t i = 0; i < 8; i++)
        x[i * KERNEL_INT4_COLUMNS] = column[i];
    k->int4(x, 8, 1, symmetric, apart, &block, &error);
    return same(&block.scale[0], &scale, sizeof(scale)) && block.zero[0] == zero &&
           same(block.q[0], bytes, 4);
}

static bool int4_gives(const struct kernel *k, const float column[8], bool symmetric, float scale,
                       uint8_t zero, const uint8_t bytes[4])
{
    return int4_gives_so(k, column, symmetric, false, scale, zero, bytes);
}

static void int4_is_the_peers(const struct kernel *k)
{
    static const float ties[8] = { 8, -8, .5f, 1.5f, -.5f, -1.5f, 2.5f, -2.5f };
    static const float steps[8] = { -8, 7, .5f, 1.5f, -.5f, -1.5f, 2.5f, -2.5f };
    static const float small[8] = { 1.2e-38f, 0, 3e-39f, -4e-39f, 1.2e-38f, 0, 3e-39f, -4e-39f };
    static const float zeros[8] = { 0, -0.0f, 0, 0, 0, 0, 0, 0 };
    OK(int4_gives(k, ties, true, 1.0f, 8, (const uint8_t[4]){ 0x0f, 0xa9, 0x78, 0x6b }),
       "symmetric: the smallest decides a tie, halves go away from zero, 8 is clipped");
    OK(int4_gives(k, ties, false, 16.0f / 15, 7, (const uint8_t[4]){ 0x0f, 0x87, 0x67, 0x59 }),
       "with zero points: the span by 15");
    OK(int4_gives(k, steps, false, 1.0f, 8, (const uint8_t[4]){ 0xf0, 0xa9, 0x78, 0x6b }),
       "a zero point that is a half goes away from zero");
    OK(int4_gives(k, small, true, -1.5e-39f, 8, (const uint8_t[4]){ 0x00, 0xf0, 0x00, 0xf0 }),
       "a scale too small for a reciprocal: zeros become 0, as the peer has it");
    OK(int4_gives_so(k, ties, true, true, 1.0f, 8, (const uint8_t[4]){ 0x0f, 0xa9, 0x67, 0x5b }) &&
           int4_gives_so(k, steps, false, true, 1.0f, 8,
                         (const uint8_t[4]){ 0xf0, 0xa9, 0x67, 0x5b }),
       "with the zero point added apart, halves below 0 go down");
    OK(int4_gives_so(k, small, true, true, -1.5e-39f, 8, (const uint8_t[4]){ 0, 0, 0, 0 }),
       "and what is no number gives 0");
    OK(int4_gives(k, zeros, true, -0.0f, 8, (const uint8_t[4]){ 0x88, 0x88, 0x88, 0x88 }),
       "zeros have the scale -0");
    OK(int4_gives(k, zeros, false, 0.0f, 0, (const uint8_t[4]){ 0, 0, 0, 0 }),
       "and with zero points 0");
}

static void rounding_is_half_to_even(const struct kernel *k)
{
    const float x[9] = { 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 126.5f, 127.5f, -128.5f };
    const int8_t want[9] = { 0, 2, 2, 0, -2, -2, 126, 127, -128 };
    int8_t q[9];
    size_t clipped = k->int8(x, 9, 1.0f, q);
    OK(same(q, want, sizeof(q)), "ties go to the even neighbour");
    OK(clipped == 1,
       "127.5 rounds to 128, which is clipped and counted; -128.5 to -128, which fits");
}

static void division_is_true(const struct kernel *k)
{
    bool ok = true;
    for (int i = 0; i < 200000 && ok; i++) {
        float x[8], scale = (float)(random_bits() % 100000 + 1) / 3e6f;
        int8_t q[8];
        for (int j = 0; j < 8; j++)
            x[j] = ((float)(random_bits() % 255) - 127.0f + 0.5f) * scale;
        k->int8(x, 8, scale, q);
        for (int j = 0; j < 8; j++) {
            float v = rintf(x[j] / scale);
            ok = ok && q[j] == (v > 127 ? 127 : v < -128 ? -128 : (int)v);
        }
    }
    OK(ok, "near the ties a true division decides, not a product with the reciprocal");
}

static void what_is_no_number_shows(const struct kernel *k)
{
    bool ok = true;
    for (size_t n = 1; n < LENGTH_MAX; n++) {
        float x[ROOM];
        for (size_t i = 0; i < n; i++)
            x[i] = FLT_MAX;
        ok = ok && k->absmax(x, n) < KERNEL_INFINITY;
        x[random_bits() % n] = n % 2 ? NAN : -INFINITY;
        struct kernel_range range = KERNEL_RANGE_EMPTY;
        k->range(x, n, &range);
        ok = ok && k->absmax(x, n) >= KERNEL_INFINITY && range.not_finite == 1;
        uint32_t column = 0;
        k->absmax_columns(x, n, 1, &column);
        ok = ok && column >= KERNEL_INFINITY;
    }
    OK(ok, "one NaN or infinity anywhere is seen by absmax and by range");
}

static void pruning_takes_the_first_ties(const struct kernel *k)
{
    float x[20], want[20];
    for (int i = 0; i < 20; i++)
        want[i] = x[i] = i % 3 == 0 ? 0.25f : i % 3 == 1 ? -1.0f : 2.0f;
    for (int i = 0; i < 20; i++)
        if (i % 3 == 0 || (i % 3 == 1 && i < 8))
            want[i] = copysignf(0.0f, want[i]);
    struct kernel_cut cut = { .threshold = 0x3f800000u, .ties = 3 };
    k->prune(x, 11, &cut);
    k->prune(x + 11, 9, &cut);
    OK(same(x, want, sizeof(x)), "below goes, ties go lowest index first, over two pieces");
    OK(signbit(x[1]) && x[1] == 0.0f, "a pruned negative is -0");
}

static void counting_is_complete(const struct kernel *k)
{
    static uint64_t high[KERNEL_HIGH_BINS], low[KERNEL_LOW_BINS];
    memset(high, 0, sizeof(high));
    memset(low, 0, sizeof(low));
    const float x[5] = { 1.0f, -1.0f, FLT_TRUE_MIN, -0.0f, NAN };
    k->count_high(x, 5, high);
    k->count_low(x, 5, 0, low);
    OK(high[0x3f800000u >> KERNEL_LOW_BITS] == 2 && high[0] == 2, "the sign does not count");
    OK(low[0] == 1 && low[1] == 1, "low bits count only under their high bits");
}

/* As VCVTPS2PH and numpy have it, but for a NaN that signals: numpy may keep it so. */
static void fp16_is_ieee(const struct kernel *k)
{
    static const struct {
        float x;
        uint16_t h;
    } want[] = {
        { 0.0f, 0 },
        { -0.0f, 0x8000 },
        { 1.0f, 0x3c00 },
        { -2.0f, 0xc000 },
        { 0x1.002p0f, 0x3c00 },    /* a tie, down to even */
        { 0x1.006p0f, 0x3c02 },    /* a tie, up to even */
        { 0x1.002002p0f, 0x3c01 }, /* above the tie */
        { 65504.0f, 0x7bff },
        { 65519.996f, 0x7bff },
        { 65520.0f, 0x7c00 },
        { -FLT_MAX, 0xfc00 },
        { INFINITY, 0x7c00 },
        { 0x1p-14f, 0x0400 },
        { 0x1.ff8p-15f, 0x03ff },
        { 0x1.ffcp-15f, 0x0400 }, /* a tie, up to the least normal */
        { 0x1p-24f, 0x0001 },
        { 0x1.8p-24f, 0x0002 }, /* a tie, up to even */
        { 0x1.4p-23f, 0x0002 }, /* a tie, down to even */
        { 0x1p-25f, 0 },        /* a tie, down to 0 */
        { 0x1.000002p-25f, 0x0001 },
        { -0x1p-25f, 0x8000 },
        { FLT_TRUE_MIN, 0 },
    };
    uint16_t h[ARRAY_SIZE(want)];
    float x[ARRAY_SIZE(want)];
    bool same_bits = true;
    for (size_t i = 0; i < ARRAY_SIZE(want); i++)
        x[i] = want[i].x;
    k->to_fp16(x, ARRAY_SIZE(want), h);
    for (size_t i = 0; i < ARRAY_SIZE(want); i++)
        same_bits = same_bits && h[i] == want[i].h;
    OK(same_bits, "fp16: ties to even, denormals, the largest and what lies beyond");
}

/* Every float16 there is, and floats of all bits, NaNs too. */
static void fp16_agrees(const struct kernel *k)
{
    enum { STEP = 67 };
    const struct kernel *s = kernel_scalar();
    bool there = true, back = true, round_trip = true;
    for (uint32_t start = 0; start < 0x10000; start += STEP) {
        uint16_t h[STEP], again[STEP];
        float a[STEP], b[STEP];
        for (uint32_t i = 0; i < STEP; i++)
            h[i] = (uint16_t)(start + i);
        s->of_fp16(h, STEP, a);
        k->of_fp16(h, STEP, b);
        back = back && same(a, b, sizeof(a));
        k->to_fp16(b, STEP, again);
        for (uint32_t i = 0; i < STEP; i++)
            round_trip = round_trip && (again[i] == h[i] || isnan(b[i]));
    }
    for (int round = 0; round < 400000; round++) {
        uint32_t bits[STEP];
        float x[STEP];
        uint16_t a[STEP] = { 0 }, b[STEP] = { 0 };
        size_t n = random_bits() % STEP;
        for (size_t i = 0; i < n; i++) /* half of them where float16 has its numbers */
            bits[i] = i % 2 ? random_bits() : (random_bits() & 0x8fffffffu) | 0x30000000u;
        memcpy(x, bits, sizeof(x));
        s->to_fp16(x, n, a);
        k->to_fp16(x, n, b);
        there = there && same(a, b, sizeof(a));
    }
    OK(there, "fp16: the bytes of the scalar table, for NaNs too");
    OK(back && round_trip, "every float16 widens alike and comes back");
}

int main(void)
{
    const struct kernel *tables[KERNEL_TABLES_MAX];
    size_t count = kernel_tables(tables);
    for (size_t i = 0; i < count; i++) {
        tables_agree(tables[i]);
        int4_tables_agree(tables[i]);
        int4_is_the_peers(tables[i]);
        float4_tables_agree(tables[i]);
        float4_is_the_peers(tables[i]);
        rows_and_blocks_agree(tables[i]);
        rounding_is_half_to_even(tables[i]);
        division_is_true(tables[i]);
        what_is_no_number_shows(tables[i]);
        pruning_takes_the_first_ties(tables[i]);
        counting_is_complete(tables[i]);
        fp16_is_ieee(tables[i]);
        fp16_agrees(tables[i]);
    }
    OK(tables[0] == kernel_scalar() && kernel_best() == tables[count - 1],
       "the scalar table runs everywhere, the last one is the best");
    return tap_done();
}
