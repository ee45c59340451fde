/* SPDX-License-Identifier: MIT */
/*
 * What transformers wants config.json to say of a quantized checkpoint. The text is edited, not
 * written anew: what does not change keeps its bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json_slice.h"
#include "format/checkpoint.h"
#include "format/source.h"

struct edit {
    const struct model *model;
    const struct change *changes;
    const struct change *four, *eight; /* one of each kind; or NULL */
    const char *dtype;                 /* what tensors are cast to; or NULL */
};

static void look(struct edit *e)
{
    for (size_t i = 0; i < e->model->tensor_count; i++) {
        const struct change *change = &e->changes[i];
        if (change->kind == CHANGE_LINEAR4)
            e->four = change;
        else if (change->kind == CHANGE_LINEAR8)
            e->eight = change;
        else if (change->kind == CHANGE_FP16)
            e->dtype = "float16";
        else if (change->kind == CHANGE_BF16)
            e->dtype = "bfloat16";
    }
}

/* ---- quantization_config ---- */

/* The layers that stay as they are: without the list all of them would be taken for quantized. */
static void put_kept(const struct edit *e, struct buf *buf)
{
    bool first = true;
    buf_char(buf, '[');
    for (size_t i = 0; i < e->model->tensor_count; i++) {
        const struct tensor *t = &e->model->tensors[i];
        enum change_kind kind = e->changes[i].kind;
        if (strcmp(t->shown.op, "Linear") != 0 || kind == CHANGE_LINEAR4 || kind == CHANGE_LINEAR8)
            continue;
        buf_text(buf, first ? "" : ", ");
        json_put_string(buf, t->shown.node);
        first = false;
    }
    buf_text(buf, first ? "\"lm_head\"]" : "]");
}

static const char *compute_dtype(const struct edit *e)
{
    for (size_t i = 0; i < e->model->tensor_count; i++)
        if (e->changes[i].kind == CHANGE_LINEAR4) {
            enum pare_dtype dtype = e->model->tensors[i].shown.dtype;
            return dtype == PARE_F16 ? "float16" : dtype == PARE_BF16 ? "bfloat16" : "float32";
        }
    return "float32";
}

static void put_quantization(const struct edit *e, struct buf *buf)
{
    const char *four = e->four ? "true" : "false", *eight = e->four ? "false" : "true";
    bool nested = e->four && e->four->nested;
    buf_printf(buf,
               "{\n    \"_load_in_4bit\": %s,\n    \"_load_in_8bit\": %s,\n"
               "    \"bnb_4bit_compute_dtype\": \"%s\",\n"
               "    \"bnb_4bit_quant_storage\": \"uint8\",\n"
               "    \"bnb_4bit_quant_type\": \"%s\",\n    \"bnb_4bit_use_double_quant\": %s,\n",
               four, eight, compute_dtype(e), e->four && !e->four->float4 ? "fp4" : "nf4",
               nested ? "true" : "false");
    buf_text(buf, "    \"llm_int8_enable_fp32_cpu_offload\": false,\n"
                  "    \"llm_int8_has_fp16_weight\": false,\n    \"llm_int8_skip_modules\": ");
    put_kept(e, buf);
    buf_printf(buf,
               ",\n    \"llm_int8_threshold\": 6.0,\n    \"load_in_4bit\": %s,\n"
               "    \"load_in_8bit\": %s,\n    \"quant_method\": \"bitsandbytes\"\n  }",
               four, eight);
}

/* ---- the text ---- */

static bool is_dtype(const struct json_slice *key)
{
    return json_slice_is(key, "torch_dtype") || json_slice_is(key, "dtype");
}

/* The whole object, with the values of some members replaced and one more at the end. */
static void put_edited(const struct edit *e, const char *text, size_t length,
                       const struct json_slice *config, struct buf *buf)
{
    struct json_members members = json_members(config);
    struct json_slice key, value;
    const char *copied = text, *last = config->text + 1;
    bool any = false, quantizes = e->four || e->eight;
    while (json_member(&members, &key, &value)) {
        bool replace = (quantizes && json_slice_is(&key, "quantization_config")) ||
                       (e->dtype && is_dtype(&key));
        last = value.text + value.length;
        any = true;
        if (!replace)
            continue;
        buf_add(buf, copied, (size_t)(value.text - copied));
        if (is_dtype(&key))
            buf_printf(buf, "\"%s\"", e->dtype);
        else
            put_quantization(e, buf);
        quantizes = quantizes && is_dtype(&key);
        copied = last;
    }
    buf_add(buf, copied, (size_t)(last - copied));
    if (quantizes) {
        buf_text(buf, any ? ",\n  \"quantization_config\": " : "\n  \"quantization_config\": ");
        put_quantization(e, buf);
    }
    buf_add(buf, last, (size_t)(text + length - last));
}

bool checkpoint_put_config(const struct model *model, const struct change *changes, struct buf *buf,
                           struct pare_error *err)
{
    const struct checkpoint *own = model->own;
    struct edit e = { .model = model, .changes = changes };
    struct json_slice config;
    look(&e);
    if (!own->has_config || !(e.four || e.eight || e.dtype))
        return true;
    if (e.four && e.eight)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "4-bit floats and int8 in one checkpoint: transformers loads one of them");
    size_t length = (size_t)model->source->files[own->config].size_bytes;
    char *text = malloc(length + 1);
    if (!text)
        return error_no_memory(err, length);
    bool ok = source_read(model->source, own->config, 0, text, length, err) &&
              json_slice(text, length, &config, err);
    if (ok && config.kind == JSON_OBJECT)
        put_edited(&e, text, length, &config, buf);
    free(text);
    return ok && buf_ok(buf, err);
}
