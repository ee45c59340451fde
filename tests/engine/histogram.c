/* SPDX-License-Identifier: MIT */
/* A tensor's values counted: known ones by hand, many against a sorted copy. */
#include "engine/histogram.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/meter.h"
#include "format/maker.h"
#include "format/source.h"
#include "tap.h"

enum { MANY = 200001 }; /* more than a step, and odd */

static struct pare_error err;
static struct histogram h;

static void add_bytes(struct maker *m, const char *name, int type, int64_t count, const void *bytes,
                      size_t length)
{
    struct build_tensor tensor = { name, type, 1, &count };
    build_initializer(&m->graph, &tensor, (int64_t)length);
    buf_add(&m->graph, bytes, length);
}

static struct pare_model *open_made(struct maker *m, struct buf *file)
{
    struct source *source;
    struct pare_model *model;
    maker_finish(m, file);
    if (!source_open_memory("m", file->data, file->length, &source, &err) ||
        !engine_open(source, &model, &err)) {
        printf("# %s\n", err.text);
        abort();
    }
    return model;
}

/* The histogram of one tensor of so many elements of an ONNX type. */
static bool of(int type, int64_t count, const void *bytes, size_t length, int64_t *ret_zeros)
{
    struct maker m;
    struct buf file;
    struct meter meter = { .total_bytes = (int64_t)length };
    maker_init(&m);
    add_bytes(&m, "T", type, count, bytes, length);
    struct pare_model *model = open_made(&m, &file);
    bool ok = histogram_make(model, 0, NULL, NULL, &h, &err) &&
              histogram_zeros(model, 0, &meter, ret_zeros, &err);
    pare_model_close(model);
    buf_done(&file);
    return ok;
}

static int64_t sum_of_bins(void)
{
    int64_t sum = 0;
    for (int i = 0; i < h.bin_count; i++)
        sum += h.bins[i];
    return sum;
}

static void floats_by_hand(void)
{
    const float values[8] = { -1, -0.0f, 0, 1, 2, 3, NAN, -INFINITY };
    int64_t zeros = 0;
    OK(of(1, 8, values, sizeof(values), &zeros), "eight floats are counted");
    OK(h.element_count == 8 && h.nan_count == 1 && h.infinite_count == 1,
       "what is no number or infinite stands apart");
    OK(h.zero_count == 2 && zeros == 2, "both zeros are zeros");
    OK(h.low == -1 && h.high == 3, "smallest and largest are of the finite ones");
    OK(fabs(h.mean - 5.0 / 6) < 1e-15, "the mean is of the finite ones");
    OK(fabs(h.deviation - sqrt(15.0 / 6 - 25.0 / 36)) < 1e-15, "so is the deviation");
    OK(h.quantiles[0] == -1 && h.quantiles[1] == 0 && h.quantiles[2] == 3,
       "quantiles are values that are there");
    OK(h.bin_count == 64 && h.bin_width == 4.0 / 64 && sum_of_bins() == 6,
       "64 bins hold the finite ones");
    OK(h.bins[0] == 1 && h.bins[16] == 2 && h.bins[32] == 1 && h.bins[63] == 1,
       "each value is in its bin, the largest in the last");
    OK(histogram_edge(&h, 64) == 3 && histogram_edge(&h, 0) == -1, "the edges are the ends");
}

static void odd_floats(void)
{
    const float same[3] = { 2.5f, 2.5f, 2.5f }, none[2] = { NAN, INFINITY };
    const double wide[3] = { -DBL_MAX, 0, DBL_MAX };
    int64_t zeros = 0;
    OK(of(1, 3, same, sizeof(same), &zeros) && h.bin_count == 1 && h.bins[0] == 3 &&
           h.deviation == 0 && h.quantiles[1] == 2.5,
       "equal values are one bin without deviation");
    OK(of(1, 2, none, sizeof(none), &zeros) && isnan(h.low) && isnan(h.quantiles[1]) &&
           h.bin_count == 0,
       "no finite value: no bins and no moments");
    OK(of(1, 0, same, 0, &zeros) && h.element_count == 0 && isnan(h.mean) && zeros == 0,
       "an empty tensor has none either");
    OK(of(11, 3, wide, sizeof(wide), &zeros) && h.low == -DBL_MAX && h.high == DBL_MAX &&
           h.mean == 0 && h.bins[0] == 1 && h.bins[32] == 1 && h.bins[63] == 1,
       "the widest doubles do not overflow the bins");
}

static void integers(void)
{
    const int8_t narrow[6] = { -3, -3, 0, 1, 5, 6 };
    const int64_t far[3] = { -4000000000, 0, 4000000000 };
    const unsigned char nibbles[2] = { 0x8f, 0x07 }; /* -1, -8, 7 */
    int8_t all[256];
    int64_t zeros = 0;
    OK(of(3, 6, narrow, sizeof(narrow), &zeros) && h.is_integer && h.bin_count == 10 &&
           h.bin_width == 1 && h.bins[0] == 2 && h.bins[3] == 1 && h.bins[9] == 1,
       "few integers have a bin each");
    OK(zeros == 1 && h.quantiles[1] == 0, "with their zeros and their median");
    for (int i = 0; i < 256; i++)
        all[i] = (int8_t)(i - 128);
    bool even = of(3, 256, all, sizeof(all), &zeros) && h.bin_count == 64;
    for (int i = 0; i < h.bin_count; i++)
        even = even && h.bins[i] == 4;
    OK(even, "all of int8: bins of four integers, equally full");
    OK(of(7, 3, far, sizeof(far), &zeros) && h.quantiles[0] == -4e9 && h.quantiles[1] == 0 &&
           h.quantiles[2] == 4e9,
       "64-bit integers keep their digits");
    OK(of(22, 3, nibbles, sizeof(nibbles), &zeros) && h.low == -8 && h.high == 7 &&
           h.quantiles[1] == -1,
       "4-bit integers are two a byte, the even one low");
}

static void halves(void)
{
    const uint16_t fp16[4] = { 0x3c00, 0xc000, 0x8000, 0x7c00 }; /* 1, -2, -0, infinite */
    const uint16_t bf16[3] = { 0x3f80, 0xc000, 0x7fc0 };         /* 1, -2, NaN */
    int64_t zeros = 0;
    OK(of(10, 4, fp16, sizeof(fp16), &zeros) && h.low == -2 && h.high == 1 && zeros == 1 &&
           h.infinite_count == 1,
       "float16 is read as the numbers it is");
    OK(of(16, 3, bf16, sizeof(bf16), &zeros) && h.low == -2 && h.high == 1 && h.nan_count == 1,
       "so is bfloat16");
}

static int by_value(const void *a, const void *b)
{
    float left = *(const float *)a, right = *(const float *)b;
    return (left > right) - (left < right);
}

static void many(void)
{
    float *values = malloc(MANY * sizeof(*values));
    double sum = 0;
    int64_t zeros = 0, wanted = 0;
    for (size_t i = 0; i < MANY; i++) {
        values[i] = i % 5 ? maker_value(3, i) : 0;
        sum += (double)values[i];
        wanted += values[i] == 0;
    }
    OK(of(1, MANY, values, MANY * sizeof(*values), &zeros), "many floats are counted");
    qsort(values, MANY, sizeof(*values), by_value);
    OK(h.quantiles[0] == (double)values[200] && h.quantiles[1] == (double)values[100000] &&
           h.quantiles[2] == (double)values[199800],
       "quantiles are those of the sorted values");
    OK(h.low == (double)values[0] && h.high == (double)values[MANY - 1], "and so are the ends");
    OK(zeros == wanted && h.zero_count == wanted, "zeros are counted over the steps' edges");
    OK(sum_of_bins() == MANY && fabs(h.mean - sum / MANY) < 1e-12, "no value is lost");
    free(values);
}

/* uint8 around a zero point, as onnxruntime's tools write it. */
static void zero_points(void)
{
    const unsigned char q[6] = { 128, 128, 0, 129, 255, 7 }, zero[2] = { 128, 7 };
    const float scale[2] = { 0.5f, 1 };
    const int64_t dims[2] = { 3, 2 };
    struct build_tensor tensor = { "W_quantized", 2, 2, dims };
    for (int64_t points = 1; points <= 2; points++) {
        struct maker m;
        struct buf file;
        struct meter meter = { .total_bytes = 6 };
        int64_t zeros = 0;
        maker_init(&m);
        build_initializer(&m.graph, &tensor, 6);
        buf_add(&m.graph, q, 6);
        maker_floats(&m, "W_scale", 1, &points, scale);
        add_bytes(&m, "W_zero_point", 2, points, zero, (size_t)points);
        maker_node(&m, "MatMulInteger", "", "x_quantized", "W_quantized", "y");
        struct pare_model *model = open_made(&m, &file);
        bool ok = histogram_zeros(model, 0, &meter, &zeros, &err) &&
                  histogram_make(model, 0, NULL, NULL, &h, &err);
        OK(ok && h.low == 0 && h.high == 255, "integers are counted as they are stored");
        OK(zeros == 2 && h.zero_count == 2,
           points == 1 ? "their zeros are at the zero point" : "or at their channel's");
        pare_model_close(model);
        buf_done(&file);
    }
}

static bool stop(void *data, const struct pare_progress *progress)
{
    (void)progress;
    return ++*(int *)data < 2;
}

static void refusals(void)
{
    static const char text[] = "abcdefgh";
    int calls = 0;
    float *values = calloc(MANY, sizeof(*values));
    int64_t zeros = 0;
    struct maker m;
    struct buf file;
    OK(!of(14, 1, text, 8, &zeros) && strstr(err.text, "numbers"), "complex numbers are refused");
    maker_init(&m);
    add_bytes(&m, "T", 1, MANY, values, MANY * sizeof(*values));
    struct pare_model *model = open_made(&m, &file);
    OK(!histogram_make(model, 0, stop, &calls, &h, &err) && err.code == PARE_ERR_INTERRUPTED &&
           calls == 2,
       "it can be stopped");
    OK(!histogram_make(model, 1, NULL, NULL, &h, &err) && err.code == PARE_ERR_USAGE,
       "there is no second tensor");
    pare_model_close(model);
    buf_done(&file);
    free(values);
}

int main(void)
{
    floats_by_hand();
    odd_floats();
    integers();
    halves();
    many();
    zero_points();
    refusals();
    return tap_done();
}
