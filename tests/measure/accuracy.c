/* SPDX-License-Identifier: MIT */
/* The figures are those that numpy gets in tests/data/make_models.py. */
#include "measure/accuracy.h"

#include <math.h>

#include "measure/dataset.h"
#include "measure/watch.h"
#include "runtime/fixture.h"
#include "runtime/session.h"
#include "tap.h"

static struct pare_error err;
static struct runtime *runtime;

/* Measure the model, and against the parent unless NULL, on the data. */
static bool measure(const char *model, const char *parent, const char *data,
                    const struct accuracy_options *options, struct watch *watch,
                    struct accuracy *ret)
{
    struct session *own = NULL, *before = NULL;
    struct dataset dataset = { 0 };
    bool ok = dataset_open(data_path(data), &dataset, &err) &&
              session_open(runtime, data_path(model), 1, &own, &err) &&
              (!parent || session_open(runtime, data_path(parent), 1, &before, &err)) &&
              accuracy_measure(own, before, &dataset, options, watch, ret, &err);
    session_close(own);
    session_close(before);
    dataset_close(&dataset);
    return ok;
}

static bool near(double got, double want, double slack)
{
    if (fabs(got - want) <= slack)
        return true;
    printf("# got %.9g, want %.9g\n", got, want);
    return false;
}

static bool is_as_numpy_says(const struct accuracy *a)
{
    return a->rows == 60 && a->has_labels && a->has_parent && a->has_class && a->right == 39 &&
           a->parent_right == 42 && a->broken == 5 && a->fixed == 2 && a->agreed == 53 &&
           near(a->accuracy, 39.0 / 60, 1e-12) && near(a->agreement, 53.0 / 60, 1e-12) &&
           near(a->change, -3.0 / 60, 1e-12) && near(a->sqnr_db, 9.732157, 1e-4) &&
           near(a->max_abs, 8.746683, 1e-4) && a->not_finite == 0;
}

static void test_figures(void)
{
    static const char *const words[] = { "ant", "bee", "c\xc3\xa4t" };
    struct accuracy a;
    struct accuracy_options one = { .batch = 1 }, many = { .batch = 16 },
                            named = { .batch = 7, .classes = words, .class_count = 3 };
    OK(measure("linear_cut.onnx", "linear.onnx", "points.npz", &one, NULL, &a) &&
           is_as_numpy_says(&a),
       "every figure is numpy's");
    OK(a.change_interval.low < a.change && a.change_interval.high > a.change &&
           a.change_interval.low > -0.2 && a.change_interval.high < 0.1,
       "the change lies in its interval");
    OK(measure("linear_cut.onnx", "linear.onnx", "points.npz", &many, NULL, &a) && a.batch == 16 &&
           is_as_numpy_says(&a),
       "in batches of 16, which 60 rows do not fill, too");
    OK(measure("linear_cut.onnx", "linear.onnx", "words.npz", &named, NULL, &a) &&
           is_as_numpy_says(&a),
       "with text labels and the classes' names too");
    OK(measure("linear_cut.onnx", "linear.onnx", "points.csv", &one, NULL, &a) &&
           is_as_numpy_says(&a),
       "from a .csv too");
    OK(measure("batch2.onnx", NULL, "points.npz", &one, NULL, &a) && a.batch == 2 &&
           a.right == 42 && !a.has_parent,
       "with a fixed batch and without a parent");
    OK(measure("class.onnx", "class.onnx", "points.npz", &one, NULL, &a) && a.right == 42 &&
           a.agreed == 60 && a.has_class,
       "an integer output is the class itself");
}

static void test_equal(void)
{
    struct accuracy a;
    struct accuracy_options options = { .batch = 4 };
    OK(measure("linear.onnx", "linear.onnx", "points.npz", &options, NULL, &a) && a.broken == 0 &&
           a.fixed == 0 && a.agreement == 1 && a.max_abs == 0 && isinf(a.sqnr_db) && a.sqnr_db > 0,
       "a model against itself is equal");
    OK(measure("two.onnx", "two.onnx", "two.npz", &options, NULL, &a) && !a.has_labels &&
           a.rows == 4 && a.agreement == 1,
       "without labels there is still agreement");
    options.batch = 1;
    OK(measure("whole.onnx", "whole.onnx", "whole.npz", &options, NULL, &a) && !a.has_class &&
           a.max_abs == 0,
       "an output without classes is compared by its values only");
}

static bool refused(const char *model, const char *parent, const char *data,
                    const struct accuracy_options *options, const char *sentence)
{
    struct accuracy a;
    if (!measure(model, parent, data, options, NULL, &a))
        return error_says(&err, sentence);
    printf("# it was measured\n");
    return false;
}

static void test_refusals(void)
{
    static const char *const words[] = { "ant", "bee" };
    struct accuracy_options plain = { .batch = 1 }, other = { .batch = 1, .output = "logits" },
                            named = { .batch = 1, .classes = words, .class_count = 2 };
    OK(refused("linear.onnx", NULL, "words.npz", &plain, "the names of the model's classes"),
       "text labels without the classes' names");
    OK(refused("linear.onnx", NULL, "words.npz", &named,
               "row 1: the label \"c\xc3\xa4t\" is none of the model's 2 classes"),
       "a label that is no class, with its row");
    OK(refused("binary.onnx", NULL, "points.npz", &plain,
               "row 1: the label 2 is no class of the output scores, which has 0 to 1"),
       "a number that is no class, with its row");
    OK(refused("linear.onnx", NULL, "points.npz", &other,
               "no output of numbers called logits; its first is scores"),
       "an output that is not there");
    OK(refused("linear.onnx", "binary.onnx", "points.npz", &plain,
               "the output scores is float32 [1, 3], the parent's is float32 [1, 2]"),
       "a parent with other classes");
    OK(refused("linear.onnx", "batch2.onnx", "points.npz", &plain,
               "the model wants 1 rows at once, its parent 2"),
       "a parent with another batch");
}

struct seen {
    int calls, stop_at;
};

static bool report(void *data, const char *what, double done_fraction)
{
    struct seen *seen = data;
    seen->calls++;
    return !(what && done_fraction >= 0 && seen->calls >= seen->stop_at);
}

static void test_stop(void)
{
    struct seen seen = { .stop_at = 1 };
    struct watch watch = { .report = report, .data = &seen };
    struct accuracy a;
    struct accuracy_options options = { .batch = 1 };
    OK(!measure("linear.onnx", NULL, "points.npz", &options, &watch, &a) &&
           err.code == PARE_ERR_INTERRUPTED && seen.calls == 1,
       "a stop asked for is obeyed");
}

int main(void)
{
    runtime = runtime_or_skip();
    test_figures();
    test_equal();
    test_refusals();
    test_stop();
    runtime_close(runtime);
    return tap_done();
}
