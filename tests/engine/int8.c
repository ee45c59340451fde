/* SPDX-License-Identifier: MIT */
/* Int8 against a slow reading of the formulas, for every layout and any stretch. */
#include "engine/int8.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "kernel/kernel.h"
#include "pare/model.h"
#include "tap.h"

/* The definition, element by element, in another way than the engine's: see engine/int8.h. */
static float slow_scale(const float *x, const int64_t *dims, int rank, int axis, int64_t channel,
                        double steps)
{
    float low = 0, high = 0;
    size_t n = 1, inner = 1;
    for (int i = 0; i < rank; i++)
        n *= (size_t)dims[i];
    for (int i = axis + 1; i < rank; i++)
        inner *= (size_t)dims[i];
    for (size_t i = 0; i < n; i++) {
        if (axis >= 0 && (int64_t)(i / inner) % dims[axis] != channel)
            continue;
        low = fminf(low, x[i]);
        high = fmaxf(high, x[i]);
    }
    float absmax = fmaxf(-low, high), span = absmax + absmax;
    double scale = (double)span / steps;
    return scale < 1.17549435082228750797e-38 ? 1.0f : (float)scale;
}

static int8_t slow_q(float x, float scale)
{
    double quotient = (double)(x / scale), floor_value = floor(quotient);
    double part = quotient - floor_value;
    bool up = part > 0.5 || (part == 0.5 && fmod(floor_value, 2) != 0);
    double q = floor_value + (up ? 1 : 0);
    return (int8_t)(q < -128 ? -128 : q > 127 ? 127 : q);
}

static float value_of(size_t i)
{
    uint32_t bits = (uint32_t)i * 2654435761u;
    float x = ((float)(bits >> 8) / 8388608.0f - 1.0f) * ((bits & 15) ? 1.0f : 30.0f);
    return bits % 11 == 0 ? 0.0f : bits % 13 == 0 ? x * 1e-38f : x;
}

static bool same_as_slow(const int64_t *dims, int rank, int axis, size_t room, bool reduce)
{
    struct pare_tensor shape = { .rank = rank };
    size_t n = 1;
    for (int i = 0; i < rank; i++) {
        shape.dims[i] = dims[i];
        n *= (size_t)dims[i];
    }
    struct int8_layout layout = int8_layout(&shape, axis);
    float *x = malloc(n * sizeof(*x)), *scales = malloc(layout.channels * sizeof(*scales));
    uint32_t *bits = malloc(layout.channels * sizeof(*bits));
    int8_t *q = malloc(n);
    struct kernel_error error = { 0 };
    struct int8_counts counts = { 0 };
    for (size_t i = 0; i < n; i++)
        x[i] = value_of(i);
    int8_scales(kernel_best(), x, layout, reduce, bits, scales);
    for (size_t at = 0, step; at < n; at += step) {
        step = int8_stretch(layout, at, room);
        int8_quantize(kernel_best(), x + at, layout, scales, at, step, q + at, &error, &counts);
    }
    bool ok = counts.clipped == 0;
    double signal = 0, noise = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t channel = (int64_t)(i / layout.inner % layout.channels);
        float want = slow_scale(x, dims, rank, axis, channel, reduce ? 128 : 254);
        ok = ok && scales[channel] == want && q[i] == slow_q(x[i], want);
        double d = (double)x[i] - (double)((float)q[i] * want);
        signal += (double)x[i] * (double)x[i];
        noise += d * d;
    }
    ok = ok && fabs(error.signal - signal) <= 1e-9 * signal &&
         fabs(error.noise - noise) <= 1e-9 * noise;
    free(x);
    free(scales);
    free(bits);
    free(q);
    return ok;
}

static void layouts_agree_with_the_formulas(void)
{
    static const int64_t shapes[][4] = { { 7, 9, 0, 0 },  { 1, 33, 0, 0 }, { 33, 1, 0, 0 },
                                         { 4, 3, 5, 2 },  { 6, 1, 3, 3 },  { 2, 8, 16, 1 },
                                         { 40, 50, 0, 0 } };
    static const int ranks[] = { 2, 2, 2, 4, 4, 4, 2 };
    for (size_t s = 0; s < ARRAY_SIZE(shapes); s++) {
        bool ok = true;
        char what[128];
        for (int axis = -1; axis < ranks[s]; axis++)
            for (size_t room = 1; room < 300; room = room * 2 + 1)
                ok = ok && same_as_slow(shapes[s], ranks[s], axis, room, room % 4 == 3);
        snprintf(what, sizeof(what), "shape %zu: every axis, any stretch: bytes of the formulas",
                 s);
        OK(ok, what);
    }
}

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static void corners_of_the_scale(void)
{
    OK(int8_scale(0, false) == 1.0f, "all zeros have the scale 1");
    OK(int8_scale(bits_of(FLT_TRUE_MIN), false) == 1.0f,
       "and so has what would have a denormal one");
    OK(int8_scale(bits_of(1.0f), false) == (float)(2.0 / 254), "1 has 2/254");
    OK(int8_scale(bits_of(1.0f), true) == (float)(2.0 / 128), "in reduced range 2/128");
    OK(int8_fits(bits_of(FLT_MAX / 2)) && !int8_fits(bits_of(FLT_MAX)) &&
           !int8_fits(KERNEL_INFINITY),
       "twice the largest must be finite");
}

static void sums_do_not_depend_on_the_kernel(void)
{
    struct pare_tensor shape = { .rank = 2, .dims = { 123, 457 } };
    struct int8_layout layout = int8_layout(&shape, 1);
    size_t n = 123 * 457;
    static float x[123 * 457], scales[457];
    static uint32_t bits[457];
    static int8_t q[2][123 * 457];
    struct kernel_error error[2] = { { 0 } };
    struct int8_counts counts = { 0 };
    const struct kernel *kernels[2] = { kernel_scalar(), kernel_best() };
    for (size_t i = 0; i < n; i++)
        x[i] = value_of(i);
    for (int k = 0; k < 2; k++) {
        int8_scales(kernels[k], x, layout, false, bits, scales);
        for (size_t at = 0, step; at < n; at += step) {
            step = int8_stretch(layout, at, 1000);
            int8_quantize(kernels[k], x + at, layout, scales, at, step, q[k] + at, &error[k],
                          &counts);
        }
    }
    OK(!memcmp(q[0], q[1], n), "the scalar and the best kernel give the same bytes");
    OK(!memcmp(&error[0].noise, &error[1].noise, 8) &&
           !memcmp(&error[0].signal, &error[1].signal, 8),
       "and the same sums to the last bit");
}

int main(void)
{
    layouts_agree_with_the_formulas();
    corners_of_the_scale();
    sums_do_not_depend_on_the_kernel();
    return tap_done();
}
