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

/* From this size on values leave a main file that would be too large. */
enum { EXTERNAL_BYTES = 1024 };

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

bool onnx_plan_moves(const struct onnx_plan *plan, int64_t length)
{
    return plan->external_bytes > 0 && length >= plan->external_bytes;
}

bool onnx_plan_external(struct onnx_plan *plan, const struct segment *values, struct buf *entries,
                        struct pare_error *err)
{
    struct output_file *data = plan->data;
    int64_t align = values->length >= LARGE_BYTES ? ALIGN_LARGE : ALIGN_SMALL;
    int64_t rest = data->size_bytes % align;
    struct segment padding = { .kind = SEGMENT_ZEROS, .length = rest ? align - rest : 0 };
    char number[24];
    if (!output_add(plan->output, data, &padding, err))
        return false;
    put_entry(entries, "location", data->name);
    snprintf(number, sizeof(number), "%lld", (long long)data->size_bytes);
    put_entry(entries, "offset", number);
    snprintf(number, sizeof(number), "%lld", (long long)values->length);
    put_entry(entries, "length", number);
    plan->data_used = true;
    return output_add(plan->output, data, values, err);
}

static bool cut(struct onnx_plan *plan, const struct onnx_cut *cut, int message,
                struct pare_error *err)
{
    return onnx_patch_edit(&plan->patch, cut->tag_at, cut->end - cut->tag_at, message, err);
}

/* What says where the values are, or the values themselves. */
static bool cut_place(struct onnx_plan *plan, const struct onnx_tensor *own, struct pare_error *err)
{
    if (!own->external)
        return cut(plan, &own->values, own->message, err);
    for (int i = 0; i < own->external->entry_count; i++)
        if (!cut(plan, &own->external->entries[i], own->message, err))
            return false;
    return true;
}

/* The same TensorProto, its values in the output's own data file. */
static bool relocate(struct onnx_plan *plan, size_t tensor, struct pare_error *err)
{
    const struct tensor *t = &plan->model->tensors[tensor];
    const struct onnx_tensor *own = &plan->onnx->tensors[tensor];
    const struct segment values = {
        .kind = plan->changes[tensor].kind == CHANGE_NONE ? SEGMENT_COPY : SEGMENT_VALUES,
        .length = t->shown.size_bytes,
        .tensor = tensor,
        .file = t->file,
        .offset = own->external ? own->external->offset : t->file_offset,
    };
    struct buf entries;
    buf_init(&entries, 3 * ENTRY_MAX);
    bool ok = cut_place(plan, own, err) && onnx_plan_external(plan, &values, &entries, err);
    if (!own->external)
        wire_put_int(&entries, TENSOR_LOCATION, 1);
    ok = ok &&
         onnx_patch_edit(&plan->patch, plan->onnx->messages[own->message].end, 0, own->message,
                         err) &&
         onnx_patch_literal(&plan->patch, &entries, err);
    buf_done(&entries);
    return ok;
}

/*
 * An initializer, of whichever graph: what is in a node's attribute stays there. A match copies
 * whole nodes, and so the graphs in them.
 */
static bool can_move(const struct onnx_plan *plan, const struct onnx_tensor *own)
{
    bool in_graph = own->scope == 0 || (own->scope > 0 && !plan->match);
    return own->values.end > 0 && own->node < 0 && in_graph;
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
    if (own->external || (can_move(plan, own) && onnx_plan_moves(plan, t->shown.size_bytes)))
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
        if (!cut(plan, &onnx->labels[i], -1, err))
            return false;
    if (!onnx_patch_edit(&plan->patch, onnx->file_end, 0, -1, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!put_label(plan, &labels[i], err))
            return false;
    return true;
}

/* The data file, when something may go there, before the main file, which names it. */
static bool name_files(struct onnx_plan *plan, const char *name, struct output_file **ret_main,
                       struct pare_error *err)
{
    struct output *output = plan->output;
    bool external = plan->external_bytes > 0;
    for (size_t i = 0; i < plan->model->tensor_count; i++)
        external = external ||
                   (plan->onnx->tensors[i].external && !(plan->match && plan->match->dropped[i]));
    const char *data = arena_printf(&output->arena, "%s.data", name);
    const char *main_name = arena_strdup(&output->arena, name);
    if (!data || !main_name)
        return error_no_memory(err, strlen(name) + 6);
    if (!source_name_ok(data) || strchr(name, '/'))
        return error_set(err, PARE_ERR_USAGE, "\"%.200s\" cannot name a file", name);
    if (!output_files(output, 2, err))
        return false;
    if (external) {
        plan->data = &output->files[output->file_count++];
        plan->data->name = data;
    }
    *ret_main = &output->files[output->file_count++];
    (*ret_main)->name = main_name;
    return true;
}

static bool lay_out(struct onnx_plan *plan, const struct output_settings *settings,
                    struct pare_error *err)
{
    struct output *output = plan->output;
    struct output_file *main_file = NULL;
    if (!name_files(plan, settings->name, &main_file, err))
        return false;
    for (size_t i = 0; i < plan->model->tensor_count; i++)
        if (!plan_tensor(plan, i, err))
            return false;
    if (!(plan->match ? onnx_match_write(plan, plan->match, err) : onnx_rewrite(plan, err)) ||
        !plan_labels(plan, settings->labels, settings->label_count, err) ||
        !onnx_patch_apply(&plan->patch, main_file, err))
        return false;
    if (plan->data && !plan->data_used) {
        output->files[0] = *main_file;
        output->file_count = 1;
    }
    return true;
}

bool onnx_plan(const struct model *model, const struct change *changes,
               const struct output_settings *settings, struct output *output,
               struct pare_error *err)
{
    struct onnx_plan plan = { .model = model,
                              .onnx = model->own,
                              .changes = changes,
                              .output = output,
                              .match = model->tensor_count ? changes[0].match : NULL,
                              .patch = { .model = model, .output = output },
                              .external_bytes = settings->external_bytes };
    const struct onnx_plan as_asked = plan;
    if (!lay_out(&plan, settings, err))
        return false;
    if (output->files[output->file_count - 1].size_bytes > ONNX_FILE_MAX) {
        plan = as_asked;
        plan.external_bytes = EXTERNAL_BYTES;
        arena_done(&output->arena);
        *output = (struct output){ .model = model };
        if (!lay_out(&plan, settings, err))
            return false;
    }
    int64_t size = output->files[output->file_count - 1].size_bytes;
    return size <= ONNX_FILE_MAX ||
           error_set(err, PARE_ERR_REFUSED,
                     "%.200s would have %lld bytes, an ONNX file holds at most %lld",
                     settings->name, (long long)size, (long long)ONNX_FILE_MAX);
}
