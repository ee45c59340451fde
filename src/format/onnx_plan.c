/* SPDX-License-Identifier: MIT */
/* Which bytes of the copy come from where. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/onnx_match.h"
#include "format/source.h"

/* Large values start at a page, so that a runtime can map them. */
enum { ALIGN_SMALL = 64, ALIGN_LARGE = 4096, LARGE_BYTES = 64 * 1024, ENTRY_MAX = 4096 };

static void put_entry(struct buf *entries, const char *key, const char *value)
{
    struct buf entry;
    buf_init(&entry, ENTRY_MAX);
    wire_put_text(&entry, 1, key);
    wire_put_text(&entry, 2, value);
    wire_put_bytes(entries, TENSOR_EXTERNAL, buf_string(&entry), entry.length);
    if (entry.over_ceiling || entry.no_memory)
        entries->over_ceiling = true;
    buf_done(&entry);
}

bool onnx_plan_external(struct onnx_plan *plan, size_t tensor, enum segment_kind kind,
                        int64_t length, struct buf *entries, struct pare_error *err)
{
    struct output_file *data = plan->data;
    const struct onnx_external *source = plan->onnx->tensors[tensor].external;
    int64_t align = length >= LARGE_BYTES ? ALIGN_LARGE : ALIGN_SMALL;
    int64_t rest = data->size_bytes % align;
    struct segment padding = { .kind = SEGMENT_ZEROS, .length = rest ? align - rest : 0 };
    struct segment values = {
        .kind = kind,
        .length = length,
        .tensor = tensor,
        .file = plan->model->tensors[tensor].file,
        .offset = source ? source->offset : 0, /* a copy has one */
    };
    char number[24];
    if (!output_add(plan->output, data, &padding, err))
        return false;
    put_entry(entries, "location", data->name);
    snprintf(number, sizeof(number), "%lld", (long long)data->size_bytes);
    put_entry(entries, "offset", number);
    snprintf(number, sizeof(number), "%lld", (long long)length);
    put_entry(entries, "length", number);
    return output_add(plan->output, data, &values, err);
}

/* The same TensorProto, its values in the output's own data file. */
static bool relocate(struct onnx_plan *plan, size_t tensor, struct pare_error *err)
{
    const struct onnx_tensor *own = &plan->onnx->tensors[tensor];
    const struct onnx_external *external = own->external;
    bool same = plan->changes[tensor].kind == CHANGE_NONE;
    struct buf entries;
    bool ok = true;
    for (int i = 0; ok && i < external->entry_count; i++)
        ok = onnx_patch_edit(&plan->patch, external->entries[i].tag_at,
                             external->entries[i].end - external->entries[i].tag_at, own->message,
                             err);
    buf_init(&entries, 3 * ENTRY_MAX);
    ok = ok &&
         onnx_plan_external(plan, tensor, same ? SEGMENT_COPY : SEGMENT_VALUES,
                            plan->model->tensors[tensor].shown.size_bytes, &entries, err) &&
         onnx_patch_edit(&plan->patch, plan->onnx->messages[own->message].end, 0, own->message,
                         err) &&
         onnx_patch_literal(&plan->patch, &entries, err);
    buf_done(&entries);
    return ok;
}

static bool plan_tensor(struct onnx_plan *plan, size_t tensor, struct pare_error *err)
{
    const struct tensor *t = &plan->model->tensors[tensor];
    const struct onnx_tensor *own = &plan->onnx->tensors[tensor];
    enum change_kind kind = plan->changes[tensor].kind;
    if (plan->match && plan->match->dropped[tensor])
        return true;
    if (kind != CHANGE_NONE && kind != CHANGE_VALUES) /* onnx_rewrite() puts others in its place */
        return true;
    if (own->external)
        return relocate(plan, tensor, err);
    if (kind == CHANGE_NONE)
        return true;
    struct segment values = { .kind = SEGMENT_VALUES,
                              .length = t->shown.size_bytes,
                              .tensor = tensor };
    return onnx_patch_edit(&plan->patch, t->file_offset, t->shown.size_bytes, own->message, err) &&
           onnx_patch_add(&plan->patch, &values, err);
}

/* StringStringEntryProto: key 1, value 2. */
static bool put_label(struct onnx_plan *plan, const struct label *label, struct pare_error *err)
{
    struct buf entry, field;
    struct segment digest = { .kind = SEGMENT_DIGEST, .length = (int64_t)strlen(label->value) };
    buf_init(&entry, ONNX_INDEX_MAX);
    buf_init(&field, ONNX_INDEX_MAX);
    wire_put_text(&entry, 1, label->key);
    wire_put_text(&entry, 2, label->value);
    bool ok = buf_ok(&entry, err);
    wire_put_bytes(&field, MODEL_METADATA, buf_string(&entry), entry.length);
    if (ok && label->digest && field.length > (size_t)digest.length)
        field.length -= (size_t)digest.length;
    ok = ok && onnx_patch_literal(&plan->patch, &field, err) &&
         (!label->digest || onnx_patch_add(&plan->patch, &digest, err));
    buf_done(&entry);
    buf_done(&field);
    return ok;
}

/* The old labels of ours go, the new ones come last in the file. */
static bool plan_labels(struct onnx_plan *plan, const struct label *labels, size_t count,
                        struct pare_error *err)
{
    const struct onnx *onnx = plan->onnx;
    for (size_t i = 0; i < onnx->label_count; i++)
        if (!onnx_patch_edit(&plan->patch, onnx->labels[i].tag_at,
                             onnx->labels[i].end - onnx->labels[i].tag_at, -1, err))
            return false;
    if (!onnx_patch_edit(&plan->patch, onnx->file_end, 0, -1, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!put_label(plan, &labels[i], err))
            return false;
    return true;
}

/* The data file, when something goes there, before the main file, which names it. */
static bool name_files(struct onnx_plan *plan, const char *name, struct output_file **ret_main,
                       struct pare_error *err)
{
    struct output *output = plan->output;
    bool external = false;
    for (size_t i = 0; i < plan->model->tensor_count; i++)
        external = external ||
                   (plan->onnx->tensors[i].external && !(plan->match && plan->match->dropped[i]));
    const char *data = arena_printf(&output->arena, "%s.data", name);
    const char *main_name = arena_strdup(&output->arena, name);
    if (!data || !main_name)
        return error_no_memory(err, strlen(name) + 6);
    if (!source_name_ok(data) || strchr(name, '/'))
        return error_set(err, PARE_ERR_USAGE, "\"%.200s\" cannot name a file", name);
    if (external) {
        plan->data = &output->files[output->file_count++];
        plan->data->name = data;
    }
    *ret_main = &output->files[output->file_count++];
    (*ret_main)->name = main_name;
    return true;
}

bool onnx_plan(const struct model *model, const struct change *changes, const struct label *labels,
               size_t label_count, const char *name, struct output *output, struct pare_error *err)
{
    struct onnx_plan plan = { .model = model,
                              .onnx = model->own,
                              .changes = changes,
                              .output = output,
                              .match = model->tensor_count ? changes[0].match : NULL,
                              .patch = { .model = model, .output = output } };
    struct output_file *main_file = NULL;
    if (!name_files(&plan, name, &main_file, err))
        return false;
    for (size_t i = 0; i < model->tensor_count; i++)
        if (!plan_tensor(&plan, i, err))
            return false;
    if (!(plan.match ? onnx_match_write(&plan, plan.match, err) : onnx_rewrite(&plan, err)) ||
        !plan_labels(&plan, labels, label_count, err) ||
        !onnx_patch_apply(&plan.patch, main_file, err))
        return false;
    if (main_file->size_bytes > ONNX_FILE_MAX)
        return error_set(err, PARE_ERR_REFUSED,
                         "%.200s would have %lld bytes, an ONNX file holds at most %lld", name,
                         (long long)main_file->size_bytes, (long long)ONNX_FILE_MAX);
    return true;
}
