/* SPDX-License-Identifier: MIT */
/* The whole measurement, and the memory in a process of its own. */
#include "measure/evaluate.h"

#include <unistd.h>

#include "measure/dataset.h"
#include "measure/memory.h"
#include "measure/watch.h"
#include "runtime/fixture.h"
#include "tap.h"

static struct pare_error err;
static struct dataset points;

struct seen {
    int calls;
    double last;
    bool backwards;
};

static bool report(void *data, const char *what, double done_fraction)
{
    struct seen *seen = data;
    seen->calls += what != NULL;
    seen->backwards = seen->backwards || done_fraction < seen->last || done_fraction > 1;
    seen->last = done_fraction;
    return true;
}

static bool never(void *data, const char *what, double done_fraction)
{
    (void)data, (void)what, (void)done_fraction;
    return false;
}

static void test_memory(void)
{
    struct memory_options options = { .threads = 1, .batch = 1 };
    int64_t small = 0, large = 0;
    OK(memory_measure(data_path("linear.onnx"), &points, &options, NULL, &small, &err) &&
           memory_measure(data_path("wide.onnx"), &points, &options, NULL, &large, &err),
       "memory is measured");
    printf("# %lld and %lld bytes\n", (long long)small, (long long)large);
    OK(small > 0 && large > small + 60e6 && large < small + 400e6,
       "a model with 64 MiB of weights takes at least that much more");
    OK(!memory_measure(data_path("two.onnx"), &points, &options, NULL, &small, &err) &&
           error_says(&err, "no array for the model's input ids"),
       "what fails in the child is told by the parent");
    struct watch watch = { .report = never };
    OK(!memory_measure(data_path("linear.onnx"), &points, &options, &watch, &small, &err) &&
           err.code == PARE_ERR_INTERRUPTED,
       "a stop asked for ends the child");
    options.runtime_path = "/nowhere/libonnxruntime.so";
    OK(!memory_measure(data_path("linear.onnx"), &points, &options, NULL, &small, &err) &&
           error_says(&err, "/nowhere/"),
       "so is a runtime that is not there");
}

static void test_all(void)
{
    struct seen seen = { 0 };
    struct watch watch = { .report = report, .data = &seen };
    struct evaluate_request request = {
        .paths = (const char *const[]){ data_path("linear_cut.onnx") },
        .count = 1,
        .parent_path = data_path("linear.onnx"),
        .dataset = &points,
        .latency = LATENCY_DEFAULTS,
        .accuracy = { .batch = 1 },
    };
    struct evaluation e = { 0 };
    request.latency.threads = 1;
    request.latency.seconds_max = 10;
    OK(evaluate(&request, &watch, &e, &err), "a version is measured against its parent");
    OK(e.has_parent && e.accuracy.broken == 5 && e.accuracy.fixed == 2 && e.latency.runs > 0 &&
           e.parent_latency.runs == e.latency.runs && e.peak_bytes > 0 && e.parent_peak_bytes > 0,
       "accuracy, time and memory are there");
    OK(e.parent_latency.ratio == 1 && e.latency.ratio > 0.5 && e.latency.ratio < 2,
       "the ratio is the version's against the parent");
    const struct evaluate_conditions *c = &e.conditions;
    printf("# on %s, %d cores, ONNX Runtime %s\n", c->cpu, c->cores, c->runtime_version);
    OK(c->cpu[0] && c->cores >= 1 && c->runtime_version[0] && c->threads == 1 &&
           c->latency_batch == 1 && c->accuracy_batch == 1 && c->dataset_rows == 60,
       "the conditions are noted");
    IS(c->dataset_digest, points.digest, "with the dataset's digest");
    OK(seen.calls > 0 && !seen.backwards, "progress never goes back");
    request.parent_path = NULL;
    OK(evaluate(&request, NULL, &e, &err) && !e.has_parent && !e.accuracy.has_parent &&
           e.accuracy.right == 39 && e.latency.ratio == 1,
       "a version without a parent is measured alone");
}

int main(void)
{
    runtime_close(runtime_or_skip());
    if (!dataset_open(data_path("points.npz"), &points, &err)) {
        printf("Bail out! %s\n", err.text);
        return 1;
    }
    test_memory();
    test_all();
    dataset_close(&points);
    return tap_done();
}
