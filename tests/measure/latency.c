/* SPDX-License-Identifier: MIT */
#include "measure/latency.h"

#include "measure/dataset.h"
#include "measure/watch.h"
#include "runtime/fixture.h"
#include "tap.h"

static struct pare_error err;
static struct runtime *runtime;
static struct dataset chain, points;

static bool is_sane(const struct latency *l)
{
    return l->runs >= 2 && l->heats >= 1 && l->min_ms > 0 && l->min_ms <= l->median_ms &&
           l->median_ms <= l->p90_ms && l->p90_ms <= l->p95_ms;
}

static void test_slower(void)
{
    const char *paths[] = { data_path("chain8.onnx"), data_path("chain12.onnx"),
                            data_path("chain8.onnx") };
    struct latency_options options = LATENCY_DEFAULTS;
    struct latency l[3] = { 0 };
    options.threads = 1;
    options.precision = 0.1;
    options.seconds_max = 20;
    bool ok = latency_measure(runtime, paths, 3, &chain, &options, NULL, l, &err);
    printf("# ratio %.3f [%.3f, %.3f], of itself %.3f [%.3f, %.3f], %lld runs\n", l[1].ratio,
           l[1].ratio_interval.low, l[1].ratio_interval.high, l[2].ratio, l[2].ratio_interval.low,
           l[2].ratio_interval.high, (long long)l[0].runs);
    OK(ok && is_sane(&l[0]) && is_sane(&l[1]) && is_sane(&l[2]), "three versions are timed");
    OK(l[1].verdict == LATENCY_SLOWER && l[1].ratio > 1.1 && l[1].ratio < 2.5,
       "half as much work again is slower");
    OK(l[0].ratio == 1 && l[0].verdict == LATENCY_SAME, "the first is the measure");
    OK(l[2].ratio_interval.low < l[1].ratio_interval.low && l[2].ratio < l[1].ratio,
       "the first once more is nearer to itself");
    OK(l[0].runs == l[1].runs && l[0].heats >= LATENCY_HEATS_MIN && l[0].batch == 1,
       "all have as many runs, and heats enough for an interval");
    IS(latency_verdict_text(l[1].verdict), "slower", "the verdict is a word");
}

static void test_alone(void)
{
    const char *paths[] = { data_path("linear.onnx") };
    struct latency_options options = LATENCY_DEFAULTS;
    struct latency l = { 0 };
    options.batch = 20;
    OK(latency_measure(runtime, paths, 1, &points, &options, NULL, &l, &err) && is_sane(&l) &&
           l.batch == 20,
       "one version alone is timed, in the batch asked for");
}

static void test_time_cap(void)
{
    const char *paths[] = { data_path("chain8.onnx"), data_path("chain8.onnx") };
    struct latency_options options = LATENCY_DEFAULTS;
    struct latency l[2];
    options.seconds_max = 0.001;
    int64_t start_ns = watch_now_ns();
    bool ok = latency_measure(runtime, paths, 2, &chain, &options, NULL, l, &err);
    double seconds = (double)(watch_now_ns() - start_ns) / 1e9;
    OK(ok && !l[1].precise && l[1].verdict == LATENCY_SAME && seconds < 5,
       "when the time is up it ends, and claims nothing");
}

struct seen {
    double done_max;
    bool stop;
};

static bool report(void *data, const char *what, double done_fraction)
{
    struct seen *seen = data;
    seen->done_max = MAX(seen->done_max, done_fraction);
    return !seen->stop || strcmp(what, "latency") != 0;
}

static void test_watch(void)
{
    const char *paths[] = { data_path("chain8.onnx") };
    struct latency_options options = LATENCY_DEFAULTS;
    struct latency l;
    struct seen seen = { 0 };
    struct watch watch = { .report = report, .data = &seen };
    options.seconds_max = 0.5;
    options.precision = 0;
    OK(latency_measure(runtime, paths, 1, &chain, &options, &watch, &l, &err) &&
           seen.done_max > 0.5 && seen.done_max <= 1,
       "progress goes from 0 to 1");
    seen.stop = true;
    watch.reported_ns = 0;
    OK(!latency_measure(runtime, paths, 1, &chain, &options, &watch, &l, &err) &&
           err.code == PARE_ERR_INTERRUPTED && error_says(&err, "stopped while measuring latency"),
       "a stop asked for is obeyed");
}

static void test_refusals(void)
{
    const char *paths[] = { data_path("linear.onnx"), data_path("batch2.onnx") };
    const char *wrong[] = { data_path("two.onnx") }, *none[] = { data_path("none.onnx") };
    struct latency_options options = LATENCY_DEFAULTS;
    struct latency l[2];
    OK(!latency_measure(runtime, paths, 2, &points, &options, NULL, l, &err) &&
           error_says(&err, "different numbers of rows at once, 1 and 2"),
       "versions with different batches are not compared");
    OK(!latency_measure(runtime, wrong, 1, &points, &options, NULL, l, &err) &&
           error_says(&err, "two.onnx: the dataset has no array for the model's input ids"),
       "a dataset that does not fit is refused with the file's name");
    OK(!latency_measure(runtime, none, 1, &points, &options, NULL, l, &err) &&
           error_says(&err, "none.onnx: "),
       "a file that is not there is named");
    options.batch = 100;
    OK(!latency_measure(runtime, paths, 1, &points, &options, NULL, l, &err) &&
           error_says(&err, "100 rows at once, but the dataset has 60"),
       "a batch larger than the dataset is refused");
}

int main(void)
{
    runtime = runtime_or_skip();
    if (!dataset_open(data_path("chain.npz"), &chain, &err) ||
        !dataset_open(data_path("points.npz"), &points, &err)) {
        printf("Bail out! %s\n", err.text);
        return 1;
    }
    test_slower();
    test_alone();
    test_time_cap();
    test_watch();
    test_refusals();
    dataset_close(&chain);
    dataset_close(&points);
    runtime_close(runtime);
    return tap_done();
}
