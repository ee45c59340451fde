/* SPDX-License-Identifier: MIT */
/*
 * Bad input under every scheme: one sentence, nothing written. What only the reader sees is in
 * tests/format/onnx.c; here are files in folders, graphs, values and names.
 */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "format/maker.h"
#include "format/onnx.h"
#include "pare.h"
#include "tap.h"

#define QUANTIZE(scheme) "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"" scheme "\"}]}"
#define MATCH "int8\", \"match\": \"onnxruntime"

static const char *const recipes[] = {
    QUANTIZE("int8"),
    QUANTIZE(MATCH),
    QUANTIZE("fp16"),
    QUANTIZE("int4"),
    QUANTIZE("int4\", \"form\": \"qdq"),
    QUANTIZE("nf4"),
    "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0.5}]}",
};
enum { SIDE = 64 };
static const int64_t square[2] = { SIDE, SIDE };

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

static void write_bytes(const char *name, const void *bytes, size_t length)
{
    struct file_out out;
    if (!file_out_open(&out, path_of(name), &err) || !file_out_write(&out, bytes, length, &err) ||
        !file_out_commit(&out, &err))
        abort();
    file_out_done(&out);
}

static void save(const char *name, struct maker *m)
{
    struct buf file;
    maker_finish(m, &file);
    write_bytes(name, file.data, file.length);
    buf_done(&file);
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

/* The report's JSON in *ret_report, which may be NULL, is the caller's to free. */
static bool transform(const char *in, const char *recipe_text, const char *out, char **ret_report)
{
    struct pare_model *model = NULL;
    struct pare_recipe *recipe = NULL;
    struct pare_plan *plan = NULL;
    struct pare_report *report = NULL;
    err = (struct pare_error){ 0 };
    bool ok =
        pare_model_open(path_of(in), &model, &err) &&
        pare_recipe_parse(recipe_text, strlen(recipe_text), &recipe, &err) &&
        pare_plan_make(model, recipe, &(struct pare_plan_options){ .name = out }, &plan, &err) &&
        pare_run(plan, path_of(out), NULL, &report, &err);
    if (ok && ret_report)
        *ret_report = strdup(pare_report_json(report));
    pare_report_free(report);
    pare_plan_free(plan);
    pare_recipe_free(recipe);
    pare_model_close(model);
    return ok;
}

/* in.onnx is refused under every recipe with a sentence that has `expected`, and nothing appears. */
static void refused(const char *what, enum pare_error_code code, const char *expected)
{
    bool ok = true;
    unlink(path_of("out.onnx"));
    int before = files_in_folder();
    for (size_t i = 0; i < ARRAY_SIZE(recipes); i++) {
        bool done = transform("in.onnx", recipes[i], "out.onnx", NULL);
        if (done || err.code != code || !strstr(err.text, expected) || strchr(err.text, '\n') ||
            files_in_folder() != before) {
            printf("# %s\n# got: %s\n", recipes[i], done ? "it was done" : err.text);
            ok = false;
        }
        unlink(path_of("out.onnx"));
        unlink(path_of("out.onnx.data"));
    }
    OK(ok, what);
}

/* ---- graphs ---- */

static void two_nodes(const char *x1, const char *y1, const char *x2, const char *y2)
{
    struct maker m;
    maker_init(&m);
    maker_weight(&m, "A", 2, square, 1);
    maker_weight(&m, "B", 2, square, 2);
    maker_node(&m, "MatMul", "first", x1, "A", y1);
    maker_node(&m, "MatMul", "second", x2, "B", y2);
    save("in.onnx", &m);
}

static void graphs_that_no_runtime_loads(void)
{
    two_nodes("x", "y", "x", "y");
    refused("two nodes with one output", PARE_ERR_FORMAT,
            "in.onnx: the value \"y\" is defined by the node \"first\" and again by the node "
            "\"second\" (MatMul), so no runtime loads this model; rename one of them");
    two_nodes("x", "h", "h", "B");
    refused("an output with an initializer's name", PARE_ERR_FORMAT,
            "the value \"B\" is defined by an initializer and again by the node \"second\"");
    two_nodes("b", "a", "a", "b");
    refused("a cycle of two", PARE_ERR_FORMAT,
            "the graph has a cycle: the node \"first\" (MatMul) waits for \"b\"");
    two_nodes("x", "h", "y", "y");
    refused("a cycle of one", PARE_ERR_FORMAT, "the node \"second\" (MatMul) waits for \"y\"");
    two_nodes("h", "y", "x", "h");
    OK(transform("in.onnx", recipes[0], "out.onnx", NULL), "nodes in another order are no cycle");
}

/* If x: then_branch { MatMul inner W }, whose inner value has the If's own name. */
/* Before the graph `ir` and behind it `opset`, both as the bytes of a field. */
static void save_versions(const char *ir, size_t ir_length, const char *opset, size_t opset_length)
{
    struct maker m;
    struct buf file;
    maker_init(&m);
    maker_weight(&m, "A", 2, square, 1);
    maker_node(&m, "MatMul", "first", "x", "A", "y");
    buf_init(&file, MAKER_MAX);
    buf_add(&file, ir, ir_length);
    wire_put_bytes(&file, 7, buf_string(&m.graph), m.graph.length);
    buf_add(&file, opset, opset_length);
    write_bytes("in.onnx", file.data, file.length);
    buf_done(&m.graph);
    buf_done(&file);
}

static void save_numbers(int64_t ir_version, int64_t opset)
{
    struct buf ir, version, import;
    buf_init(&ir, 64);
    buf_init(&version, 64);
    buf_init(&import, 64);
    wire_put_int(&ir, 1, ir_version);
    wire_put_int(&version, 2, opset);
    wire_put_bytes(&import, 8, buf_string(&version), version.length);
    save_versions(ir.data, ir.length, import.data, import.length);
    buf_done(&ir);
    buf_done(&version);
    buf_done(&import);
}

static void versions_that_cannot_be(void)
{
    save_numbers(8, INT64_C(1) << 40);
    refused("an opset of 2^40", PARE_ERR_FORMAT,
            "in.onnx: its opset is 1099511627776, a number from 1 to 1023 was expected");
    save_numbers(8, -3);
    refused("a negative opset", PARE_ERR_FORMAT, "in.onnx: its opset is -3, a number");
    save_numbers(8, 0);
    refused("an opset of 0", PARE_ERR_FORMAT, "in.onnx: its opset is 0, a number");
    save_versions("\x08\x08", 2, "", 0);
    refused("no opset", PARE_ERR_FORMAT, "in.onnx: it imports no opset of the domain \"\"");
    save_versions("\x08\x08", 2, "\x42\x06\x0a\x02zz\x10\x01", 8);
    refused("the opset of another domain alone", PARE_ERR_FORMAT, "in.onnx: it imports no opset");
    save_numbers(INT64_C(1) << 40, 17);
    refused("an ir_version of 2^40", PARE_ERR_FORMAT,
            "in.onnx: its ir_version is 1099511627776, a number from 1 to 255 was expected");
    save_numbers(-8, 17);
    refused("a negative ir_version", PARE_ERR_FORMAT,
            "in.onnx: not an ONNX model: its ir_version is -8, 1 or more was expected");
    save_numbers(0, 17);
    refused("an ir_version of 0", PARE_ERR_FORMAT, "its ir_version is 0, 1 or more was expected");
    save_versions("", 0, "\x42\x02\x10\x11", 4);
    refused("no ir_version", PARE_ERR_FORMAT, "in.onnx: not an ONNX model: it has no ir_version");
}

static void inner_names_are_their_own(void)
{
    struct maker m, branch;
    struct buf node, attribute;
    maker_init(&m);
    maker_init(&branch);
    maker_weight(&m, "W", 2, square, 1);
    maker_node(&branch, "MatMul", "inner", "x", "W", "t");
    maker_node(&branch, "Relu", "", "t", NULL, "y");
    maker_node(&branch, "Relu", "", "y", NULL, "z");
    buf_init(&attribute, MAKER_MAX);
    wire_put_text(&attribute, 1, "then_branch");
    wire_put_bytes(&attribute, 6, branch.graph.data, branch.graph.length);
    buf_init(&node, MAKER_MAX);
    wire_put_text(&node, 1, "c");
    wire_put_text(&node, 2, "y");
    wire_put_text(&node, 4, "If");
    wire_put_bytes(&node, 5, attribute.data, attribute.length);
    wire_put_bytes(&m.graph, GRAPH_NODE, node.data, node.length);
    buf_done(&branch.graph);
    buf_done(&attribute);
    buf_done(&node);
    save("in.onnx", &m);
    bool ok = transform("in.onnx", recipes[0], "out.onnx", NULL);
    OK(ok, "a subgraph's value may have the name of the node's own output");
    if (!ok)
        printf("# %s\n", err.text);
}

/* ---- values ---- */

/* That a value is F32, as shape inference would say it. */
static void put_type_of(struct maker *m, int field, const char *name)
{
    struct buf info;
    static const int64_t dims[2] = { SIDE, SIDE };
    buf_init(&info, 1000);
    build_input(&info, &(struct build_tensor){ name, ONNX_FLOAT, 2, dims });
    info.data[0] = (char)(field << 3 | WIRE_BYTES);
    buf_add(&m->graph, info.data, info.length);
    buf_done(&info);
}

static void put_weight_of(float bad)
{
    static float values[SIDE * SIDE];
    struct maker m;
    for (size_t i = 0; i < SIDE * SIDE; i++)
        values[i] = maker_value(3, i);
    values[SIDE * SIDE - 1] = bad;
    maker_init(&m);
    maker_floats(&m, "W", 2, square, values);
    maker_node(&m, "MatMul", "n", "x", "W", "y");
    put_type_of(&m, GRAPH_INPUT, "x");
    put_type_of(&m, GRAPH_VALUE, "y");
    save("in.onnx", &m);
}

static void values_that_are_none(void)
{
    put_weight_of(NAN);
    refused("a NaN in the only weight", PARE_ERR_FORMAT, "holds infinities or NaNs");
    put_weight_of(-INFINITY);
    refused("an infinity there", PARE_ERR_FORMAT, "holds infinities or NaNs");
}

/* A data type by number, with as many bytes as given. */
static void put_type(int type, size_t bytes)
{
    static const char zeros[SIDE * SIDE * 8];
    struct maker m;
    maker_init(&m);
    build_initializer(&m.graph, &(struct build_tensor){ "W", type, 2, square }, (int64_t)bytes);
    buf_add(&m.graph, zeros, bytes);
    maker_node(&m, "MatMul", "n", "x", "W", "y");
    put_type_of(&m, GRAPH_INPUT, "x");
    put_type_of(&m, GRAPH_VALUE, "y");
    save("in.onnx", &m);
}

static void types_that_none_takes(void)
{
    put_type(11, SIDE * SIDE * 8);
    refused("doubles", PARE_ERR_REFUSED, "is not F32");
    put_type(8, 0);
    refused("strings", PARE_ERR_REFUSED, "is not F32");
    put_type(99, SIDE * SIDE);
    refused("a type that there is not", PARE_ERR_REFUSED, "is not F32");
    put_type(1, SIDE * SIDE * 4 - 4);
    refused("values that disagree with the dimensions", PARE_ERR_FORMAT,
            "it has 16380 bytes of values, its dimensions as F32 take 16384");
}

/* ---- files ---- */

static void put_external(const char *location, const char *offset)
{
    struct maker m;
    struct buf entries, entry;
    buf_init(&entries, 5000);
    for (int i = 0; i < 2; i++) {
        buf_init(&entry, 2500);
        wire_put_text(&entry, 1, i ? "offset" : "location");
        wire_put_text(&entry, 2, i ? offset : location);
        wire_put_bytes(&entries, TENSOR_EXTERNAL, entry.data, entry.length);
        buf_done(&entry);
    }
    maker_init(&m);
    build_external(&m.graph, &(struct build_tensor){ "W", ONNX_FLOAT, 2, square }, &entries);
    maker_node(&m, "MatMul", "n", "x", "W", "y");
    buf_done(&entries);
    save("in.onnx", &m);
}

static void put_data(const char *name)
{
    static float values[SIDE * SIDE];
    for (size_t i = 0; i < SIDE * SIDE; i++)
        values[i] = maker_value(4, i);
    write_bytes(name, values, sizeof(values));
}

static void files_that_are_not_there(void)
{
    put_external("none.bin", "0");
    refused("external values in a missing file", PARE_ERR_FORMAT,
            "tensor W at byte 4: its values are in another file, which belongs beside the model: "
            "there is no file none.bin");
    put_data("w.bin");
    put_external("w.bin", "4");
    refused("external values past the end", PARE_ERR_FORMAT,
            "its values are 16384 bytes at 4 of w.bin, which has 16384");
    put_external("w.bin", "9223372036854775807");
    refused("an offset at the end of all numbers", PARE_ERR_FORMAT, "which has 16384");
    put_external("../w.bin", "0");
    refused("a path out of the folder", PARE_ERR_FORMAT, "\"../w.bin\" is not a plain path");
    put_external("/etc/passwd", "0");
    refused("an absolute path", PARE_ERR_FORMAT, "\"/etc/passwd\" is not a plain path");
}

/* A link is followed inside the folder and, where a cache links the model too, to its place. */
static void links_stay_inside(void)
{
    mkdir(path_of("in"), 0700);
    mkdir(path_of("blobs"), 0700);
    put_data("in/real.bin");
    put_data("blobs/data");
    put_external("link.bin", "0");
    if (symlink("in/real.bin", path_of("link.bin")))
        abort();
    OK(transform("in.onnx", recipes[0], "out.onnx", NULL), "a link inside the folder is followed");
    if (rename(path_of("in.onnx"), path_of("in/in.onnx")) ||
        symlink("../blobs/data", path_of("in/link.bin")))
        abort();
    OK(!transform("in/in.onnx", recipes[0], "out.onnx", NULL) && err.code == PARE_ERR_FORMAT &&
           strstr(err.text, "link.bin is a link that leads out of the model's folder, to /"),
       "one out of it is not");
    if (rename(path_of("in/in.onnx"), path_of("blobs/model")) ||
        symlink("../blobs/model", path_of("in/in.onnx")))
        abort();
    OK(transform("in/in.onnx", recipes[0], "out.onnx", NULL),
       "but where the model itself is a link, to its folder");
}

/* Under no name and by no link is anything of the source written over. */
static void outputs_that_are_sources(void)
{
    struct stat before, after;
    put_data("w.bin");
    put_data("out.onnx.data");
    put_external("w.bin", "0");
    if (link(path_of("w.bin"), path_of("hard.onnx")) || symlink("w.bin", path_of("soft.onnx")) ||
        link(path_of("in.onnx"), path_of("same.onnx")))
        abort();
    static const char *const names[] = { "in.onnx", "same.onnx", "w.bin", "hard.onnx",
                                         "soft.onnx" };
    bool ok = stat(path_of("w.bin"), &before) == 0;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        ok = ok && !transform("in.onnx", recipes[0], names[i], NULL) &&
             err.code == PARE_ERR_REFUSED && strstr(err.text, "is a file of the source");
    OK(ok, "an output that is the source or its data, by any name, is refused");
    ok = stat(path_of("w.bin"), &after) == 0 && before.st_ino == after.st_ino &&
         before.st_mtim.tv_nsec == after.st_mtim.tv_nsec && before.st_nlink == after.st_nlink;
    OK(ok, "and the source is as it was");
    put_external("out.onnx.data", "0");
    OK(!transform("in.onnx", recipes[0], "out.onnx", NULL) && err.code == PARE_ERR_REFUSED &&
           strstr(err.text, "out.onnx.data is a file of the source"),
       "nor may the output's own data file be one");
}

/* ---- names ---- */

static bool holds(const char *file, const char *text)
{
    struct buf bytes;
    buf_init(&bytes, MAKER_MAX);
    bool found = file_read(path_of(file), &bytes, &err) &&
                 memmem(bytes.data, bytes.length, text, strlen(text));
    buf_done(&bytes);
    return found;
}

static void names_that_are_no_text(void)
{
    struct maker m;
    bool written = true, told = true;
    maker_init(&m);
    maker_weight(&m, "W\xff\xc3(", 2, square, 1);
    maker_node(&m, "MatMul", "node \xfe", "x", "W\xff\xc3(", "h");
    maker_node(&m, "Relu", "other \x80\xed\xa0\x80", "h", NULL, "y\xf5");
    put_type_of(&m, GRAPH_INPUT, "x");
    put_type_of(&m, GRAPH_VALUE, "h");
    save("in.onnx", &m);
    for (size_t i = 0; i < ARRAY_SIZE(recipes); i++) {
        char *report = NULL;
        enum json_kind kind;
        bool ok = transform("in.onnx", recipes[i], "out.onnx", &report);
        written = written && ok && holds("out.onnx", "W\xff\xc3(") &&
                  holds("out.onnx", "other \x80\xed\xa0\x80") && holds("out.onnx", "y\xf5");
        told = told && ok && json_check(report, strlen(report), &kind, &err);
        if (!ok)
            printf("# %s: %s\n", recipes[i], err.text);
        free(report);
    }
    OK(written, "names that are not UTF-8 come through byte by byte");
    OK(told, "and the report is JSON all the same");
}

static void clean_up(void)
{
    static const char *const inner[] = { "in/real.bin", "in/link.bin", "in/in.onnx", "blobs/data",
                                         "blobs/model" };
    for (size_t i = 0; i < ARRAY_SIZE(inner); i++)
        unlink(path_of(inner[i]));
    rmdir(path_of("in"));
    rmdir(path_of("blobs"));
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] != '.')
            unlink(path_of(e->d_name));
    closedir(dir);
    rmdir(folder);
}

int main(void)
{
    snprintf(folder, sizeof(folder), "%s/pare-bad-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder))
        return 99;
    graphs_that_no_runtime_loads();
    versions_that_cannot_be();
    inner_names_are_their_own();
    values_that_are_none();
    types_that_none_takes();
    files_that_are_not_there();
    links_stay_inside();
    outputs_that_are_sources();
    names_that_are_no_text();
    clean_up();
    return tap_done();
}
