/* SPDX-License-Identifier: MIT */
/* Models opened, described and run by a real ONNX Runtime. */
#include "runtime/session.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/fixture.h"
#include "tap.h"

static struct pare_error err;
static struct runtime *runtime;

static struct session *open_model(const char *name)
{
    struct session *session = NULL;
    if (!session_open(runtime, data_path(name), 1, &session, &err))
        printf("# %s\n", err.text);
    return session;
}

/* "x float32 [?, 4]" of the only input or output. */
static const char *only(const struct session_tensor *tensors, size_t count)
{
    static char text[SESSION_SHAPE_TEXT + 64];
    char shape[SESSION_SHAPE_TEXT];
    if (count != 1)
        return "not one";
    session_shape_text(&tensors[0], shape, sizeof(shape));
    snprintf(text, sizeof(text), "%s %s", tensors[0].name, shape);
    return text;
}

static const char *input_of(const struct session *session)
{
    size_t count;
    const struct session_tensor *tensors = session_inputs(session, &count);
    return only(tensors, count);
}

static const char *output_of(const struct session *session)
{
    size_t count;
    const struct session_tensor *tensors = session_outputs(session, &count);
    return only(tensors, count);
}

static void test_describe(void)
{
    struct session *linear = open_model("linear.onnx"), *fixed = open_model("batch2.onnx"),
                   *class = open_model("class.onnx"), *whole = open_model("whole.onnx");
    size_t count;
    IS(input_of(linear), "x float32 [?, 4]", "an input is described, its batch open");
    IS(output_of(linear), "scores float32 [?, 3]", "so is an output");
    IS(input_of(fixed), "x float32 [2, 4]", "a fixed batch is seen");
    IS(output_of(class), "class int64 [?]", "an output that is no tensor is left out");
    const struct session_tensor *inputs = session_inputs(whole, &count);
    OK(count == 2 && inputs[1].rank == 0 && inputs[1].type == SESSION_TYPE_I64,
       "a scalar has no axes");
    session_close(linear);
    session_close(fixed);
    session_close(class);
    session_close(whole);
}

/* The zero vector gives the bias of the linear model, which make_models.py made. */
static void test_run(const char *name, const char *what)
{
    struct session *session = open_model(name);
    float zeros[2][4] = { { 0 } }, *scores = NULL;
    struct session_tensor input = { "x", SESSION_TYPE_F32, 2, { 2, 4 }, zeros };
    const struct session_tensor *outputs = NULL;
    bool ok = session && session_run(session, &input, &outputs, &err);
    if (ok)
        scores = outputs[0].data;
    OK(ok && outputs[0].rank == 2 && outputs[0].dims[0] == 2 && outputs[0].dims[1] == 3 &&
           scores[0] == scores[3] && scores[0] < 0 && fabsf(scores[0] + 4.668655F) < 1e-3F,
       what);
    OK(ok && session_run_ns(session) > 0, "and its time is known");
    session_close(session);
}

static void test_run_again(void)
{
    struct session *session = open_model("linear.onnx");
    float rows[3][4] = { { 1, 0, 0, 0 }, { 0, 1, 0, 0 }, { 1, 1, 0, 0 } };
    struct session_tensor input = { "x", SESSION_TYPE_F32, 2, { 3, 4 }, rows };
    const struct session_tensor *outputs;
    float first[3] = { 0 };
    bool same = session_run(session, &input, &outputs, &err);
    if (same)
        memcpy(first, outputs[0].data, sizeof(first));
    for (int i = 0; same && i < 100; i++) {
        input.dims[0] = 1 + i % 3;
        same = session_run(session, &input, &outputs, &err) &&
               !memcmp(first, outputs[0].data, sizeof(first));
    }
    OK(same, "a hundred runs in batches of 1 to 3 give the first row the same result");
    input.dims[1] = 3;
    OK(!session_run(session, &input, &outputs, &err) && error_says(&err, "ONNX Runtime: "),
       "a wrong shape is refused in the runtime's words");
    input.dims[1] = 4;
    OK(session_run(session, &input, &outputs, &err), "and the session goes on");
    input.dims[0] = -1;
    OK(!session_run(session, &input, &outputs, &err) && error_says(&err, "no size"),
       "an open length is no input");
    session_close(session);
}

static void test_refusals(void)
{
    struct session *session = NULL;
    OK(!session_open(runtime, data_path("none.onnx"), 1, &session, &err) &&
           error_says(&err, "none.onnx: ONNX Runtime: "),
       "a file that is not there is named");
    OK(!session_open(runtime, data_path("points.csv"), 1, &session, &err) &&
           error_says(&err, "points.csv: "),
       "so is one that is no model");
    OK(!session_open(runtime, data_path("text.onnx"), 1, &session, &err) &&
           error_says(&err, "the model's input t is no tensor of numbers"),
       "a model that takes text is refused by its input");
}

/* Run `fn` with stderr in a file; how much was written to it. */
static int64_t bytes_on_stderr(void (*fn)(void))
{
    char path[] = "/tmp/pare-stderr-XXXXXX";
    int file = mkstemp(path), kept = dup(2);
    struct stat st = { .st_size = -1 };
    dup2(file, 2);
    fn();
    dup2(kept, 2);
    fstat(file, &st);
    close(file);
    close(kept);
    unlink(path);
    return st.st_size;
}

static void fail_in_every_way(void)
{
    struct session *session = NULL;
    float row[3] = { 0 };
    struct session_tensor input = { "x", SESSION_TYPE_F32, 2, { 1, 3 }, row };
    const struct session_tensor *outputs;
    (void)!session_open(runtime, data_path("points.csv"), 1, &session, &err);
    if (session_open(runtime, data_path("linear.onnx"), 1, &session, &err)) {
        (void)!session_run(session, &input, &outputs, &err);
        session_close(session);
    }
}

int main(void)
{
    runtime = runtime_or_skip();
    test_describe();
    test_run("linear.onnx", "two rows are run");
    test_run("batch2.onnx", "two rows are run in a fixed batch");
    test_run("outside.onnx", "weights in a file beside the model are found");
    test_run_again();
    test_refusals();
    OK(bytes_on_stderr(fail_in_every_way) == 0, "nothing of all this is written to stderr");
    runtime_close(runtime);
    return tap_done();
}
