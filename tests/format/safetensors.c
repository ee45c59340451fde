/* SPDX-License-Identifier: MIT */
/* safetensors read and written: what is a model, what is refused in which words, and the bytes. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/file.h"
#include "engine/engine.h"
#include "format/format.h"
#include "format/sink.h"
#include "format/source.h"
#include "tap.h"

static struct pare_error err;

/* A file of this header and so many bytes of values: 0, 1, 2, ... */
static void make(struct buf *buf, const char *header, size_t values)
{
    size_t length = strlen(header);
    buf_init(buf, 1 << 20);
    for (int i = 0; i < 8; i++)
        buf_char(buf, (char)(length >> 8 * i));
    buf_text(buf, header);
    for (size_t i = 0; i < values; i++)
        buf_char(buf, (char)i);
}

static struct model *open_bytes(const void *bytes, size_t length)
{
    struct source *source;
    struct model *model = NULL;
    err.text[0] = '\0';
    if (!source_open_memory("m.safetensors", bytes, length, &source, &err) ||
        !model_open(source, &model, &err))
        return NULL;
    return model;
}

static void refused(const char *what, const char *header, size_t values, const char *expected)
{
    struct buf file;
    make(&file, header, values);
    struct model *model = open_bytes(file.data, file.length);
    IS(model ? "it opened" : err.text, expected, what);
    model_close(model);
    buf_done(&file);
}

#define A "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"

static void reading(void)
{
    struct buf file;
    float value = 1;
    make(&file,
         "{\"__metadata__\":{\"format\":\"pt\"},"
         "\"m.mlp.up.weight\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[8,20]},"
         "\"lm_head.weight\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[20,28]},"
         "\"\\u00e9\\\"\":{\"data_offsets\":[0,8],\"shape\":[2],\"dtype\":\"F32\"},"
         "\"empty\":{\"dtype\":\"I64\",\"shape\":[0,4],\"data_offsets\":[28,28]},"
         "\"one\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[28,29]}}   ",
         29);
    struct model *model = open_bytes(file.data, file.length);
    if (!OK(model, "a file with tensors of several types, padded")) {
        printf("# %s\n", err.text);
        buf_done(&file);
        return;
    }
    const struct tensor *t = model->tensors;
    OK(model->tensor_count == 5 && !strcmp(model->format->name, "safetensors"), "has all of them");
    IS(t[0].shown.name, "\xc3\xa9\"", "in the order of their bytes, escapes understood");
    OK(t[1].weight && t[1].channel_axis == 0 && t[1].widens, "a matrix is a Linear layer's weight");
    IS(t[1].shown.node, "m.mlp.up", "whose name is the layer's");
    OK(!t[2].weight && t[2].no_weight, "the output layer is left");
    OK(t[3].shown.element_count == 0 && t[4].shown.rank == 0 && t[4].shown.element_count == 1,
       "an empty one, a scalar");
    OK(model_read(model, &t[0], 4, 4, &value, &err) && !memcmp(&value, "\4\5\6\7", 4),
       "values are read from where they are");
    OK(model->fact_count == 1 && !strcmp(model->facts[0].value, "pt"), "what it says of itself");
    model_close(model);
    buf_done(&file);
}

static void form(void)
{
    refused("no header", "", 0,
            "m.safetensors: not an ONNX model, or a damaged one: at byte 0 a field was expected");
    refused("a header that is cut off", "{" A, 8,
            "m.safetensors: its header: not JSON: it ends where a comma or } was expected");
    refused("a name twice", "{" A "," A "}", 8,
            "m.safetensors: its header: not usable JSON: the key \"a\" comes twice");
    refused("a name twice, spelled differently",
            "{" A ",\"\\u0061\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[8,8]}}", 8,
            "m.safetensors: there are two tensors a");
    refused("metadata that is no object", "{\"__metadata__\":3," A "}", 8,
            "m.safetensors: __metadata__ is no object");
    refused("metadata of numbers", "{\"__metadata__\":{\"x\":3}," A "}", 8,
            "m.safetensors: __metadata__ holds something that is no string, 3");
    refused("a tensor without shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8,
            "m.safetensors: tensor a: it lacks one of dtype, shape and data_offsets");
    refused("a dtype of no kind",
            "{\"a\":{\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
            "m.safetensors: tensor a: the dtype \"F33\" is not known");
}

static void places(void)
{
    refused("a shape of another size",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8,
            "m.safetensors: tensor a: its dtype and shape take 12 bytes, its data_offsets 8");
    refused("a negative size", "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}",
            8, "m.safetensors: tensor a: its shape holds something that is no size");
    refused("a shape that overflows",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],"
            "\"data_offsets\":[0,8]}}",
            8, "m.safetensors: tensor a: its shape is larger than any file");
    refused("17 dimensions",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2],"
            "\"data_offsets\":[0,8]}}",
            8, "m.safetensors: tensor a: it has more than 16 dimensions");
    refused("half bytes", "{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", 2,
            "m.safetensors: tensor a: its elements do not fill whole bytes");
    refused("one offset", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", 8,
            "m.safetensors: tensor a: its data_offsets are not two places, begin and end");
    refused("an end before the begin",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8,
            "m.safetensors: tensor a: its data_offsets are not two places, begin and end");
    refused("a hole", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12,
            "m.safetensors: tensor a begins at byte 4, there is a hole from 0");
    refused("two that overlap",
            "{" A ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12,
            "m.safetensors: tensor b begins at byte 4, another one goes on to 8");
    refused("too few bytes", "{" A "}", 7,
            "m.safetensors: the file is cut off: its values end at byte 70, the file at 69; fetch "
            "it again");
    refused("too many", "{" A "}", 9, "m.safetensors: 1 bytes follow the last tensor");
    refused("an offset beyond all files",
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[9223372036854775807],"
            "\"data_offsets\":[0,9223372036854775807]}}",
            8, "m.safetensors: tensor a: it ends behind any file");
}

static void lengths(void)
{
    static const char huge[] = "\x01\xe1\xf5\x05\0\0\0\0{}", cut[] = "\x40\0\0\0\0\0\0\0{\"a\": 1}";
    struct model *model = open_bytes(cut, sizeof(cut) - 1);
    IS(model ? "it opened" : err.text,
       "m.safetensors: the file is cut off: its header takes 64 bytes, the file has 16; fetch it "
       "again",
       "a header that ends behind the file");
    model_close(model);
    model = open_bytes(huge, sizeof(huge) - 1);
    OK(!model, "a header of 100 000 001 bytes is none");
    model_close(model);
}

/* ---- what is written ---- */

static struct pare_recipe *recipe_of(const char *text)
{
    struct pare_recipe *recipe = NULL;
    return pare_recipe_parse(text, strlen(text), &recipe, &err) ? recipe : NULL;
}

/* The output of a recipe on these bytes, without provenance's digest. */
static bool transform(const struct buf *file, const char *text, const char *to)
{
    struct source *source;
    struct pare_model *model = NULL;
    struct pare_plan *plan = NULL;
    struct pare_report *report = NULL;
    struct pare_recipe *recipe = recipe_of(text);
    bool ok = recipe &&
              source_open_memory("m.safetensors", file->data, file->length, &source, &err) &&
              engine_open(source, &model, &err) &&
              pare_plan_make(model, recipe, &(struct pare_plan_options){ .no_digest = true }, &plan,
                             &err) &&
              pare_run(plan, to, &(struct pare_run_options){ .no_sync = true }, &report, &err);
    pare_report_free(report);
    pare_plan_free(plan);
    pare_model_close(model);
    pare_recipe_free(recipe);
    if (!ok)
        printf("# %s\n", err.text);
    return ok;
}

static void writing(void)
{
    /* The reference writer's order and JSON: types of many bits first, then names. */
    static const char expected[] =
        "\"b.weight\":{\"dtype\":\"F16\",\"shape\":[1,2],\"data_offsets\":[8,12]},"
        "\"n\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[12,13]}}";
    static const unsigned char values[] = { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x3c, 0, 0xc0, 7 };
    struct buf file, out;
    char path[64];
    snprintf(path, sizeof(path), "safetensors-%d.tmp", (int)getpid());
    make(&file,
         "{\"__metadata__\":{\"pare.engine\":\"old\",\"x\":\"\\u001f\\n/\"},"
         "\"n\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
         "\"b.weight\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[1,9]},"
         "\"i\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[9,17]}}",
         0);
    buf_add(&file, "\7\0\0\x80\x3f\0\0\0\xc0\1\0\0\0\0\0\0\0", 17);
    buf_init(&out, 1 << 20);
    OK(transform(&file, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"fp16\"}]}", path) &&
           file_read(path, &out, &err),
       "float32 becomes float16");
    unlink(path);
    const char *text = buf_string(&out);
    OK(out.length > 200 && out.length % 8 == (sizeof(values)) % 8, "the values are aligned");
    OK(out.length > sizeof(values) &&
           !memcmp(text + out.length - sizeof(values), values, sizeof(values)),
       "and in their new order");
    OK(out.length > 8 && memmem(text, out.length, expected, sizeof(expected) - 1),
       "as the header has them");
    OK(out.length > 8 &&
           memmem(text, out.length, "{\"x\":\"\\u001f\\n/\",\"pare.engine\":\"pare ", 34),
       "metadata stays, labels of an earlier run go");
    buf_done(&out);
    buf_done(&file);
}

int main(void)
{
    reading();
    form();
    places();
    lengths();
    writing();
    return tap_done();
}
