/* SPDX-License-Identifier: MIT */
/* The same bytes, the same report and the same digest for any number of threads, and a stop that stops all. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "format/maker.h"
#include "pare.h"
#include "tap.h"

/* Several parts of every scheme, and a last one that is short. */
enum { K = 4003, N = 1201, SMALL = 67 };

static char folder[256], in_path[512], out_path[512];
static struct pare_error err;

struct made {
    unsigned char *bytes;
    size_t length;
    char *report, *plan;
};

static void made_done(struct made *m)
{
    free(m->bytes);
    free(m->report);
    free(m->plan);
}

static void write_model(void)
{
    struct maker m;
    struct buf file;
    struct file_out out;
    maker_init(&m);
    maker_weight(&m, "W", 2, (int64_t[]){ K, N }, 1);
    maker_weight(&m, "V", 2, (int64_t[]){ N, SMALL }, 2);
    maker_node(&m, "MatMul", "first", "x", "W", "h");
    maker_node(&m, "MatMul", "second", "h", "V", "y");
    maker_finish(&m, &file);
    if (!file_out_open(&out, in_path, &err) ||
        !file_out_write(&out, file.data, file.length, &err) || !file_out_commit(&out, &err))
        abort();
    file_out_done(&out);
    buf_done(&file);
}

static bool read_output(struct made *m)
{
    FILE *file = fopen(out_path, "rb");
    if (!file)
        return false;
    m->bytes = malloc(32 << 20);
    m->length = fread(m->bytes, 1, 32 << 20, file);
    fclose(file);
    return unlink(out_path) == 0;
}

static bool make(const char *step, int threads, pare_progress_fn *progress, void *data,
                 struct made *ret_made)
{
    struct pare_model *model = NULL;
    struct pare_recipe *recipe = NULL;
    struct pare_plan *plan = NULL;
    struct pare_report *report = NULL;
    struct pare_plan_options planning = { .name = "out.onnx", .threads = threads };
    struct pare_run_options running = {
        .no_sync = true, .threads = threads, .progress = progress, .data = data
    };
    char text[300];
    snprintf(text, sizeof(text), "{\"steps\": [%s]}", step);
    bool ok = pare_model_open(in_path, &model, &err) &&
              pare_recipe_parse(text, strlen(text), &recipe, &err) &&
              pare_plan_make(model, recipe, &planning, &plan, &err) &&
              pare_run(plan, out_path, &running, &report, &err) && read_output(ret_made);
    if (ok) {
        ret_made->report = strdup(pare_report_json(report));
        ret_made->plan = strdup(pare_plan_json(plan));
    }
    pare_report_free(report);
    pare_plan_free(plan);
    pare_recipe_free(recipe);
    pare_model_close(model);
    return ok;
}

static bool equal(const struct made *a, const struct made *b)
{
    return a->length == b->length && !memcmp(a->bytes, b->bytes, a->length) &&
           !strcmp(a->report, b->report) && !strcmp(a->plan, b->plan);
}

static void test_scheme(const char *step)
{
    static const int threads[] = { 2, 3, 8, 0 };
    struct made one = { 0 };
    OK(make(step, 1, NULL, NULL, &one), step);
    OK(one.report && strstr(one.report, "\"sqnr_db\": ") && strstr(one.report, "source_sha256"),
       "with a report and a digest");
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        struct made other = { 0 };
        bool ok = make(step, threads[i], NULL, NULL, &other);
        printf("# %d threads\n", threads[i]);
        OK(ok && one.report && equal(&one, &other), "the same, for others");
        made_done(&other);
    }
    made_done(&one);
}

struct stopping {
    int calls, stop_at;
};

static bool stop(void *data, const struct pare_progress *progress)
{
    struct stopping *s = data;
    (void)progress;
    return ++s->calls < s->stop_at;
}

/* Wherever it is stopped, nothing is left, and no thread goes on in what has been freed. */
static void test_stopping(void)
{
    bool all = true, none = true;
    for (int at = 1; at < 60; at += 7) {
        struct stopping s = { .stop_at = at };
        struct made made = { 0 };
        bool ended = make("{\"step\": \"quantize\", \"scheme\": \"int8\"}", 4, stop, &s, &made);
        all &= ended ? s.calls < at : err.code == PARE_ERR_INTERRUPTED;
        none &= access(out_path, F_OK) != 0;
        made_done(&made);
    }
    OK(all, "a stop is one");
    OK(none, "and leaves nothing");
}

int main(void)
{
    struct made made = { 0 };
    snprintf(folder, sizeof(folder), "%s/pare-threads-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder))
        abort();
    snprintf(in_path, sizeof(in_path), "%s/in.onnx", folder);
    snprintf(out_path, sizeof(out_path), "%s/out.onnx", folder);
    write_model();
    test_scheme("{\"step\": \"quantize\", \"scheme\": \"int8\"}");
    test_scheme("{\"step\": \"quantize\", \"scheme\": \"int8\", \"per_channel\": false}");
    test_scheme("{\"step\": \"quantize\", \"scheme\": \"fp16\"}");
    test_scheme("{\"step\": \"quantize\", \"scheme\": \"int4\", \"symmetric\": false}");
    test_scheme("{\"step\": \"quantize\", \"scheme\": \"int4\", \"form\": \"qdq\"}");
    test_scheme("{\"step\": \"quantize\", \"scheme\": \"nf4\"}");
    test_scheme("{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0.3}, "
                "{\"step\": \"quantize\", \"scheme\": \"int8\"}");
    test_scheme("{\"step\": \"prune\", \"method\": \"global-l1\", \"amount\": 0.3}, "
                "{\"step\": \"quantize\", \"scheme\": \"int4\", \"symmetric\": false}");
    test_stopping();
    OK(!make("{\"step\": \"quantize\", \"scheme\": \"int8\"}", 257, NULL, NULL, &made),
       "too many threads");
    IS(err.text, "257 threads: 1 to 256 were expected", "say so");
    unlink(in_path);
    rmdir(folder);
    return tap_done();
}
