/* SPDX-License-Identifier: MIT */
/* Datasets held against what models take. */
#include "measure/feed.h"

#include "measure/dataset.h"
#include "runtime/fixture.h"
#include "tap.h"

static struct pare_error err;
static struct runtime *runtime;

/* A model and a dataset as files, joined; feed.inputs NULL when they do not fit. */
struct pair {
    struct session *session;
    struct dataset dataset;
    struct feed feed;
};

static void join(struct pair *pair, const char *model, const char *data)
{
    *pair = (struct pair){ 0 };
    if (!session_open(runtime, data_path(model), 1, &pair->session, &err) ||
        !dataset_open(data_path(data), &pair->dataset, &err)) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    if (!feed_init(&pair->feed, &pair->dataset, pair->session, &err))
        pair->feed = (struct feed){ 0 };
}

static void part(struct pair *pair)
{
    feed_done(&pair->feed);
    dataset_close(&pair->dataset);
    session_close(pair->session);
}

static bool refused(const char *model, const char *data, const char *sentence)
{
    struct pair pair;
    join(&pair, model, data);
    bool said = !pair.feed.inputs && error_says(&err, sentence);
    part(&pair);
    return said;
}

/* Element `at` of the first output for rows [first, first + batch). */
static double output(struct pair *pair, int64_t first, int64_t batch, size_t at)
{
    struct session_tensor inputs[4];
    const struct session_tensor *outputs;
    feed_rows(&pair->feed, first, batch, inputs);
    if (!session_run(pair->session, inputs, &outputs, &err)) {
        printf("# %s\n", err.text);
        return -1e9;
    }
    return (double)((const float *)outputs[0].data)[at];
}

static void test_batches(void)
{
    struct pair two, fixed;
    int64_t batch = 0;
    join(&two, "two.onnx", "two.npz");
    join(&fixed, "batch2.onnx", "points.npz");
    OK(two.feed.inputs && output(&two, 0, 4, 11) == 11, "rows go in as one batch");
    OK(output(&two, 3, 1, 2) == 11 && output(&two, 1, 2, 3) == 6, "or in any stretch of them");
    OK(feed_batch(&two.feed, 3, &batch, &err) && batch == 3, "any batch may be asked for");
    OK(!feed_batch(&two.feed, 5, &batch, &err) &&
           error_says(&err, "5 rows at once, but the dataset has 4"),
       "but not more than there are rows");
    OK(fixed.feed.inputs && feed_batch(&fixed.feed, 1, &batch, &err) && batch == 2,
       "a model with a fixed batch gets that");
    part(&two);
    part(&fixed);
}

static void test_whole(void)
{
    struct pair whole;
    int64_t batch = 0;
    join(&whole, "whole.onnx", "whole.npz");
    OK(whole.feed.inputs && feed_batch(&whole.feed, 8, &batch, &err) && batch == 1,
       "an array with an axis more holds a whole input a row");
    OK(output(&whole, 0, 1, 7) == 7 && output(&whole, 2, 1, 7) == 2300, "row by row");
    part(&whole);
    join(&whole, "linear.onnx", "whole.npz");
    OK(feed_batch(&whole.feed, 8, &batch, &err) && batch == 1, "even where the first is open");
    part(&whole);
}

static void test_csv(void)
{
    struct pair csv, npz;
    join(&csv, "linear.onnx", "points.csv");
    join(&npz, "linear.onnx", "points.npz");
    OK(csv.feed.inputs && output(&csv, 10, 5, 14) == output(&npz, 10, 5, 14),
       "a .csv feeds the one input, whatever its name");
    part(&csv);
    part(&npz);
    struct dataset bare = { 0 };
    char path[] = "/tmp/pare-feed-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    fputs("1,2,3,4,0\n5,6,7,8,2\n", file);
    fclose(file);
    struct session *session = NULL;
    struct feed feed = { 0 };
    bool fits = dataset_open(path, &bare, &err) &&
                session_open(runtime, data_path("linear.onnx"), 1, &session, &err) &&
                feed_init(&feed, &bare, session, &err);
    OK(fits && bare.labels && bare.labels[1] == 2 && bare.arrays[0].dims[1] == 4 &&
           ((const float *)bare.arrays[0].data)[4] == 5,
       "a column more than the model wants, without a header, is the label");
    remove(path);
    feed_done(&feed);
    dataset_close(&bare);
    session_close(session);
}

static void test_refusals(void)
{
    OK(refused("two.onnx", "points.npz",
               "no array for the model's input ids, int64 [?, ?]; it has x float32 [60, 4]"),
       "a missing array: what is wanted and what is there");
    OK(refused("chain8.onnx", "points.npz",
               "array x float32 [60, 4] does not fit the model's input x, float32 [?, 384]"),
       "a wrong shape: both shapes");
    OK(refused("linear.onnx", "chain.npz", "x float32 [8, 384]"), "too long an axis");
    OK(refused("two.onnx", "points.csv", "a .csv feeds a model with one input, this one has 2"),
       "a .csv for two inputs");
    OK(refused("chain8.onnx", "points.csv", "float32 [60, 4] does not fit"),
       "a .csv with too few columns");
    OK(refused("ids.onnx", "points.npz",
               "array x float32 [60, 4] does not fit the model's input x, int64 [?, 4]: save it as "
               "int64"),
       "a wrong type: both types, and what to do");
}

int main(void)
{
    runtime = runtime_or_skip();
    test_batches();
    test_whole();
    test_csv();
    test_refusals();
    runtime_close(runtime);
    return tap_done();
}
