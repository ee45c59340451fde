/* SPDX-License-Identifier: MIT */
/* int4 through the public interface: what the file then holds, what stays and why. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "format/maker.h"
#include "pare.h"
#include "tap.h"

#define ZERO_POINTS                                                                                \
    "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int4\", \"block\": 16, "                  \
    "\"symmetric\": false}]}"
#define SYMMETRIC "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int4\"}]}"

enum { K = 67, N = 33, BLOCKS = 5 };

static char folder[256], in_path[512], out_path[512];
static struct pare_error err;

struct chain {
    struct pare_model *model, *after;
    struct pare_recipe *recipe;
    struct pare_plan *plan;
    struct pare_report *report;
};

static bool chain_run(struct chain *c, const char *recipe)
{
    struct pare_plan_options options = { .name = "out.onnx" };
    *c = (struct chain){ 0 };
    bool ok = pare_model_open(in_path, &c->model, &err) &&
              pare_recipe_parse(recipe, strlen(recipe), &c->recipe, &err) &&
              pare_plan_make(c->model, c->recipe, &options, &c->plan, &err) &&
              pare_run(c->plan, out_path, NULL, &c->report, &err) &&
              pare_model_open(out_path, &c->after, &err);
    if (!ok)
        printf("# %s\n", err.text);
    return ok;
}

static void chain_done(struct chain *c)
{
    pare_report_free(c->report);
    pare_plan_free(c->plan);
    pare_recipe_free(c->recipe);
    pare_model_close(c->model);
    pare_model_close(c->after);
}

static void put_entry_text(struct buf *text, const struct pare_plan_entry *e)
{
    buf_printf(text, "%s: %s%s %lld -> %lld; ", e->name, e->action, e->reason,
               (long long)e->before_bytes, (long long)e->after_bytes);
}

/* The plan in a line. */
static const char *planned(const struct chain *c)
{
    static char text[1024];
    struct buf words;
    buf_init(&words, sizeof(text));
    for (size_t i = 0; c->plan && i < pare_plan_entry_count(c->plan); i++)
        put_entry_text(&words, pare_plan_entry(c->plan, i));
    snprintf(text, sizeof(text), "%s", buf_string(&words));
    buf_done(&words);
    return text;
}

static void write_model(struct maker *m)
{
    struct buf file;
    struct file_out out;
    maker_finish(m, &file);
    if (!file_out_open(&out, in_path, &err) ||
        !file_out_write(&out, file.data, file.length, &err) || !file_out_commit(&out, &err))
        abort();
    file_out_done(&out);
    buf_done(&file);
}

/* A weight for each side of a product, one for a convolution, one too small. */
static void make_model(void)
{
    static const int64_t right[2] = { K, N }, left[2] = { 64, 64 }, kernel[4] = { 16, 8, 3, 3 };
    static const int64_t small[2] = { 8, 8 };
    struct maker m;
    maker_init(&m);
    maker_weight(&m, "R", 2, right, 1);
    maker_weight(&m, "L", 2, left, 2);
    maker_weight(&m, "C", 4, kernel, 3);
    maker_weight(&m, "S", 2, small, 4);
    maker_node(&m, "MatMul", "one", "x", "R", "a");
    maker_node(&m, "MatMul", "two", "L", "a", "b");
    maker_node(&m, "Conv", "three", "b", "C", "c");
    maker_node(&m, "MatMul", "four", "c", "S", "y");
    write_model(&m);
}

static const struct pare_tensor *tensor_of(const struct pare_model *model, const char *name)
{
    int64_t at = pare_model_find(model, name);
    return at < 0 ? NULL : pare_model_tensor(model, (size_t)at);
}

static bool has_shape(const struct pare_tensor *t, enum pare_dtype dtype, int rank, int64_t a,
                      int64_t b, int64_t c)
{
    return t && t->dtype == dtype && t->rank == rank && t->dims[0] == a && t->dims[1] == b &&
           (rank < 3 || t->dims[2] == c) && !strcmp(t->op, "MatMulNBits") &&
           !strcmp(t->node, "one_Q4");
}

static int imports(const struct pare_model *model)
{
    int count = 0;
    for (size_t i = 0; i < pare_model_fact_count(model); i++)
        count += !strcmp(pare_model_fact(model, i)->value, "com.microsoft 1");
    return count;
}

static void weights_become_blocks(void)
{
    struct chain c;
    struct stat st = { 0 };
    bool ok = chain_run(&c, ZERO_POINTS);
    IS(planned(&c),
       "R: int4 in blocks of 16, with zero points 8844 -> 2079; "
       "L: 4-bit blocks are for weights on the right of a MatMul or Gemm and of no other use "
       "16384 -> 16384; "
       "C: 4-bit blocks are for weights of two dimensions 4608 -> 4608; "
       "S: int4 would save less than its scales and nodes cost 256 -> 256; ",
       "each tensor has its form or its reason");
    OK(ok && has_shape(tensor_of(c.after, "R_Q4"), PARE_U8, 3, N, BLOCKS, 8) &&
           has_shape(tensor_of(c.after, "R_scales"), PARE_F32, 2, N, BLOCKS, 0) &&
           has_shape(tensor_of(c.after, "R_zero_points"), PARE_U8, 2, N, (BLOCKS + 1) / 2, 0),
       "values, scales and zero points in blocks, output by output");
    OK(ok && !tensor_of(c.after, "R") && imports(c.after) == 1, "the domain is imported");
    OK(ok && !stat(out_path, &st) && st.st_size == pare_plan_after_bytes(c.plan),
       "the size is that of the plan");
    const struct pare_report_entry *e = ok ? pare_report_entry(c.report, 0) : NULL;
    OK(e && e->measured && e->sqnr_db > 20 && e->sqnr_db < 30 && e->max_error > 0 &&
           e->max_error < 0.2 && e->clipped_count == 0,
       "what it cost is in the report");
    chain_done(&c);
}

static void symmetric_has_no_zero_points(void)
{
    struct chain c;
    bool ok = chain_run(&c, SYMMETRIC);
    OK(ok && has_shape(tensor_of(c.after, "R_Q4"), PARE_U8, 3, N, 3, 16) &&
           !tensor_of(c.after, "R_zero_points"),
       "blocks of 32, and no zero points");
    chain_done(&c);
}

/* More terms than an int32 holds of 8-bit products: nothing to a product of 4-bit blocks. */
static void many_inputs_are_no_matter(void)
{
    static const char *const steps[] = { SYMMETRIC, ZERO_POINTS,
                                         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": "
                                         "\"int4\", \"form\": \"qdq\"}]}",
                                         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": "
                                         "\"int8\"}]}" };
    static const char *const wants[] = {
        "W: int4 in blocks of 32, symmetric 791280 -> 123660; ",
        "W: int4 in blocks of 16, with zero points 791280 -> 154575; ",
        "W: int4 in blocks of 32, symmetric, for DequantizeLinear 791280 -> 123642; ",
        "W: int8 per channel, weight-only 791280 -> 197832; ",
    };
    static const int64_t dims[2] = { 65940, 3 };
    struct maker m;
    maker_init(&m);
    maker_weight(&m, "W", 2, dims, 1);
    maker_node(&m, "MatMul", "product", "x", "W", "y");
    write_model(&m);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        struct chain c;
        (void)chain_run(&c, steps[i]);
        IS(planned(&c), wants[i], "a product of 65 940 terms");
        chain_done(&c);
    }
}

static void same_bytes_again(void)
{
    struct chain c;
    struct buf first, second;
    buf_init(&first, MAKER_MAX);
    buf_init(&second, MAKER_MAX);
    bool ok = chain_run(&c, ZERO_POINTS) && file_read(out_path, &first, &err);
    chain_done(&c);
    ok = ok && chain_run(&c, ZERO_POINTS) && file_read(out_path, &second, &err);
    chain_done(&c);
    OK(ok && first.length == second.length && !memcmp(first.data, second.data, first.length),
       "the same input gives the same bytes");
    buf_done(&first);
    buf_done(&second);
}

int main(void)
{
    snprintf(folder, sizeof(folder), "%s/pare-int4-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder))
        return 99;
    snprintf(in_path, sizeof(in_path), "%s/in.onnx", folder);
    snprintf(out_path, sizeof(out_path), "%s/out.onnx", folder);
    make_model();
    weights_become_blocks();
    symmetric_has_no_zero_points();
    same_bytes_again();
    many_inputs_are_no_matter();
    unlink(in_path);
    unlink(out_path);
    rmdir(folder);
    return tap_done();
}
