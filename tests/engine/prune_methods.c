/* SPDX-License-Identifier: MIT */
/*
 * The methods of pruning on a checkpoint: masks as torch.nn.utils.prune 2.13 makes them, stored
 * here; what does not fit and what cannot be; and zeros that stay zeros under every scheme.
 */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "engine/engine.h"
#include "format/source.h"
#include "tap.h"

enum { A = 48, B = 64, WIDE = 64 * 64 };

#define STEPS(steps) "{\"steps\": [" steps "]}"
#define PRUNE(method, more) "{\"step\": \"prune\", \"method\": \"" method "\"" more "}"

static struct pare_error err;
static char path[64];

/* All of different magnitude: what torch was given for the masks below. */
static float value(int seed, int i)
{
    float size = (float)((i * 37 + seed * 11) % 101) + 1.0f + (float)seed / 4.0f;
    return (i % 3 == 0 ? -size : size) / 8.0f;
}

static void put_header(struct buf *buf, const char *header)
{
    buf_init(buf, 1 << 20);
    for (int i = 0; i < 8; i++)
        buf_char(buf, (char)(strlen(header) >> 8 * i));
    buf_text(buf, header);
}

static void put_small(struct buf *buf)
{
    float x[A + B];
    for (int i = 0; i < A; i++)
        x[i] = value(0, i);
    for (int i = 0; i < B; i++)
        x[A + i] = value(1, i);
    put_header(buf, "{\"a.weight\":{\"dtype\":\"F32\",\"shape\":[6,8],\"data_offsets\":[0,192]},"
                    "\"b.weight\":{\"dtype\":\"F32\",\"shape\":[4,4,2,2],\"data_offsets\":[192,448]"
                    "}}     ");
    buf_add(buf, x, sizeof(x));
}

/* A tensor of 64 x 64, of ties, of both signs; `odd` takes the place of an element. */
static void put_wide(struct buf *buf, float odd)
{
    static float x[WIDE];
    for (int i = 0; i < WIDE; i++)
        x[i] = (float)(i * 29 % 83 - 41) / 16.0f;
    x[100] = odd;
    put_header(buf, "{\"up.weight\":{\"dtype\":\"F32\",\"shape\":[64,64],\"data_offsets\":[0,16384]"
                    "}}      ");
    buf_add(buf, x, sizeof(x));
}

/* From the file, which it takes, to what the recipe makes of it; the caller frees both. */
static struct pare_model *transform(struct buf *file, const char *text, int threads,
                                    struct pare_report **ret_report)
{
    struct source *source;
    struct pare_recipe *recipe = NULL;
    struct pare_model *model = NULL, *after = NULL;
    struct pare_plan *plan = NULL;
    const struct pare_plan_options options = { .no_digest = true, .threads = threads };
    *ret_report = NULL;
    err.text[0] = '\0';
    bool ok =
        pare_recipe_parse(text, strlen(text), &recipe, &err) &&
        source_open_memory("m.safetensors", file->data, file->length, &source, &err) &&
        engine_open(source, &model, &err) && pare_plan_make(model, recipe, &options, &plan, &err) &&
        pare_run(plan, path, &(struct pare_run_options){ .no_sync = true, .threads = threads },
                 ret_report, &err) &&
        pare_model_open(path, &after, &err);
    pare_plan_free(plan);
    pare_model_close(model);
    pare_recipe_free(recipe);
    buf_done(file);
    return ok ? after : NULL;
}

static bool read_floats(const struct pare_model *model, const char *name, size_t n, float *ret_x)
{
    int64_t at = pare_model_find(model, name);
    return at >= 0 && pare_model_read(model, (size_t)at, 0, n * sizeof(float), ret_x, &err);
}

/* ---- masks ---- */

/* Bit i: element i has gone; ~0 where an element is neither as it was nor a zero of its sign. */
static uint64_t gone(const struct pare_model *model, const char *name, int seed, size_t n)
{
    float x[B];
    uint64_t bits = 0;
    if (!model || !read_floats(model, name, n, x))
        return UINT64_MAX;
    for (size_t i = 0; i < n; i++) {
        float was = value(seed, (int)i), zero = copysignf(0.0f, was);
        if (!memcmp(&x[i], &zero, sizeof(zero)))
            bits |= (uint64_t)1 << i;
        else if (x[i] != was)
            return UINT64_MAX;
    }
    return bits;
}

static void check_mask(const char *text, uint64_t a, uint64_t b, const char *what)
{
    struct buf file;
    struct pare_report *report;
    put_small(&file);
    struct pare_model *after = transform(&file, text, 1, &report);
    uint64_t is_a = gone(after, "a.weight", 0, A), is_b = gone(after, "b.weight", 1, B);
    OK(is_a == a && is_b == b, what);
    if (is_a != a || is_b != b)
        printf("# %llx %llx %s\n", (unsigned long long)is_a, (unsigned long long)is_b, err.text);
    pare_report_free(report);
    pare_model_close(after);
}

static void masks_are_the_peers(void)
{
    check_mask(STEPS(PRUNE("l1", ", \"amount\": 0.3")), 0x921212424849, 0x909212424a484909,
               "l1 by a share");
    check_mask(STEPS(PRUNE("l1", ", \"count\": 5")), 0x20200400801, 0x2004008080100,
               "l1 by a count");
    check_mask(STEPS(PRUNE("ln", ", \"amount\": 0.5, \"dim\": 0, \"n\": 1")), 0xff000000ffff,
               0xffffffff, "rows by the sum of magnitudes");
    check_mask(STEPS(PRUNE("ln", ", \"amount\": 0.5")), 0xff000000ffff, 0xffffffff,
               "rows by the sum of squares, which is the default");
    check_mask(STEPS(PRUNE("ln", ", \"amount\": 0.5, \"dim\": 1, \"n\": 1")), 0xd2d2d2d2d2d2,
               0xf0f0f0f0f0f0f0f0, "columns by the one norm");
    check_mask(STEPS(PRUNE("ln", ", \"amount\": 0.5, \"dim\": 1, \"n\": 2")), 0x969696969696,
               0xf0f0f0f0f0f0f0f0, "and by the other, which takes others");
    check_mask(STEPS(PRUNE("ln", ", \"amount\": 0.5, \"dim\": -1, \"n\": 2")), 0x969696969696,
               0xaaaaaaaaaaaaaaaa, "-1 is the last dimension");
    check_mask(STEPS(PRUNE("global-l1", ", \"amount\": 0.4")), 0x969292524a4b, 0x949292525a4a4949,
               "one threshold over both, by a share");
    check_mask(STEPS(PRUNE("global-l1", ", \"count\": 30")), 0x921202424849, 0x9012124248484909,
               "and by a count");
    check_mask(STEPS(PRUNE("l1", ", \"amount\": 0.9") ", " PRUNE("l1", ", \"count\": 5")),
               0x20200400801, 0x2004008080100, "of two steps of different kinds the last");
}

/* Of four successive elements along the inputs, which lie `stride` apart. */
static int least_of_four(uint64_t bits, int first, int stride)
{
    int count = 0;
    for (int i = 0; i < 4; i++)
        count += (int)(bits >> (first + i * stride) & 1);
    return count;
}

static void two_of_four_go(void)
{
    struct buf file;
    struct pare_report *report;
    put_small(&file);
    struct pare_model *after = transform(&file, STEPS(PRUNE("2:4", "")), 1, &report);
    uint64_t a = gone(after, "a.weight", 0, A), b = gone(after, "b.weight", 1, B);
    bool two = true, least = true;
    for (int i = 0; i < A; i += 4)
        two = two && least_of_four(a, i, 1) == 2;
    for (int i = 0; i < B; i++)
        two = two && (i % 16 >= 4 || least_of_four(b, i, 4) == 2);
    for (int i = 0; i < A; i++)
        for (int k = i / 4 * 4; k < i / 4 * 4 + 4; k++)
            least =
                least && (!(a >> i & 1) || a >> k & 1 || fabsf(value(0, i)) < fabsf(value(0, k)));
    OK(two, "2:4 takes two of every four, of a Conv along its inputs");
    OK(least, "the least two");
    pare_report_free(report);
    pare_model_close(after);
}

/* ---- ties, lots, threads ---- */

static uint64_t zeros_of(const char *text, int threads, float *ret_x)
{
    struct buf file;
    struct pare_report *report;
    uint64_t zeros = 0;
    put_wide(&file, 9.0f);
    struct pare_model *after = transform(&file, text, threads, &report);
    if (!after || !read_floats(after, "up.weight", WIDE, ret_x))
        printf("# %s\n", err.text);
    for (size_t i = 0; after && i < WIDE; i++)
        zeros += ret_x[i] == 0.0f;
    pare_report_free(report);
    pare_model_close(after);
    return zeros;
}

static void counts_are_exact(void)
{
    static const char *const steps[] = {
        STEPS(PRUNE("l1", ", \"amount\": 0.37")),
        STEPS(PRUNE("global-l1", ", \"amount\": 0.37")),
        STEPS(PRUNE("global-l1", ", \"count\": 1516")),
    };
    static float x[WIDE], y[WIDE];
    uint64_t k = (uint64_t)nearbyint(0.37 * WIDE);
    OK(zeros_of(steps[0], 1, x) == k, "among ties exactly as many go as are asked for");
    for (size_t i = 1; i < ARRAY_SIZE(steps); i++) {
        OK(zeros_of(steps[i], 3, y) == k, "of all tensors together too");
        OK(!memcmp(x, y, sizeof(x)), "and of one tensor the same, ties lowest index first");
    }
}

static void lots_are_seeded(void)
{
    static float x[WIDE], y[WIDE], z[WIDE];
    const char *step = STEPS(PRUNE("random", ", \"count\": 1000, \"seed\": 7"));
    uint64_t before = zeros_of(STEPS(PRUNE("l1", ", \"count\": 1")), 1, x);
    uint64_t zeros = zeros_of(step, 1, x);
    OK(zeros >= 1000 && zeros <= 1000 + before, "a lot takes as many as are asked for");
    OK(zeros_of(step, 4, y) == zeros && !memcmp(x, y, sizeof(x)),
       "one seed takes the same, for any number of threads");
    zeros_of(STEPS(PRUNE("random", ", \"count\": 1000, \"seed\": 8")), 1, z);
    OK(memcmp(x, z, sizeof(x)) != 0, "another seed others");
    zeros_of(STEPS(PRUNE("random", ", \"amount\": 1")), 1, z);
    bool all = true;
    for (size_t i = 0; i < WIDE; i++)
        all = all && z[i] == 0.0f;
    OK(all, "and all of them are all");
}

/* ---- zeros stay zeros ---- */

/* Every element that pruning made 0 is one of those that the report counts after the scheme. */
static void check_scheme(const char *scheme)
{
    struct buf file, text;
    struct pare_report *report;
    double least = 0.5;
    buf_init(&text, 1000);
    buf_printf(&text, STEPS(PRUNE("l1", ", \"amount\": 0.5") ", {\"step\": \"quantize\", %s}"),
               scheme);
    put_wide(&file, 9.0f);
    struct pare_model *after = transform(&file, buf_string(&text), 2, &report);
    const struct pare_report_entry *e = report ? pare_report_entry(report, 0) : NULL;
    OK(after && e && e->measured && e->zero_share >= least && *e->action, scheme);
    if (!after || !e || e->zero_share < least)
        printf("# %s %g\n", err.text, e ? e->zero_share : -1);
    pare_report_free(report);
    pare_model_close(after);
    buf_done(&text);
}

static void zeros_survive(void)
{
    check_scheme("\"scheme\": \"int8\"");
    check_scheme("\"scheme\": \"fp16\"");
    check_scheme("\"scheme\": \"bf16\"");
    check_scheme("\"scheme\": \"nf4\"");
    check_scheme("\"scheme\": \"nf4\", \"double_quant\": false");
    check_scheme("\"scheme\": \"fp4\"");
}

/* ---- what it says ---- */

static void the_report_tells(void)
{
    struct buf file;
    struct pare_report *report;
    put_small(&file);
    struct pare_model *once = transform(&file, STEPS(PRUNE("l1", ", \"amount\": 0.5")), 1, &report);
    const char *json = report ? pare_report_json(report) : "";
    OK(strstr(json, "\"zeros_before\": 0, \"zeros_after\": 56, \"parameters_before\": 112, "
                    "\"parameters_after\": 112, \"predicted_bytes\": "),
       "zeros and parameters, before and after");
    OK(strstr(json, "zeros alone make a model neither smaller nor faster"), "and the truth");
    IS(report ? pare_report_pruned(report) : "",
       "2 tensors of 112 weights: 50.0 % zeros, 0.0 % before; zeros alone make a model neither "
       "smaller nor faster",
       "in words");
    pare_report_free(report);
    struct pare_recipe *recipe = NULL;
    struct pare_plan *plan = NULL;
    const char *text = STEPS(PRUNE("l1", ", \"amount\": 0.25"));
    char again[80];
    snprintf(again, sizeof(again), "%s.again", path);
    bool ok = once && pare_recipe_parse(text, strlen(text), &recipe, &err) &&
              pare_plan_make(once, recipe, NULL, &plan, &err) &&
              pare_run(plan, again, NULL, &report, &err);
    IS(ok ? pare_report_pruned(report) : err.text,
       "2 tensors of 112 weights: 50.0 % zeros, 50.0 % before: they were pruned already, and the "
       "amount is of all weights, zeros among them; zeros alone make a model neither smaller nor "
       "faster",
       "what was pruned already is told, and it goes on");
    unlink(again);
    if (ok)
        pare_report_free(report);
    pare_plan_free(plan);
    pare_recipe_free(recipe);
    pare_model_close(once);
}

static void check_refusal(bool wide, const char *text, const char *sentence)
{
    struct buf file;
    struct pare_report *report;
    if (wide)
        put_wide(&file, NAN);
    else
        put_small(&file);
    struct pare_model *after = transform(&file, text, 1, &report);
    OK(!after && strstr(err.text, sentence), sentence);
    if (after || !strstr(err.text, sentence))
        printf("# %s\n", err.text);
    pare_report_free(report);
    pare_model_close(after);
}

static void what_cannot_be_is_said(void)
{
    check_refusal(false, STEPS(PRUNE("l1", ", \"count\": 49")),
                  "a.weight has 48 elements, and 49 are to go");
    check_refusal(false, STEPS(PRUNE("ln", ", \"count\": 7")),
                  "a.weight has 6 channels, and 7 are to go");
    check_refusal(false, STEPS(PRUNE("global-l1", ", \"count\": 113")),
                  "the tensors of the step have 112 elements, and 113 are to go");
    check_refusal(false, STEPS(PRUNE("ln", ", \"amount\": 0.5, \"dim\": 4")),
                  "it has no dimension of that number, which ln wants");
    check_refusal(true, STEPS(PRUNE("l1", ", \"amount\": 0.5")), "it holds infinities or NaNs");
    check_refusal(true, STEPS(PRUNE("global-l1", ", \"amount\": 0.5")),
                  "it holds infinities or NaNs");
    check_refusal(true, STEPS(PRUNE("random", ", \"amount\": 0.5")), "it holds infinities or NaNs");
}

/* A bias of 8, and a matrix of 6 inputs. */
static void what_does_not_fit_is_left(void)
{
    struct buf file;
    struct pare_report *report;
    float x[12 + 8] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 };
    put_header(&file, "{\"a.weight\":{\"dtype\":\"F32\",\"shape\":[2,6],\"data_offsets\":[0,48]},"
                      "\"norm.weight\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[48,80]}}"
                      "      ");
    buf_add(&file, x, sizeof(x));
    struct pare_model *after = transform(&file, STEPS(PRUNE("2:4", "")), 1, &report);
    OK(!after && strstr(err.text, "the number of its inputs is no multiple of 4, which 2:4 wants"),
       "six inputs are no fours");
    pare_report_free(report);
    pare_model_close(after);
    put_header(&file,
               "{\"norm.weight\":{\"dtype\":\"F32\",\"shape\":[20],\"data_offsets\":[0,80]}}");
    buf_add(&file, x, sizeof(x));
    after = transform(&file, STEPS(PRUNE("ln", ", \"amount\": 0.5")), 1, &report);
    OK(!after && strstr(err.text, "0 tensors of two or more dimensions"),
       "ln has no rows in a vector");
    pare_report_free(report);
    pare_model_close(after);
}

int main(void)
{
    snprintf(path, sizeof(path), "/tmp/pare-methods-%d.safetensors", (int)getpid());
    masks_are_the_peers();
    two_of_four_go();
    counts_are_exact();
    lots_are_seeded();
    zeros_survive();
    the_report_tells();
    what_cannot_be_is_said();
    what_does_not_fit_is_left();
    unlink(path);
    return tap_done();
}
