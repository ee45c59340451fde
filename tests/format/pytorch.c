/* SPDX-License-Identifier: MIT */
/* PyTorch's files read and written: tensors, what shares what, what is refused in which words. */
#include <stdlib.h>

#include "archive.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "engine/engine.h"
#include "format/format.h"
#include "format/pickle.h"
#include "format/sink.h"
#include "format/source.h"
#include "format/zip.h"
#include "tap.h"

enum { MEMBERS = 2 };

static struct pare_error err;

static struct model *open_bytes(const void *bytes, size_t length)
{
    struct source *source;
    struct model *model = NULL;
    err.text[0] = '\0';
    if (!source_open_memory("m.pt", bytes, length, &source, &err) ||
        !model_open(source, &model, &err))
        return NULL;
    return model;
}

static struct model *archive_open(struct archive *a)
{
    archive_end(a);
    return open_bytes(a->file.data, a->file.length);
}

static void archive_refused(struct archive *a, const char *what, const char *expected)
{
    struct model *model = archive_open(a);
    IS(model ? "it opened" : err.text, expected, what);
    model_close(model);
    archive_done(a);
}

/* ---- pickles made here ---- */

/* A tensor of two dimensions, of a float storage `key` of `count`. */
static void put_tensor(struct buf *buf, const char *key, int64_t count, int64_t offset,
                       const int64_t *sizes, const int64_t *strides)
{
    struct pickle_writer w = { .buf = buf };
    pickle_put_global(&w, "torch._utils _rebuild_tensor_v2");
    buf_text(buf, "((");
    pickle_put_text(&w, "storage");
    pickle_put_global(&w, "torch FloatStorage");
    pickle_put_text(&w, key);
    pickle_put_text(&w, "cpu");
    pickle_put_int(&w, count);
    buf_text(buf, "tQ");
    pickle_put_int(&w, offset);
    pickle_put_tuple(&w, sizes, 2);
    pickle_put_tuple(&w, strides, 2);
    buf_text(buf, "\x89}tR");
}

/* {"a": such a tensor} over a storage "0" of eight floats */
static void tensor_refused(const char *what, const char *key, int64_t count, int64_t offset,
                           const int64_t *sizes, const int64_t *strides, const char *expected)
{
    struct archive a;
    struct buf pickle;
    buf_init(&pickle, ARCHIVE_MAX);
    buf_add(&pickle, "\x80\x02}X\1\0\0\0a", 9);
    put_tensor(&pickle, key, count, offset, sizes, strides);
    buf_text(&pickle, "s.");
    archive_init(&a);
    archive_add(&a, "m/data.pkl", pickle.data, pickle.length, NULL);
    archive_add(&a, "m/data/0", "01234567890123456789012345678901", 32, NULL);
    archive_refused(&a, what, expected);
    buf_done(&pickle);
}

static void pickle_refused(const char *what, const char *pickle, size_t length,
                           const char *expected)
{
    struct archive a;
    archive_init(&a);
    archive_add(&a, "m/data.pkl", pickle, length, NULL);
    archive_refused(&a, what, expected);
}

#define REFUSED(what, pickle, expected) pickle_refused(what, pickle, sizeof(pickle) - 1, expected)

/* ---- what is refused ---- */

static void pickles(void)
{
    REFUSED("a global that could run something",
            "\x80\x02"
            "cos\nsystem\nX\2\0\0\0id\x85R.",
            "m.pt: its pickle calls for os.system, which no state dict needs; nothing of it was "
            "run. With torch, save the state_dict() alone");
    REFUSED("one whose name only begins well",
            "\x80\x02"
            "ctorch\nFloatStorage2\n.",
            "m.pt: its pickle calls for torch.FloatStorage2, which no state dict needs; nothing "
            "of it was run. With torch, save the state_dict() alone");
    REFUSED("an instruction of other pickles", "\x80\x02(ios\nsystem\n.",
            "m.pt: its pickle has the instruction 0x69 at byte 3, which no state dict needs");
    REFUSED("a newer protocol", "\x80\x04}.",
            "m.pt: its pickle is of protocol 4, and 2 is what torch writes; load it with torch "
            "and save it again");
    REFUSED("a pickle that is cut off", "\x80\x02}X\1\0\0\1a",
            "m.pt: the pickle is damaged: at byte 8 it ends in the middle");
    REFUSED("one that takes from an empty stack", "\x80\x02s.",
            "m.pt: the pickle is damaged: at byte 3 a value is missing");
    REFUSED("one that takes a mark for a value", "\x80\x02(a.",
            "m.pt: the pickle is damaged: at byte 4 a value is missing");
    REFUSED("one without a mark", "\x80\x02Nt.",
            "m.pt: the pickle is damaged: at byte 4 a mark is missing");
    REFUSED("one that recalls what was not put away", "\x80\x02h\5.",
            "m.pt: the pickle is damaged: at byte 4 something is recalled that was never put away");
    REFUSED("one that remembers too far", "\x80\x02}r\xff\xff\xff\xff.",
            "m.pt: the pickle remembers more than 8388608 values");
    REFUSED("one that calls a number", "\x80\x02K\1)R.",
            "m.pt: the pickle is damaged: at byte 6 something is called that is no global");
    REFUSED("a list that holds itself", "\x80\x02]q\0h\0a.",
            "m.pt: more than 4194304 values, or one 32 deep");
    REFUSED("a persistent thing that is no storage",
            "\x80\x02"
            "ctorch._utils\n_rebuild_tensor_v2\n(K\1QK\0))\x89}tR.",
            "m.pt: tensor tensor: its pickle refers to something that is no storage");
}

static void tensors(void)
{
    static const int64_t two_by_four[] = { 2, 4 }, row[] = { 4, 1 }, far[] = { 5, 1 };
    static const int64_t huge[] = { INT64_MAX, INT64_MAX }, back[] = { -4, 1 };
    static const int64_t wide[] = { 2, 2 }, reach[] = { INT64_MAX, INT64_MAX };
    tensor_refused("a storage that is missing", "1", 8, 0, two_by_four, row,
                   "m.pt: tensor a: the storage data/1 is missing");
    tensor_refused("a storage of another size", "0", 9, 0, two_by_four, row,
                   "m.pt: tensor a: the storage data/0 is said to hold 9 elements of float32, but "
                   "takes 32 bytes");
    tensor_refused("a storage of a size that overflows", "0", (INT64_MAX >> 1) + 9, 0, two_by_four,
                   row,
                   "m.pt: tensor a: the storage data/0 is said to hold 4611686018427387912 "
                   "elements of float32, but takes 32 bytes");
    tensor_refused("a view beyond the end", "0", 8, 1, two_by_four, row,
                   "m.pt: tensor a: it looks at elements from 1 on, beyond the end of its storage "
                   "of 8");
    tensor_refused("strides beyond the end", "0", 8, 0, two_by_four, far,
                   "m.pt: tensor a: it looks at elements from 0 on, beyond the end of its storage "
                   "of 8");
    tensor_refused("a view before the start", "0", 8, -1, two_by_four, row,
                   "m.pt: tensor a: it looks at elements from -1 on, beyond the end of its storage "
                   "of 8");
    tensor_refused("strides backwards", "0", 8, 4, two_by_four, back,
                   "m.pt: tensor a: its sizes or strides hold something that is no size");
    tensor_refused("a shape that overflows", "0", 8, 0, huge, row,
                   "m.pt: tensor a: its shape is larger than any file");
    tensor_refused("strides that overflow", "0", 8, 0, wide, reach,
                   "m.pt: tensor a: its strides reach further than any file");
}

/* {} as the objects, and one more member that is not as it should be. */
static void member_refused(const char *what, const char *name, const char *bytes,
                           const struct lie *lie, const char *expected)
{
    struct archive a;
    archive_init(&a);
    archive_add(&a, "m/data.pkl", "\x80\x02}.", 4, NULL);
    archive_add(&a, name, bytes, strlen(bytes), lie);
    archive_refused(&a, what, expected);
}

static void members(void)
{
    static const char legacy[] = "\x80\x02\x8a\nl\xfc\x9c"
                                 "F\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.";
    struct archive a;
    archive_init(&a);
    archive_add(&a, "m/x.npy", "1", 1, NULL);
    archive_refused(&a, "a zip of another kind",
                    "m.pt: a zip file that torch.save() did not write: it holds no data.pkl");
    archive_init(&a);
    archive_add(&a, "m/data.pkl", "\x80\x02}.", 4, &(struct lie){ .crc = 1 });
    archive_refused(&a, "objects of another CRC-32",
                    "m.pt: m/data.pkl: the bytes do not match their CRC-32");
    member_refused("compression", "m/data/0", "1234", &(struct lie){ .method = 8 },
                   "m.pt: m/data/0 is compressed, and torch.save() stores: load it with torch and "
                   "save it again");
    member_refused("encryption", "m/data/0", "1234", &(struct lie){ .flags = 1 },
                   "m.pt: m/data/0 is encrypted");
    member_refused("a size beyond the file", "m/data/0", "1234", &(struct lie){ .more_bytes = 99 },
                   "m.pt: m/data/0 reaches past the end of the archive");
    member_refused("a name twice", "m/data.pkl", "1234", NULL,
                   "m.pt: there are two members m/data.pkl");
    member_refused("numbers the other way round", "m/byteorder", "big", NULL,
                   "m.pt: its numbers are not little-endian: load it with torch on such a machine "
                   "and save it again");
    struct model *model = open_bytes(legacy, sizeof(legacy) - 1);
    IS(model ? "it opened" : err.text,
       "m.pt: the form that PyTorch wrote before 1.6: load it with torch and save it again, or as "
       "safetensors",
       "the form before 1.6");
    model_close(model);
}

/* Two ways to the same name. */
static void names(void)
{
    static const int64_t sizes[] = { 2, 4 }, strides[] = { 4, 1 };
    struct archive a;
    struct buf pickle;
    buf_init(&pickle, ARCHIVE_MAX);
    buf_add(&pickle, "\x80\x02}(X\1\0\0\0a}X\1\0\0\0b", 17);
    put_tensor(&pickle, "0", 8, 0, sizes, strides);
    buf_add(&pickle, "sX\3\0\0\0a.b", 9);
    put_tensor(&pickle, "0", 8, 0, sizes, strides);
    buf_text(&pickle, "u.");
    archive_init(&a);
    archive_add(&a, "m/data.pkl", pickle.data, pickle.length, NULL);
    archive_add(&a, "m/data/0", "01234567890123456789012345678901", 32, NULL);
    archive_refused(&a, "two tensors of a name", "m.pt: there are two tensors a.b");
    buf_done(&pickle);
}

/* ---- a file of torch ---- */

static bool read_state(struct buf *file)
{
    struct arena arena = { 0 };
    const char *top = getenv("top_srcdir");
    buf_init(file, ARCHIVE_MAX);
    bool ok =
        file_read(arena_printf(&arena, "%s/tests/data/state.pt", top ? top : "."), file, &err);
    arena_done(&arena);
    return ok;
}

static const struct tensor *find(const struct model *model, const char *name)
{
    static const struct tensor none = { .shown = { .name = "", .node = "", .op = "" } };
    for (size_t i = 0; i < model->tensor_count; i++)
        if (!strcmp(model->tensors[i].shown.name, name))
            return &model->tensors[i];
    return &none;
}

static const char *fact(const struct model *model, const char *key)
{
    for (size_t i = 0; i < model->fact_count; i++)
        if (!strcmp(model->facts[i].key, key))
            return model->facts[i].value;
    return "";
}

static void reading(const struct buf *file)
{
    float value = 0;
    struct model *model = open_bytes(file->data, file->length);
    if (!OK(model && model->tensor_count == 11, "a file of torch has its tensors")) {
        printf("# %s\n", err.text);
        return;
    }
    const struct tensor *up = find(model, "state_dict.up.weight");
    OK(up->weight && up->shown.dims[0] == 3 && up->shown.dims[1] == 4,
       "a parameter of a layer, below its dict's name");
    IS(up->shown.node, "state_dict.up", "whose name is the layer's");
    OK(model_read(model, up, 44, 4, &value, &err) && value == 5, "its values are read in place");
    const struct tensor *tail = find(model, "state_dict.tail.weight");
    OK(model_read(model, tail, 0, 4, &value, &err) && value == 2, "a view begins where it looks");
    IS(tail->no_fp16, "it shares some of its values with state_dict.embed.weight",
       "and stays as it is");
    const struct tensor *turned = find(model, "state_dict.turned.weight");
    OK(!model_read(model, turned, 0, 4, &value, &err), "a turned view is not read");
    IS(turned->unreadable, "its values do not lie in a row", "for a reason");
    OK(find(model, "state_dict.half.weight")->widens &&
           find(model, "state_dict.none")->shown.element_count == 0 &&
           find(model, "state_dict.steps")->shown.rank == 0,
       "halves, an empty one, a scalar");
    IS(find(model, "tied.two.weight")->no_weight,
       "it is the same as, and goes with, tied.one.weight",
       "the second of two that are one goes with the first");
    IS(fact(model, "values that are no tensors"), "5", "the others are counted");
    model_close(model);
}

/* ---- what is written ---- */

/* The output of a recipe, its size as the plan had it; opened again. */
static struct model *transform(const struct buf *file, const char *text, struct buf *ret_out)
{
    struct source *source;
    struct pare_recipe *recipe = NULL;
    struct pare_model *model = NULL;
    struct pare_plan *plan = NULL;
    struct pare_report *report = NULL;
    char path[64];
    snprintf(path, sizeof(path), "pytorch-%d.tmp", (int)getpid());
    buf_init(ret_out, ARCHIVE_MAX);
    bool ok = pare_recipe_parse(text, strlen(text), &recipe, &err) &&
              source_open_memory("m.pt", file->data, file->length, &source, &err) &&
              engine_open(source, &model, &err) &&
              pare_plan_make(model, recipe, NULL, &plan, &err) &&
              pare_run(plan, path, &(struct pare_run_options){ .no_sync = true }, &report, &err) &&
              file_read(path, ret_out, &err);
    OK(ok && (int64_t)ret_out->length == pare_plan_after_bytes(plan), "as large as was planned");
    pare_report_free(report);
    pare_plan_free(plan);
    pare_model_close(model);
    pare_recipe_free(recipe);
    unlink(path);
    if (!ok)
        printf("# %s\n", err.text);
    return ok ? open_bytes(ret_out->data, ret_out->length) : NULL;
}

/* Every member's CRC-32, and where its bytes begin. */
static bool check_members(const struct buf *file)
{
    struct arena arena = { 0 };
    struct source *source;
    struct zip zip;
    size_t number;
    char bytes[4096];
    bool ok = source_open_memory("m.pt", file->data, file->length, &source, &err);
    if (!ok)
        return false;
    ok = source_file(source, "m.pt", &number, &err) && zip_open(source, number, &arena, &zip, &err);
    for (size_t i = 0; ok && i < zip.count; i++) {
        const struct zip_entry *entry = &zip.entries[i];
        struct zip_stream *stream = NULL;
        int64_t at;
        ok = entry->size_bytes <= (int64_t)sizeof(bytes) && zip_payload(&zip, entry, &at, &err) &&
             at % 64 == 0 && zip_begin(&zip, entry, &stream, &err) &&
             zip_read(stream, bytes, (size_t)entry->size_bytes, &err) && zip_finish(stream, &err);
        zip_end(stream);
    }
    source_close(source);
    arena_done(&arena);
    return ok;
}

static void halving(const struct buf *file)
{
    struct buf out, again;
    uint16_t value = 0;
    struct model *model =
        transform(file, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"fp16\"}]}", &out);
    if (!OK(model && model->tensor_count == 11, "float32 becomes float16")) {
        buf_done(&out);
        return;
    }
    const struct tensor *up = find(model, "state_dict.up.weight");
    OK(up->shown.dtype == PARE_F16 && model_read(model, up, 22, 2, &value, &err) && value == 0x4500,
       "with its values");
    const struct tensor *one = find(model, "tied.one.weight");
    const struct tensor *two = find(model, "tied.two.weight");
    OK(two->shown.dtype == PARE_F16 && one->file_offset == two->file_offset &&
           two->shown.dims[0] == 4,
       "two that were one are one still");
    OK(find(model, "state_dict.embed.weight")->shown.dtype == PARE_F32 &&
           find(model, "state_dict.embed.weight")->file_offset ==
               find(model, "state_dict.lm_head.weight")->file_offset,
       "what shares a part stays as it is, and shares it");
    IS(fact(model, "values that are no tensors"), "5", "what is no tensor is there too");
    OK(!strncmp(fact(model, "pare.engine"), "pare ", 5), "it says what made it");
    OK(check_members(&out), "every member's CRC-32 is right, its bytes begin at a multiple of 64");
    model_close(model);
    model =
        transform(&out, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"bf16\"}]}", &again);
    OK(model && check_members(&again), "what is made of it again is as good");
    model_close(model);
    buf_done(&again);
    buf_done(&out);
}

static void pruning(const struct buf *file)
{
    struct buf out;
    float values[12];
    size_t zeros = 0;
    struct model *model = transform(
        file, "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0.5}]}", &out);
    OK(model &&
           model_read(model, find(model, "state_dict.up.weight"), 0, sizeof(values), values, &err),
       "values change in place");
    for (size_t i = 0; model && i < ARRAY_SIZE(values); i++)
        zeros += values[i] == 0;
    OK(zeros == 6, "half of them are zero");
    OK(check_members(&out), "every member's CRC-32 is right");
    model_close(model);
    buf_done(&out);
}

/* A parameter in a dict of a dict: what is written beside it is in that dict. */
static void quantizing(const struct buf *file)
{
    static const char steps[] = "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"nf4\"}]}";
    struct buf out;
    float map[16] = { 0 };
    struct model *model = transform(file, steps, &out);
    const struct tensor *up = model ? find(model, "state_dict.up.weight") : NULL;
    const struct tensor *codes = model ? find(model, "state_dict.up.weight.quant_map") : NULL;
    OK(up && up->shown.dtype == PARE_U8 && up->shown.dims[0] == 6 && up->shown.dims[1] == 1,
       "a parameter becomes codes");
    OK(codes && model_read(model, codes, 0, sizeof(map), map, &err) && map[0] == -1 && map[15] == 1,
       "and their map, in the dict that it was in");
    OK(model && find(model, "state_dict.embed.weight")->shown.dtype == PARE_F32 &&
           find(model, "tied.one.weight")->shown.dtype == PARE_F32,
       "the embedding stays, and what is there in two shapes");
    OK(check_members(&out), "every member's CRC-32 is right");
    model_close(model);
    model = open_bytes(out.data, out.length);
    OK(model && model->quantized && strstr(model->quantized, "it holds state_dict.up.weight."),
       "it is known to be quantized");
    model_close(model);
    buf_done(&out);
}

/* Cut anywhere, it is refused or opens; never more. */
static void cutting(const struct buf *file)
{
    bool ok = true;
    for (size_t n = 0; n < file->length; n += 7) {
        struct model *model = open_bytes(file->data, n);
        ok = ok && !model && err.text[0];
        model_close(model);
    }
    OK(ok, "cut short anywhere it is refused");
}

int main(void)
{
    struct buf file;
    pickles();
    tensors();
    members();
    names();
    if (OK(read_state(&file), "tests/data/state.pt is there")) {
        reading(&file);
        halving(&file);
        pruning(&file);
        quantizing(&file);
        cutting(&file);
    }
    buf_done(&file);
    return tap_done();
}
