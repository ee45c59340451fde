/* SPDX-License-Identifier: MIT */
/*
 * External data on request: what is large enough goes to the file beside, for each scheme, to the
 * planned size, aligned; what is not stays; and two files replace two others or neither.
 */
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "format/format.h"
#include "format/maker.h"
#include "format/onnx.h"
#include "format/sink.h"
#include "format/source.h"
#include "pare.h"
#include "tap.h"

#define QUANTIZE(scheme) "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"" scheme "\"}]}"
#define EXCEPT_B(scheme)                                                                           \
    "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"" scheme                                  \
    "\", \"exclude\": [\"B\", \"bias\"]}]}"

static const int64_t square[2] = { 64, 64 };
static const int64_t wide[2] = { 64, 2048 };
static char folder[256];
static struct pare_error err;

static const char *path_of(const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static int64_t size_of(const char *name)
{
    struct stat st;
    return stat(path_of(name), &st) ? 0 : st.st_size;
}

/* That a value is F32, as shape inference would say it. */
static void put_type_of(struct maker *m, int field, const char *name)
{
    struct buf info;
    static const int64_t dims[2] = { 64, 64 };
    buf_init(&info, 1000);
    build_input(&info, &(struct build_tensor){ name, ONNX_FLOAT, 2, dims });
    info.data[0] = (char)(field << 3 | WIRE_BYTES);
    buf_add(&m->graph, info.data, info.length);
    buf_done(&info);
}

/* A weight as float_data, packed. */
static void put_typed(struct maker *m, const char *name)
{
    struct buf tensor;
    float values[64 * 64];
    for (size_t i = 0; i < 64 * 64; i++)
        values[i] = maker_value(7, i);
    buf_init(&tensor, MAKER_MAX);
    for (int i = 0; i < 2; i++)
        wire_put_int(&tensor, TENSOR_DIMS, 64);
    wire_put_int(&tensor, TENSOR_TYPE, ONNX_FLOAT);
    wire_put_bytes(&tensor, 4, values, sizeof(values));
    wire_put_text(&tensor, TENSOR_NAME, name);
    wire_put_bytes(&m->graph, GRAPH_INITIALIZER, tensor.data, tensor.length);
    buf_done(&tensor);
}

static void save_model(void)
{
    struct maker m;
    struct buf file;
    struct file_out out;
    static const int64_t row[1] = { 64 };
    maker_init(&m);
    maker_weight(&m, "A", 2, square, 1);
    maker_weight(&m, "B", 2, square, 2);
    maker_weight(&m, "bias", 1, row, 3);
    put_typed(&m, "T");
    maker_weight(&m, "wide", 2, wide, 4);
    maker_node(&m, "MatMul", "a", "x", "A", "xa");
    maker_node(&m, "MatMul", "b", "xa", "B", "xb");
    maker_node(&m, "MatMul", "t", "xb", "T", "xt");
    maker_node(&m, "Add", "add", "xt", "bias", "xs");
    maker_node(&m, "MatMul", "wide", "xs", "wide", "y");
    static const char *const values[] = { "x", "xa", "xb", "xt", "xs", "y" };
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        put_type_of(&m, i ? GRAPH_VALUE : GRAPH_INPUT, values[i]);
    maker_finish(&m, &file);
    if (!file_out_open(&out, path_of("in.onnx"), &err) ||
        !file_out_write(&out, file.data, file.length, &err) || !file_out_commit(&out, &err))
        abort();
    file_out_done(&out);
    buf_done(&file);
}

static bool transform(const char *in, const char *text, int64_t external_bytes, const char *out)
{
    struct pare_model *model = NULL;
    struct pare_recipe *recipe = NULL;
    struct pare_plan *plan = NULL;
    struct pare_report *report = NULL;
    struct pare_plan_options options = { .name = out, .external_bytes = external_bytes };
    char data[64];
    snprintf(data, sizeof(data), "%s.data", out);
    unlink(path_of(data));
    bool ok = pare_model_open(path_of(in), &model, &err) &&
              pare_recipe_parse(text, strlen(text), &recipe, &err) &&
              pare_plan_make(model, recipe, &options, &plan, &err) &&
              pare_run(plan, path_of(out), NULL, &report, &err);
    if (!ok)
        printf("# %s: %s\n", text, err.text);
    ok = ok && size_of(out) + size_of(data) == pare_plan_after_bytes(plan);
    pare_report_free(report);
    pare_plan_free(plan);
    pare_recipe_free(recipe);
    pare_model_close(model);
    return ok;
}

static struct model *open_model(const char *name)
{
    struct source *source;
    struct model *model = NULL;
    return source_open_path(path_of(name), &source, &err) && model_open(source, &model, &err)
               ? model
               : NULL;
}

/* Every initializer of so many bytes is outside and aligned, every smaller one inside. */
static bool is_split(const char *name, int64_t bytes)
{
    struct model *model = open_model(name);
    bool ok = model != NULL;
    for (size_t i = 0; ok && i < model->tensor_count; i++) {
        const struct tensor *t = &model->tensors[i];
        int64_t align = t->shown.size_bytes >= 64 * 1024 ? 4096 : 64;
        bool outside = t->file != model->main_file;
        bool companion = strstr(t->shown.name, "scale") || strstr(t->shown.name, "absmax");
        ok = (companion || outside == (t->shown.size_bytes >= bytes)) &&
             (!outside || t->file_offset % align == 0);
        if (!ok)
            printf("# %s: %lld bytes are %s\n", t->shown.name, (long long)t->shown.size_bytes,
                   outside ? "outside" : "inside");
    }
    model_close(model);
    return ok;
}

static bool same_values(const struct model *a, const struct model *b, const char *name)
{
    static char x[64 * 64 * 4], y[sizeof(x)];
    bool found = false;
    for (size_t i = 0; i < a->tensor_count; i++)
        for (size_t k = 0; k < b->tensor_count; k++) {
            const struct tensor *s = &a->tensors[i], *t = &b->tensors[k];
            if (strcmp(s->shown.name, name) != 0 || strcmp(t->shown.name, name) != 0)
                continue;
            size_t n = (size_t)s->shown.size_bytes;
            found = n <= sizeof(x) && s->shown.size_bytes == t->shown.size_bytes &&
                    model_read(a, s, 0, n, x, &err) && model_read(b, t, 0, n, y, &err) &&
                    !memcmp(x, y, n);
        }
    return found;
}

static void what_stays_is_the_same(const char *name)
{
    struct model *before = open_model("in.onnx"), *after = open_model(name);
    OK(before && after && same_values(before, after, "B") && same_values(before, after, "bias"),
       "what no step touches has the same bytes, outside as inside");
    model_close(before);
    model_close(after);
}

static void each_scheme_splits(void)
{
    static const char *const recipes[] = {
        EXCEPT_B("int8"),
        EXCEPT_B("fp16"),
        EXCEPT_B("int4"),
        "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", \"exclude\": [\"B\"]}, "
        "{\"step\": \"quantize\", \"scheme\": \"int4\", \"symmetric\": false, \"include\": "
        "[\"wide\"]}]}",
        EXCEPT_B("nf4"),
        "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0.5, \"exclude\": "
        "[\"B\"]}]}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(recipes); i++) {
        printf("# %s\n", recipes[i]);
        OK(transform("in.onnx", recipes[i], 1024, "out.onnx"), "the plan knows both sizes");
        OK(size_of("out.onnx.data") > 0 && is_split("out.onnx", 1024),
           "values of 1024 bytes and more are outside");
        what_stays_is_the_same("out.onnx");
    }
    OK(transform("in.onnx", QUANTIZE("int8\", \"match\": \"onnxruntime"), 1024, "out.onnx") &&
           is_split("out.onnx", 1024),
       "and so they are when a peer is matched");
}

static void the_threshold_holds(void)
{
    OK(transform("in.onnx", QUANTIZE("int8"), 1, "out.onnx") && is_split("out.onnx", 1),
       "a threshold of 1 takes all");
    OK(transform("in.onnx", QUANTIZE("int8"), 100 * 1024, "out.onnx") &&
           is_split("out.onnx", 100 * 1024) && size_of("out.onnx.data") == 64 * 2048,
       "one of 100 kB only the largest");
    OK(transform("in.onnx", QUANTIZE("int8"), INT64_MAX, "out.onnx") &&
           size_of("out.onnx.data") == 0,
       "where nothing is so large there is no second file");
    OK(transform("in.onnx", QUANTIZE("int8"), 0, "out.onnx") && size_of("out.onnx.data") == 0,
       "and none when nobody asks");
}

static void external_sources_stay_so(void)
{
    static const char prune[] =
        "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0.5}]}";
    bool ok = transform("in.onnx", prune, 1024, "half.onnx");
    OK(ok && transform("half.onnx", QUANTIZE("int8"), 0, "out.onnx") && is_split("out.onnx", 1024),
       "a source with external data gives such an output");
    OK(ok && transform("half.onnx", QUANTIZE("fp16"), 128, "out.onnx") && is_split("out.onnx", 128),
       "and takes what was inside along where it is asked to");
}

/* ---- two files at a time ---- */

static bool put_pair(const char *text, bool commit)
{
    struct sink *sink;
    bool ok = sink_open_folder(folder, false, &sink, &err);
    ok = ok && sink_begin(sink, "pair.data", 3, &err) && sink_write(sink, text, 3, &err) &&
         sink_end(sink, &err) && sink_begin(sink, "pair", 3, &err) &&
         sink_write(sink, text, 3, &err) && sink_end(sink, &err);
    ok = ok && (!commit || sink_commit(sink, &err));
    sink_close(sink);
    return ok;
}

static bool pair_is(const char *text)
{
    struct buf a, b;
    buf_init(&a, 100);
    buf_init(&b, 100);
    bool ok = file_read(path_of("pair"), &a, &err) && file_read(path_of("pair.data"), &b, &err) &&
              !strcmp(buf_string(&a), text) && !strcmp(buf_string(&b), text);
    buf_done(&a);
    buf_done(&b);
    return ok;
}

static int files_in_folder(void)
{
    int count = 0;
    DIR *dir = opendir(folder);
    while (dir && readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void pairs_go_together(void)
{
    OK(put_pair("one", true) && pair_is("one"), "two files appear");
    int before = files_in_folder();
    OK(put_pair("two", true) && pair_is("two") && files_in_folder() == before,
       "two others take their place and nothing is left of the old ones");
    OK(put_pair("bad", false) && pair_is("two") && files_in_folder() == before,
       "without a commit nothing changes");
    unlink(path_of("pair.data"));
    if (mkdir(path_of("pair.data"), 0700))
        abort();
    struct buf main_file;
    buf_init(&main_file, 100);
    OK(!put_pair("bad", true) && strstr(err.text, "it is a folder") &&
           file_read(path_of("pair"), &main_file, &err) && !strcmp(buf_string(&main_file), "two") &&
           files_in_folder() == before,
       "where a folder has the name the main file stays as it was");
    buf_done(&main_file);
    rmdir(path_of("pair.data"));
}

static void clean_up(void)
{
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] != '.')
            unlink(path_of(e->d_name));
    closedir(dir);
    rmdir(folder);
}

int main(void)
{
    snprintf(folder, sizeof(folder), "%s/pare-external-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder))
        return 99;
    save_model();
    each_scheme_splits();
    the_threshold_holds();
    external_sources_stay_so();
    pairs_go_together();
    clean_up();
    return tap_done();
}
