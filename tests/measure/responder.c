/* SPDX-License-Identifier: MIT */
/* The figures are those that numpy gets in tests/data/make_models.py. */
#include "measure/responder.h"

#include "measure/dataset.h"
#include "runtime/fixture.h"
#include "tap.h"

static struct pare_error err;

/* A responder with one version, on the data; NULL: err says why. */
static struct responder *with(const char *model, const char *data, struct dataset *dataset)
{
    struct responder *responder = NULL;
    *dataset = (struct dataset){ 0 };
    if (dataset_open(data_path(data), dataset, &err) && responder_open(1, &responder, &err) &&
        responder_add(responder, data_path(model), dataset, &err))
        return responder;
    responder_close(responder);
    return NULL;
}

/* Ask about every row; how many answers were right, -1 when one failed or was not judged. */
static int right_of(const char *model, const char *data)
{
    struct dataset dataset;
    struct response response;
    struct responder *responder = with(model, data, &dataset);
    int right = responder ? 0 : -1;
    for (int64_t row = 0; right >= 0 && row < dataset.rows; row++) {
        responder_ask(responder, 0, row, &response);
        if (response.failed || response.verdict == RESPONSE_UNJUDGED || response.ns <= 0)
            right = -1;
        else
            right += response.verdict == RESPONSE_RIGHT;
    }
    responder_close(responder);
    dataset_close(&dataset);
    return right;
}

/* The answer about one row; "" when the model does not fit. */
static struct response answer_of(const char *model, const char *data, int64_t row)
{
    struct dataset dataset;
    struct response response = { 0 };
    struct responder *responder = with(model, data, &dataset);
    if (responder)
        responder_ask(responder, 0, row, &response);
    responder_close(responder);
    dataset_close(&dataset);
    return response;
}

static void test_answers(void)
{
    OK(right_of("linear.onnx", "points.npz") == 42, "as many are right as numpy says");
    OK(right_of("linear_cut.onnx", "points.npz") == 39, "of the cut one too");
    OK(right_of("linear.onnx", "points.csv") == 42, "the last column of a table is the label");
    OK(right_of("batch2.onnx", "points.npz") == 42,
       "a model that wants two rows answers about the one that was asked for, the last too");
    OK(right_of("class.onnx", "points.npz") == 42, "a class that is the output itself");
    struct response words = answer_of("linear.onnx", "words.npz", 0);
    OK(words.verdict == RESPONSE_UNJUDGED && !strncmp(words.text, "class ", 6),
       "labels in words judge nothing");
    struct response alone = answer_of("two.onnx", "two.npz", 1);
    OK(!strcmp(alone.text, "class 2") && alone.verdict == RESPONSE_UNJUDGED,
       "nor does data without labels");
    IS(answer_of("chain8.onnx", "chain.npz", 0).text, "class 0", "equal scores: the first");
    struct response whole = answer_of("whole.onnx", "whole.npz", 2);
    IS(whole.text, "1600 1700 1800 1900 2000 2100 ... (8 values)",
       "an output without a class answers with its first values");
}

static void test_refusals(void)
{
    struct dataset dataset;
    OK(!with("ids.onnx", "points.npz", &dataset) && error_says(&err, "int64"),
       "a model that the data do not fit is refused, saying what it wants");
    dataset_close(&dataset);
    struct responder *responder = with("linear.onnx", "points.npz", &dataset);
    OK(responder && responder_add(responder, data_path("linear_cut.onnx"), &dataset, &err),
       "a second version");
    OK(responder && !responder_add(responder, data_path("linear.onnx"), &dataset, &err) &&
           error_says(&err, "more than 2"),
       "there is no third");
    responder_close(responder);
    dataset_close(&dataset);
    responder_close(NULL);
}

int main(void)
{
    runtime_close(runtime_or_skip());
    test_answers();
    test_refusals();
    return tap_done();
}
