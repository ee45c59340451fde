/* SPDX-License-Identifier: MIT */
/* 4-bit blocks: the peer's bytes, the formulas' bytes, in every shape and cut. */
#include "engine/int4.h"

#include <math.h>
#include <stdlib.h>

#include "kernel/kernel.h"
#include "tap.h"

/* What becomes of a weight. */
struct made {
    struct int4_layout l;
    float *x; /* its values; then scales are in it */
    uint8_t *q, *zeros;
    float *scales;
    struct kernel_error error;
    struct int4_counts counts;
};

static float value_of(size_t i)
{
    uint32_t bits = (uint32_t)i * 2654435761u;
    float x = (float)(bits >> 8) / 8388608.0f - 1.0f;
    if (bits % 11 == 0)
        return 0.0f;
    return bits % 13 == 0 ? x * 0x1p-140f : x;
}

static void make(struct made *m, const struct kernel *kernel, int64_t k, int64_t n, int block,
                 bool symmetric, bool inputs_first)
{
    const struct pare_tensor shape = { .rank = 2,
                                       .dims = { inputs_first ? k : n, inputs_first ? n : k } };
    const struct change change = { .axis = inputs_first, .block = block, .symmetric = symmetric };
    struct int4_part part = { 0 };
    *m = (struct made){ .l = int4_layout(&shape, &change) };
    m->x = malloc((size_t)(k * n) * sizeof(*m->x));
    m->q = malloc((size_t)(n * m->l.value_bytes) + INT4_ROOM);
    m->zeros = calloc((size_t)(n * m->l.zero_bytes) + 1, 1);
    m->scales = malloc((size_t)(n * m->l.blocks) * sizeof(*m->scales));
    for (int64_t i = 0; i < k; i++)
        for (int64_t o = 0; o < n; o++)
            m->x[inputs_first ? i * n + o : o * k + i] = value_of((size_t)(i * n + o));
    for (uint8_t *q = m->q; int4_next(&m->l, &part); q += part.outputs * part.blocks * block / 2)
        int4_quantize(kernel, m->x, &m->l, &part, q, symmetric ? NULL : m->zeros, &m->error,
                      &m->counts);
    part = (struct int4_part){ 0 };
    for (float *s = m->scales; int4_next(&m->l, &part);)
        s += int4_scales(m->x, &m->l, &part, s);
}

static void made_done(struct made *m)
{
    free(m->x);
    free(m->q);
    free(m->zeros);
    free(m->scales);
}

/* ---- the peer ---- */

static uint64_t digest(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* FNV-1a of values, scales and zero points that MatMulNBitsQuantizer 1.32 gave to value_of(). */
static const struct {
    int k, n, block;
    bool symmetric;
    uint64_t digest;
} peers[] = {
    { 17, 5, 16, true, UINT64_C(0x3b97a78830618873) },
    { 17, 5, 16, false, UINT64_C(0x6783a05bd4f06b89) },
    { 67, 37, 16, true, UINT64_C(0x0993f0040da2abe8) },
    { 67, 37, 16, false, UINT64_C(0x82910acef5a549b5) },
    { 33, 9, 16, true, UINT64_C(0x8ce77badd3bda40a) },
    { 33, 9, 16, false, UINT64_C(0xc597b92d1c8d5923) },
    { 97, 130, 32, true, UINT64_C(0x514c04ed02d09c12) },
    { 97, 130, 32, false, UINT64_C(0x89ade77c30d44bff) },
    { 1031, 3, 64, true, UINT64_C(0x3df8316a1a53b65c) },
    { 1031, 3, 64, false, UINT64_C(0x049d5d026cc8448b) },
    { 40, 33, 128, true, UINT64_C(0x2cc924da45c080de) },
    { 40, 33, 128, false, UINT64_C(0x79ba3c66b87aa2c9) },
    { 511, 21, 256, true, UINT64_C(0x4031aee6ac66e296) },
    { 511, 21, 256, false, UINT64_C(0xf13b532421d9b258) },
    { 1, 1, 16, true, UINT64_C(0xfe834ddcf381509d) },
    { 1, 1, 16, false, UINT64_C(0x7c95979f62da0faf) },
};

static void bytes_are_the_peers(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
        struct made m;
        char what[128];
        make(&m, kernel_best(), peers[i].k, peers[i].n, peers[i].block, peers[i].symmetric, true);
        uint64_t hash =
            digest(UINT64_C(0xcbf29ce484222325), m.q, (size_t)(m.l.n * m.l.value_bytes));
        hash = digest(hash, m.scales, (size_t)(m.l.n * m.l.blocks) * sizeof(float));
        hash = digest(hash, m.zeros, (size_t)(m.l.n * m.l.zero_bytes));
        snprintf(what, sizeof(what), "%d x %d in blocks of %d, %s: the peer's bytes", peers[i].k,
                 peers[i].n, peers[i].block, peers[i].symmetric ? "symmetric" : "zero points");
        OK(hash == peers[i].digest, what);
        made_done(&m);
    }
}

/* ---- the formulas ---- */

static uint8_t slow_round(float v)
{
    v = roundf(v);
    return (uint8_t)(v > 15 ? 15 : v > 0 ? v : 0);
}

/* The block's scale and zero point from its elements. */
static void slow_scale(const struct made *m, int64_t output, int64_t block, float *ret_scale,
                       uint8_t *ret_zero)
{
    int64_t from = block * m->l.block, end = MIN(from + m->l.block, m->l.k);
    float low = value_of((size_t)(from * m->l.n + output)), high = low;
    for (int64_t i = from; i < end; i++) {
        float x = value_of((size_t)(i * m->l.n + output));
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    *ret_zero = 8;
    if (m->l.symmetric) {
        *ret_scale = (high > -low ? high : low) / -8;
        return;
    }
    low = low < 0 ? low : 0;
    high = high > 0 ? high : 0;
    *ret_scale = (high - low) / 15;
    *ret_zero = *ret_scale > 0 ? slow_round(-low / *ret_scale) : 0;
}

static bool block_is_slow(const struct made *m, int64_t output, int64_t block, double *io_noise)
{
    float scale;
    uint8_t zero;
    int64_t from = block * m->l.block, end = MIN(from + m->l.block, m->l.k);
    const uint8_t *q = m->q + output * m->l.value_bytes + block * m->l.block / 2;
    slow_scale(m, output, block, &scale, &zero);
    float turn = scale != 0 ? 1 / scale : 0;
    bool ok = !memcmp(&scale, &m->scales[output * m->l.blocks + block], sizeof(scale));
    if (!m->l.symmetric)
        ok = ok && (m->zeros[output * m->l.zero_bytes + block / 2] >> 4 * (block % 2) & 15) == zero;
    for (int64_t i = from; i < end; i++) {
        float x = value_of((size_t)(i * m->l.n + output));
        float turned = x * turn;
        uint8_t want = slow_round(turned + zero);
        ok = ok && (q[(i - from) / 2] >> 4 * ((i - from) % 2) & 15) == want;
        double d = (double)x - (double)((float)(want - zero) * scale);
        *io_noise += d * d;
    }
    for (int64_t i = (end - from + 1) / 2; i < m->l.block / 2; i++)
        ok = ok && q[i] == 0;
    return ok;
}

static bool is_slow(int64_t k, int64_t n, int block, bool symmetric, bool inputs_first)
{
    struct made m;
    double noise = 0;
    bool ok = true;
    make(&m, kernel_best(), k, n, block, symmetric, inputs_first);
    for (int64_t output = 0; output < n; output++)
        for (int64_t at = 0; at < m.l.blocks; at++)
            ok = ok && block_is_slow(&m, output, at, &noise);
    ok = ok && fabs(m.error.noise - noise) <= 1e-9 * noise;
    made_done(&m);
    return ok;
}

static void shapes_agree_with_the_formulas(void)
{
    static const int64_t shapes[][2] = { { 1, 1 },   { 3, 9 },    { 16, 8 },  { 17, 7 },
                                         { 33, 70 }, { 255, 17 }, { 513, 3 }, { 64, 1100 } };
    for (size_t s = 0; s < ARRAY_SIZE(shapes); s++) {
        bool ok = true;
        char what[128];
        for (int block = INT4_BLOCK_MIN; block <= INT4_BLOCK_MAX; block *= 2)
            for (int form = 0; form < 4; form++)
                ok = ok && is_slow(shapes[s][0], shapes[s][1], block, form & 1, form >> 1);
        snprintf(what, sizeof(what), "%lld x %lld, every block, either way round: the formulas",
                 (long long)shapes[s][0], (long long)shapes[s][1]);
        OK(ok, what);
    }
    OK(is_slow(INT4_ROOM / 4 + 77, 3, 16, false, true),
       "eight outputs too long for the room: one by one");
    OK(is_slow(2 * INT4_ROOM + 77, 1, 32, false, false),
       "an output too long for the room: in parts");
}

/* ---- the kernels ---- */

static void kernels_agree(void)
{
    struct made a, b;
    bool ok = true;
    for (int form = 0; form < 4; form++) {
        make(&a, kernel_scalar(), 301, 43, 32, form & 1, form >> 1);
        make(&b, kernel_best(), 301, 43, 32, form & 1, form >> 1);
        ok = ok && !memcmp(a.q, b.q, (size_t)(a.l.n * a.l.value_bytes)) &&
             !memcmp(a.scales, b.scales, (size_t)(a.l.n * a.l.blocks) * sizeof(float)) &&
             !memcmp(a.zeros, b.zeros, (size_t)(a.l.n * a.l.zero_bytes)) &&
             !memcmp(&a.error, &b.error, sizeof(a.error)) && a.counts.clipped == b.counts.clipped;
        made_done(&a);
        made_done(&b);
    }
    OK(ok, "the scalar and the best kernel give the same bytes, sums and counts");
}

int main(void)
{
    bytes_are_the_peers();
    shapes_agree_with_the_formulas();
    kernels_agree();
    return tap_done();
}
