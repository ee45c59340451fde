/* SPDX-License-Identifier: MIT */
/* The whole way through the public interface, on a real file and on made ones. */
#include <math.h>

#include "base/json.h"
#include "engine/chain.h"

#define HALF "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0.5}]}"
#define BOTH                                                                                       \
    "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0.5}, {\"step\": "         \
    "\"quantize\", \"scheme\": \"int8\"}]}"

static bool same_file(const char *a, const char *b)
{
    struct buf x, y;
    buf_init(&x, MAKER_MAX);
    buf_init(&y, MAKER_MAX);
    bool same = file_read(a, &x, &err) && file_read(b, &y, &err) && x.length == y.length &&
                !memcmp(x.data, y.data, x.length);
    buf_done(&x);
    buf_done(&y);
    return same;
}

static const char *reason_of(const struct pare_plan *plan, const char *name)
{
    for (size_t i = 0; i < pare_plan_entry_count(plan); i++)
        if (!strcmp(pare_plan_entry(plan, i)->name, name))
            return pare_plan_entry(plan, i)->reason;
    return "no entry";
}

/* ---- a real model ---- */

static void a_real_model_shrinks(void)
{
    struct chain c;
    bool ok = chain_run(&c, mnist(), INT8, "int8.onnx");
    OK(ok, "mnist-8 becomes int8");
    if (!ok)
        printf("# %s\n", err.text);
    OK(ok && size_of(path_of("int8.onnx")) == pare_plan_after_bytes(c.plan),
       "the file has the planned size");
    OK(ok && pare_report_after_bytes(c.report) == pare_plan_after_bytes(c.plan) &&
           pare_plan_after_bytes(c.plan) * 2 < pare_plan_before_bytes(c.plan),
       "which is less than half");
    const struct pare_report_entry *e = entry_of(c.report, "Parameter87");
    OK(e && e->measured && e->sqnr_db > 38 && e->clipped_count == 0 && e->after_bytes == 3264,
       "a Conv's weight of 3200 elements takes 3200 bytes and 16 scales, at 38 dB or more");
    e = entry_of(c.report, "Parameter6");
    OK(e && !e->measured && !*e->action && *e->reason, "a bias stays, with a reason");
    OK(strstr(pare_report_json(c.report), "\"source_sha256\": \"2f06e72de813a8635c9bc0397ac447a6"),
       "the report knows the source's digest");
    chain_done(&c);
    ok = chain_run(&c, mnist(), INT8, "again.onnx");
    OK(ok && same_file(path_of("int8.onnx"), path_of("again.onnx")),
       "the same input gives the same bytes");
    chain_done(&c);
}

static void pruning_is_exact_in_the_file(void)
{
    struct chain c;
    struct pare_model *after = NULL;
    struct pare_stats stats = { 0 };
    bool ok = chain_run(&c, mnist(), HALF, "half.onnx") &&
              pare_model_open(path_of("half.onnx"), &after, &err) &&
              pare_model_stats(after, (size_t)pare_model_find(after, "Parameter87"), &stats, &err);
    OK(ok && stats.zero_count == 1600, "half of 3200 elements are zero in the file");
    const struct pare_report_entry *e = entry_of(c.report, "Parameter87");
    OK(e && e->zero_share == 0.5 && e->before_bytes == e->after_bytes, "the report says so too");
    struct pare_report *diff = NULL;
    ok = ok && pare_diff(c.model, after, NULL, NULL, &diff, &err);
    const struct pare_report_entry *d = entry_of(diff, "Parameter87");
    OK(d && fabs(d->sqnr_db - e->sqnr_db) < 1e-9 && d->max_error == e->max_error,
       "comparing the two files measures the same error");
    d = entry_of(diff, "Parameter6");
    OK(d && d->measured && isinf(d->sqnr_db) && d->max_error == 0, "what was left is equal");
    pare_report_free(diff);
    pare_model_close(after);
    chain_done(&c);
}

static void steps_compose(void)
{
    struct chain c;
    struct pare_model *after = NULL;
    struct pare_report *diff = NULL;
    bool ok = chain_run(&c, mnist(), BOTH, "both.onnx") &&
              pare_model_open(path_of("both.onnx"), &after, &err) &&
              pare_diff(c.model, after, NULL, NULL, &diff, &err);
    const struct pare_report_entry *e = entry_of(c.report, "Parameter193");
    const struct pare_report_entry *d = entry_of(diff, "Parameter193");
    OK(ok && e && !strcmp(e->action, "prune l1 0.5, int8 per channel, weight-only"),
       "prune and int8 in one pass");
    OK(ok && d && fabs(d->sqnr_db - e->sqnr_db) < 1e-6 && d->max_error == e->max_error &&
           d->zero_share == e->zero_share && e->zero_share >= 0.5,
       "the reported error is that between the files, from the first values to the last");
    pare_report_free(diff);
    pare_model_close(after);
    chain_done(&c);
}

/* What feeds what afterwards shows which form was written. */
static void forms_are_as_planned(void)
{
    struct chain c;
    struct pare_model *after = NULL;
    struct maker m;
    maker_init(&m);
    const int64_t dims[2] = { 32, 32 }, kernel[4] = { 16, 8, 3, 3 };
    maker_weight(&m, "A", 2, dims, 1);
    maker_weight(&m, "K", 4, kernel, 2);
    maker_node(&m, "MatMul", "first", "x", "A", "h");
    maker_node(&m, "Conv", "second", "h", "K", "y");
    save("forms.onnx", &m);
    bool ok = chain_run(&c, path_of("forms.onnx"), INT8, "forms8.onnx") &&
              pare_model_open(path_of("forms8.onnx"), &after, &err);
    const struct pare_tensor *a =
        ok ? pare_model_tensor(after, (size_t)pare_model_find(after, "A_quantized")) : NULL;
    const struct pare_tensor *k =
        ok ? pare_model_tensor(after, (size_t)pare_model_find(after, "K_quantized")) : NULL;
    const struct pare_tensor *s =
        ok ? pare_model_tensor(after, (size_t)pare_model_find(after, "K_scale")) : NULL;
    OK(a && a->dtype == PARE_I8 && !strcmp(a->op, "MatMulInteger") && !strcmp(a->node, "first"),
       "a MatMul becomes an integer product of the same name");
    OK(k && k->dtype == PARE_I8 && !strcmp(k->op, "Conv") && !strcmp(k->node, "second"),
       "a Conv keeps its place behind Cast and Mul");
    OK(s && s->rank == 4 && s->dims[0] == 16 && s->element_count == 16,
       "its scales have the shape that broadcasts");
    OK(ok && pare_model_find(after, "A") < 0 && pare_model_find(after, "K") < 0,
       "the float weights are gone");
    pare_model_close(after);
    chain_done(&c);
}

/* ---- made models ---- */

static const int64_t square[2] = { 32, 32 };

static void make_two(struct maker *m)
{
    maker_init(m);
    maker_weight(m, "A", 2, square, 1);
    maker_weight(m, "B", 2, square, 2);
    maker_node(m, "MatMul", "first", "x", "A", "h");
    maker_node(m, "MatMul", "second", "h", "B", "y");
}

static void globs_and_skips_have_reasons(void)
{
    struct maker m;
    struct chain c;
    make_two(&m);
    save("two.onnx", &m);
    bool ok = chain_plan(&c, path_of("two.onnx"),
                         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", "
                         "\"exclude\": [\"sec*\"]}]}",
                         "o.onnx");
    OK(ok && pare_plan_changed_count(c.plan) == 1, "an excluded node's weight stays");
    IS(ok ? reason_of(c.plan, "B") : "", "excluded by \"sec*\"", "and says why");
    chain_done(&c);
    ok = chain_plan(&c, path_of("two.onnx"),
                    "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", "
                    "\"exclude\": [\"thrid\"]}]}",
                    "o.onnx");
    OK(!ok && err.code == PARE_ERR_USAGE, "a pattern that matches nothing is an error");
    IS(err.text,
       "\"thrid\" matches no tensor and no node of the model; look at --exclude and --tensor, or "
       "in a recipe at \"exclude\" of step 1",
       "which names it");
    chain_done(&c);
}

static void what_is_not_finite_is_refused(void)
{
    struct maker m;
    struct chain c;
    static float values[32 * 32];
    for (size_t i = 0; i < 32 * 32; i++)
        values[i] = maker_value(3, i);
    values[700] = NAN;
    make_two(&m);
    maker_floats(&m, "C", 2, square, values);
    maker_node(&m, "MatMul", "third", "y", "C", "z");
    values[700] = -INFINITY;
    maker_floats(&m, "E", 2, square, values);
    maker_node(&m, "MatMul", "", "z", "E", "i");
    values[700] = 3e38f;
    maker_floats(&m, "D", 2, square, values);
    maker_node(&m, "MatMul", "fourth", "z", "D", "o");
    save("nan.onnx", &m);
    bool ok = chain_run(&c, path_of("nan.onnx"), INT8, "o.onnx");
    OK(ok && size_of(path_of("o.onnx")) == pare_plan_after_bytes(c.plan),
       "a model with a NaN in one weight is quantized but for that weight, as planned");
    IS(ok ? reason_of(c.plan, "C") : err.text, "it holds infinities or NaNs", "with a reason");
    IS(ok ? reason_of(c.plan, "E") : err.text, "it holds infinities or NaNs", "an infinity too");
    IS(ok ? reason_of(c.plan, "D") : err.text,
       "its values are too large: twice the largest is infinite", "and so without a scale");
    chain_done(&c);
}

static void a_model_of_a_broken_weight_fails(void)
{
    static float values[96 * 96];
    struct maker m;
    struct chain c;
    values[7] = NAN;
    maker_init(&m);
    maker_floats(&m, "C", 2, square, values);
    maker_node(&m, "MatMul", "", "x", "C", "y");
    save("broken.onnx", &m);
    int before = files_in_folder();
    bool ok = chain_run(&c, path_of("broken.onnx"), INT8, "none.onnx");
    OK(!ok && err.code == PARE_ERR_FORMAT,
       "a model whose only weight holds a NaN is bad input, and no recipe to be refused");
    IS(err.text,
       "the recipe changes nothing: the model has 1 tensor of two or more dimensions; C: it holds "
       "infinities or NaNs",
       "with the weight's name");
    OK(files_in_folder() == before, "and leaves no file");
    chain_done(&c);
}

static const struct pare_tensor *tensor_of(const struct pare_model *model, const char *name)
{
    int64_t at = model ? pare_model_find(model, name) : -1;
    return at < 0 ? NULL : pare_model_tensor(model, (size_t)at);
}

static void a_table_is_looked_up(void)
{
    static const int64_t dims[2] = { 600, 64 };
    struct maker m;
    struct chain c;
    struct pare_model *after = NULL;
    maker_init(&m);
    maker_weight(&m, "T", 2, dims, 1);
    maker_node(&m, "Gather", "look", "T", "i", "y");
    save("table.onnx", &m);
    bool ok = chain_run(&c, path_of("table.onnx"), INT8, "rows.onnx");
    const struct pare_report_entry *row = ok ? entry_of(c.report, "T") : NULL;
    IS(row ? row->action : err.text, "int8 per row, looked up", "a large table becomes int8");
    OK(ok && size_of(path_of("rows.onnx")) == pare_plan_after_bytes(c.plan), "as planned");
    OK(row && row->after_bytes == 600 * (64 + 4) && row->sqnr_db > 40, "with a scale a row");
    ok = ok && pare_model_open(path_of("rows.onnx"), &after, &err);
    const struct pare_tensor *q = tensor_of(after, "T_quantized"), *s = tensor_of(after, "T_scale");
    OK(q && q->dtype == PARE_I8 && !strcmp(q->op, "Gather") && !strcmp(q->node, "look"),
       "rows of 8 bits are taken by the node that took them");
    OK(s && s->rank == 2 && s->dims[0] == 600 && s->dims[1] == 1, "scales are a column");
    pare_model_close(after);
    chain_done(&c);
}

static void nothing_to_do_is_refused(void)
{
    struct maker m;
    struct chain c;
    maker_init(&m);
    maker_weight(&m, "T", 2, square, 1);
    maker_node(&m, "Gather", "", "T", "i", "y");
    save("table.onnx", &m);
    int before = files_in_folder();
    bool ok = chain_run(&c, path_of("table.onnx"), INT8, "none.onnx");
    OK(!ok && err.code == PARE_ERR_REFUSED, "a recipe that changes nothing is refused");
    IS(err.text,
       "the recipe changes nothing: the model has 1 tensor of two or more dimensions; T: int8 "
       "would "
       "save less than 64 KiB, too little for three nodes more a lookup",
       "with the reason");
    OK(files_in_folder() == before, "and leaves no file");
    chain_done(&c);
}

static void small_weights_stay(void)
{
    static const int64_t small[2] = { 4, 8 };
    struct maker m;
    struct chain c;
    make_two(&m);
    maker_weight(&m, "S", 2, small, 1);
    maker_node(&m, "MatMul", "", "y", "S", "z");
    save("small.onnx", &m);
    OK(chain_plan(&c, path_of("small.onnx"), INT8, "o.onnx"), "a model with a small weight plans");
    IS(reason_of(c.plan, "S"), "int8 would save less than its scales and nodes cost",
       "what would not pay stays float");
    chain_done(&c);
}

/* A message whose length grows by a byte moves all that follows. */
static void lengths_are_corrected(void)
{
    bool ok = true;
    for (int64_t rows = 1; rows < 40 && ok; rows++) {
        const int64_t dims[2] = { rows * 16, 16 };
        struct maker m;
        struct chain c;
        struct pare_model *after = NULL;
        maker_init(&m);
        maker_weight(&m, "A", 2, dims, 1);
        maker_node(&m, "MatMul", "n", "x", "A", "y");
        save("grow.onnx", &m);
        ok =
            chain_run(&c, path_of("grow.onnx"), INT8, "grown.onnx") || err.code == PARE_ERR_REFUSED;
        if (c.report)
            ok = ok && pare_model_open(path_of("grown.onnx"), &after, &err) &&
                 pare_model_find(after, "A_quantized") >= 0 &&
                 size_of(path_of("grown.onnx")) == pare_plan_after_bytes(c.plan);
        pare_model_close(after);
        chain_done(&c);
    }
    OK(ok, "graphs of many sizes are written whole and read back");
}

/* More nodes, names and pieces than any first allocation holds. */
static void many_weights_are_fine(void)
{
    struct maker m;
    struct chain c;
    maker_init(&m);
    for (int i = 0; i < 150; i++) {
        char weight[16], x[16], y[16];
        snprintf(weight, sizeof(weight), "W%d", i);
        snprintf(x, sizeof(x), "x%d", i);
        snprintf(y, sizeof(y), "x%d", i + 1);
        maker_weight(&m, weight, 2, square, i);
        maker_node(&m, "MatMul", "", x, weight, y);
    }
    save("many.onnx", &m);
    bool ok = chain_run(&c, path_of("many.onnx"), BOTH, "many8.onnx");
    OK(ok && pare_plan_changed_count(c.plan) == 150 &&
           size_of(path_of("many8.onnx")) == pare_plan_after_bytes(c.plan),
       "150 weights are written as planned");
    struct pare_model *after = NULL;
    OK(ok && pare_model_open(path_of("many8.onnx"), &after, &err) &&
           pare_model_find(after, "W149_quantized") >= 0,
       "and read back");
    enum json_kind kind;
    OK(ok && json_check(pare_plan_json(c.plan), strlen(pare_plan_json(c.plan)), &kind, &err) &&
           json_check(pare_report_json(c.report), strlen(pare_report_json(c.report)), &kind, &err),
       "the plan's and the report's JSON are well-formed");
    pare_model_close(after);
    chain_done(&c);
}

/* The digest may be known, or not wanted. */
static void the_digest_is_optional(void)
{
    static const char hex[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    struct chain c;
    bool ok = chain_plan(&c, mnist(), INT8, "digest.onnx");
    int64_t full = ok ? pare_plan_after_bytes(c.plan) : 0;
    pare_plan_free(c.plan);
    struct pare_plan_options options = { .name = "digest.onnx", .source_sha256 = hex };
    ok = ok && pare_plan_make(c.model, c.recipe, &options, &c.plan, &err) &&
         pare_run(c.plan, path_of("digest.onnx"), NULL, &c.report, &err);
    OK(ok && strstr(pare_report_json(c.report), hex), "a digest that is given is taken");
    pare_report_free(c.report);
    pare_plan_free(c.plan);
    c.report = NULL;
    c.plan = NULL;
    options = (struct pare_plan_options){ .name = "digest.onnx", .no_digest = true };
    ok = ok && pare_plan_make(c.model, c.recipe, &options, &c.plan, &err) &&
         pare_run(c.plan, path_of("digest.onnx"), NULL, &c.report, &err);
    OK(ok && !strstr(pare_report_json(c.report), "sha256") &&
           pare_plan_after_bytes(c.plan) < full &&
           size_of(path_of("digest.onnx")) == pare_plan_after_bytes(c.plan),
       "without one the plan is still exact");
    options.source_sha256 = "short";
    struct pare_plan *plan;
    OK(!pare_plan_make(c.model, c.recipe, &options, &plan, &err) &&
           !strcmp(err.text, "a SHA-256 has 64 hex digits"),
       "half a digest is refused");
    chain_done(&c);
}

static void an_amount_of_nothing_changes_nothing(void)
{
    struct chain c;
    bool ok = chain_plan(&c, mnist(),
                         "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0}]}",
                         "zero.onnx");
    OK(ok && pare_plan_changed_count(c.plan) == 0, "amount 0 changes nothing");
    IS(ok ? reason_of(c.plan, "Parameter87") : err.text, "the amount takes none of its elements",
       "and says so");
    chain_done(&c);
}
int main(void)
{
    folder_begin("transform");
    a_real_model_shrinks();
    pruning_is_exact_in_the_file();
    steps_compose();
    forms_are_as_planned();
    globs_and_skips_have_reasons();
    what_is_not_finite_is_refused();
    a_model_of_a_broken_weight_fails();
    a_table_is_looked_up();
    nothing_to_do_is_refused();
    small_weights_stay();
    lengths_are_corrected();
    many_weights_are_fine();
    the_digest_is_optional();
    an_amount_of_nothing_changes_nothing();
    folder_end();
    return tap_done();
}
