/* SPDX-License-Identifier: MIT */
/* Channels and heads taken out of checkpoints: what goes, what is left, what is refused. */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "engine/engine.h"
#include "tap.h"

/* A block of 2 hidden, 4 intermediate, 2 heads of 3 with keys and values of their own. */
enum { HIDDEN = 2, INTER = 4, HEADS = 2, HEAD = 3, ALL = HEADS * HEAD };

#define BLOCK "model.layers.0."
#define CONFIG                                                                                     \
    "{\"model_type\": \"llama\", \"hidden_size\": 6, \"num_attention_heads\": 2,\n"                \
    "  \"intermediate_size\": 4, \"vocab_size\": 9}\n"

static struct arena arena;
static struct pare_error err;
static char folder[] = "structure-XXXXXX";

static const char *path_of(const char *name)
{
    return arena_printf(&arena, "%s/%s", folder, name);
}

static void put(const char *name, const struct buf *bytes)
{
    struct file_out out = { 0 };
    if (!file_out_open(&out, path_of(name), &err) ||
        !file_out_write(&out, bytes->data, bytes->length, &err) || !file_out_commit(&out, &err)) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    file_out_done(&out);
}

/* ---- a checkpoint ---- */

struct made {
    struct buf header, values;
};

/* NAME of rows x columns: row r, column c is 10 r + c + 1, times `factor` of its row or column. */
static void add(struct made *m, const char *name, int rows, int columns, const float *by_row,
                const float *by_column)
{
    size_t begin = m->values.length;
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) {
            float x = (float)(10 * r + c + 1);
            x *= (by_row ? by_row[r] : 1) * (by_column ? by_column[c] : 1);
            buf_add(&m->values, &x, sizeof(x));
        }
    buf_printf(&m->header,
               "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%d,%d],\"data_offsets\":[%zu,%zu]}",
               m->header.length ? "," : "{", name, rows, columns, begin, m->values.length);
}

static void put_checkpoint(const char *name, struct made *m)
{
    struct buf file;
    buf_init(&file, 1 << 16);
    buf_char(&m->header, '}');
    for (int i = 0; i < 8; i++)
        buf_char(&file, (char)(m->header.length >> 8 * i));
    buf_add(&file, m->header.data, m->header.length);
    buf_add(&file, m->values.data, m->values.length);
    put(name, &file);
    buf_done(&file);
    buf_done(&m->header);
    buf_done(&m->values);
}

/* Of the four channels 1 and 3 matter least, of the heads the first. */
static void make(const char *name, bool with_stranger)
{
    static const float up[] = { 1, 0.001f, 1, 0 }, out[] = { 1, 1, 1, 4, 4, 4 };
    struct made m;
    buf_init(&m.header, 1 << 16);
    buf_init(&m.values, 1 << 16);
    add(&m, BLOCK "mlp.gate_proj.weight", INTER, HIDDEN, NULL, NULL);
    add(&m, BLOCK "mlp.up_proj.weight", INTER, HIDDEN, up, NULL);
    add(&m, BLOCK "mlp.down_proj.weight", HIDDEN, INTER, NULL, NULL);
    add(&m, BLOCK "self_attn.q_proj.weight", ALL, HIDDEN, NULL, NULL);
    add(&m, BLOCK "self_attn.k_proj.weight", ALL, HIDDEN, NULL, NULL);
    add(&m, BLOCK "self_attn.v_proj.weight", ALL, HIDDEN, NULL, NULL);
    add(&m, BLOCK "self_attn.o_proj.weight", HIDDEN, ALL, NULL, out);
    if (with_stranger)
        add(&m, BLOCK "mlp.up_proj.lora_A", 1, HIDDEN, NULL, NULL);
    put_checkpoint(name, &m);
}

static void make_folder(const char *name, const char *config, bool with_stranger)
{
    struct buf text;
    buf_init(&text, 1 << 16);
    buf_text(&text, config);
    mkdir(path_of(name), 0777);
    put(arena_printf(&arena, "%s/config.json", name), &text);
    make(arena_printf(&arena, "%s/model.safetensors", name), with_stranger);
    buf_done(&text);
}

/* ---- looking ---- */

static bool transform(const char *from, const char *to, const char *steps, int64_t *ret_planned)
{
    struct pare_model *model = NULL;
    struct pare_recipe *recipe = NULL;
    struct pare_plan *plan = NULL;
    struct pare_report *report = NULL;
    const char *text = arena_printf(&arena, "{\"steps\": [%s]}", steps);
    bool ok = pare_recipe_parse(text, strlen(text), &recipe, &err) &&
              pare_model_open(path_of(from), &model, &err) &&
              pare_plan_make(model, recipe, NULL, &plan, &err);
    *ret_planned = ok ? pare_plan_after_bytes(plan) : 0;
    ok = ok &&
         pare_run(plan, path_of(to), &(struct pare_run_options){ .no_sync = true }, &report, &err);
    pare_report_free(report);
    pare_plan_free(plan);
    pare_model_close(model);
    pare_recipe_free(recipe);
    return ok;
}

/* "2x3: 1 2 3 11 12 13" */
static const char *values_of(const char *name, const char *tensor)
{
    struct pare_model *model;
    struct buf text;
    float x[64];
    if (!pare_model_open(path_of(name), &model, &err))
        return err.text;
    size_t index = pare_model_find(model, tensor);
    const struct pare_tensor *t = pare_model_tensor(model, index);
    buf_init(&text, 4096);
    if (t && t->size_bytes <= (int64_t)sizeof(x) &&
        pare_model_read(model, index, 0, (size_t)t->size_bytes, x, &err)) {
        buf_printf(&text, "%lldx%lld:", (long long)t->dims[0], (long long)t->dims[1]);
        for (int64_t i = 0; i < t->element_count; i++)
            buf_printf(&text, " %g", (double)x[i]);
    }
    const char *copy = arena_strdup(&arena, buf_string(&text));
    buf_done(&text);
    pare_model_close(model);
    return copy;
}

static const char *text_of(const char *name)
{
    struct buf buf;
    buf_init(&buf, 1 << 16);
    const char *text = file_read(path_of(name), &buf, &err)
                           ? arena_strndup(&arena, buf_string(&buf), buf.length)
                           : err.text;
    buf_done(&buf);
    return text;
}

static void refused(const char *what, const char *from, const char *steps, const char *expected)
{
    int64_t planned;
    bool ok = transform(from, "refused", steps, &planned);
    const char *found = ok ? "it was done" : strstr(err.text, expected) ? expected : err.text;
    IS(found, expected, what);
}

/* ---- the tests ---- */

#define FFN "{\"step\": \"prune\", \"method\": \"ffn\", \"amount\": 0.5}"
#define TAKE_HEADS "{\"step\": \"prune\", \"method\": \"heads\", \"amount\": 0.5}"

static void channels_go(void)
{
    int64_t planned;
    if (!OK(transform("in", "ffn", FFN, &planned), "half of the channels go"))
        printf("# %s\n", err.text);
    IS(values_of("ffn", BLOCK "mlp.gate_proj.weight"), "2x2: 1 2 21 22", "rows of the gate");
    IS(values_of("ffn", BLOCK "mlp.up_proj.weight"), "2x2: 1 2 21 22",
       "those stay whose product of norms is greatest");
    IS(values_of("ffn", BLOCK "mlp.down_proj.weight"), "2x2: 1 3 11 13", "columns of what follows");
    IS(values_of("ffn", BLOCK "self_attn.k_proj.weight"), "6x2: 1 2 11 12 21 22 31 32 41 42 51 52",
       "others stay");
    IS(text_of("ffn/config.json"),
       "{\"model_type\": \"llama\", \"hidden_size\": 6, \"num_attention_heads\": 2,\n"
       "  \"intermediate_size\": 2, \"vocab_size\": 9}\n",
       "config.json tells the new number, and keeps all else to the byte");
}

static void heads_go(void)
{
    int64_t planned;
    if (!OK(transform("in", "heads", TAKE_HEADS, &planned), "one of two heads goes"))
        printf("# %s\n", err.text);
    IS(values_of("heads", BLOCK "self_attn.v_proj.weight"), "3x2: 31 32 41 42 51 52",
       "three rows each");
    IS(values_of("heads", BLOCK "self_attn.o_proj.weight"), "2x3: 16 20 24 56 60 64",
       "three columns");
    OK(strstr(text_of("heads/config.json"), "\"num_attention_heads\": 1,") &&
           strstr(text_of("heads/config.json"),
                  "\"vocab_size\": 9,\n  \"num_key_value_heads\": 1,\n  \"head_dim\": 3}"),
       "config.json tells heads and their size");
}

static void one_pass(void)
{
    int64_t planned;
    OK(transform("in", "both",
                 FFN ", " TAKE_HEADS ", {\"step\": \"quantize\", \"scheme\": \"fp16\"}", &planned),
       "channels, heads and fp16 in one pass");
    struct pare_model *model;
    OK(pare_model_open(path_of("both"), &model, &err) && pare_model_size_bytes(model) == planned,
       "as large as planned");
    const struct pare_tensor *t =
        pare_model_tensor(model, pare_model_find(model, BLOCK "mlp.down_proj.weight"));
    OK(t->dtype == PARE_F16 && t->dims[1] == 2, "what is left is quantized");
    pare_model_close(model);
    OK(transform("in", "count", "{\"step\": \"prune\", \"method\": \"ffn\", \"count\": 1}",
                 &planned),
       "a count");
    IS(values_of("count", BLOCK "mlp.down_proj.weight"), "2x3: 1 2 3 11 12 13",
       "the channel that is zero goes first");
    OK(transform("in/model.safetensors", "lone.safetensors", FFN, &planned),
       "a lone file has no config.json to tell");
    IS(values_of("lone.safetensors", BLOCK "mlp.up_proj.weight"), "2x2: 1 2 21 22",
       "the same goes");
}

static void refusals(void)
{
    make_folder("odd", "{\"model_type\": \"llama\", \"intermediate_size\": 5}", false);
    make_folder("stranger", CONFIG, true);
    make_folder("tied",
                "{\"model_type\": \"bert\", \"hidden_size\": 6, \"num_attention_heads\": 2}",
                false);
    refused("all channels", "in", "{\"step\": \"prune\", \"method\": \"ffn\", \"amount\": 1}",
            "prune ffn takes 4 of the 4 channels of model.layers.0: at least one must stay");
    refused(
        "more than there are", "in", "{\"step\": \"prune\", \"method\": \"heads\", \"count\": 3}",
        "prune heads takes 3 of the 2 key-value heads of model.layers.0: at least one must stay");
    refused("too small an amount", "in",
            "{\"step\": \"prune\", \"method\": \"ffn\", \"amount\": 0.1}",
            "ffn: the amount takes none of its channels");
    refused("a config.json that tells otherwise", "odd", FFN,
            "config.json does not tell their number, so it could not tell another");
    refused("a tensor that belongs to it in unknown ways", "stranger", FFN,
            "mlp.up_proj.lora_A belongs to it in a way that pare does not know");
    refused("heads of a model that ties them to the hidden size", "tied", TAKE_HEADS,
            "its model_type ties the size of a head to the hidden size, so no head can go");
    refused("heads without config.json", "in/model.safetensors", TAKE_HEADS,
            "config.json does not tell its heads");
    refused("a step that came before", "in", "{\"step\": \"quantize\", \"scheme\": \"fp16\"}, " FFN,
            "prune must come before quantize");
    refused("zeros before channels", "in",
            "{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0.5}, " FFN,
            "it must come before steps that choose among what is left");
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    make_folder("in", CONFIG, false);
    channels_go();
    heads_go();
    one_pass();
    refusals();
    OK(system(arena_printf(&arena, "rm -r %s", folder)) == 0, "nothing is left beside");
    arena_done(&arena);
    return tap_done();
}
