/* SPDX-License-Identifier: MIT */
/* A change deep inside corrects every length around it, also where a length grows by a byte. */
#include <stdlib.h>

#include "base/error.h"
#include "format/format.h"
#include "format/maker.h"
#include "format/onnx.h"
#include "format/sink.h"
#include "format/source.h"
#include "tap.h"

enum { DOC = 12 };

/* A message in a field of another, which is emptied into it. */
static void wrap(struct buf *outer, int number, struct buf *inner)
{
    wire_put_bytes(outer, number, buf_string(inner), inner->length);
    buf_done(inner);
}

/* graph { node { attribute { tensor { raw_data of `raw`, doc_string of `doc` bytes } } } } */
static void make(struct buf *file, size_t raw, size_t doc)
{
    struct maker m;
    struct buf tensor, attribute, node, text;
    maker_init(&m);
    buf_init(&tensor, MAKER_MAX);
    buf_init(&attribute, MAKER_MAX);
    buf_init(&node, MAKER_MAX);
    buf_init(&text, MAKER_MAX);
    for (size_t i = 0; i < raw + doc; i++)
        buf_char(&text, 'd');
    wire_put_int(&tensor, TENSOR_DIMS, (int64_t)raw);
    wire_put_int(&tensor, TENSOR_DIMS, 1);
    wire_put_int(&tensor, TENSOR_TYPE, ONNX_INT8);
    wire_put_bytes(&tensor, TENSOR_RAW, buf_string(&text), raw);
    if (doc)
        wire_put_bytes(&tensor, DOC, buf_string(&text), doc);
    wire_put_text(&attribute, 1, "value");
    wrap(&attribute, 5, &tensor);
    wire_put_text(&node, 2, "c");
    wire_put_text(&node, 4, "Constant");
    wrap(&node, 5, &attribute);
    wrap(&m.graph, GRAPH_NODE, &node);
    maker_finish(&m, file);
    buf_done(&text);
}

/* What an output file would be, from a source in memory and literals. */
static void assemble(const struct output_file *file, const struct buf *source, struct buf *ret)
{
    buf_init(ret, MAKER_MAX);
    for (size_t i = 0; i < file->segment_count; i++) {
        const struct segment *s = &file->segments[i];
        const char *from = s->kind == SEGMENT_COPY ? source->data + s->offset : s->bytes;
        buf_add(ret, from, (size_t)s->length);
    }
}

/* Put the doc string into the file without one; is that the file made with it? */
static bool same_as_made(size_t raw, size_t doc)
{
    struct pare_error err;
    struct source *source;
    struct model *model;
    struct buf before, want, got, text;
    struct output output = { .file_count = 1 };
    make(&before, raw, 0);
    make(&want, raw, doc);
    if (!source_open_memory("m", before.data, before.length, &source, &err) ||
        !model_open(source, &model, &err))
        abort();
    const struct onnx *onnx = model->own;
    int message = onnx->tensors[0].message;
    struct onnx_patch patch = { .model = model, .output = &output };
    buf_init(&text, MAKER_MAX);
    wire_put_head(&text, DOC, (int64_t)doc);
    for (size_t i = 0; i < doc; i++)
        buf_char(&text, 'd');
    bool ok = output_files(&output, 1, &err) &&
              onnx_patch_edit(&patch, onnx->messages[message].end, 0, message, &err) &&
              onnx_patch_literal(&patch, &text, &err) &&
              onnx_patch_apply(&patch, &output.files[0], &err);
    assemble(&output.files[0], &before, &got);
    ok = ok && got.length == want.length && !memcmp(got.data, want.data, got.length) &&
         output.files[0].size_bytes == (int64_t)want.length;
    buf_done(&text);
    buf_done(&got);
    buf_done(&before);
    buf_done(&want);
    arena_done(&output.arena);
    model_close(model);
    return ok;
}

/* Cutting the second of two nodes and putting something before it are two edits at one place. */
static void edits_at_one_place_have_an_order(void)
{
    struct pare_error err;
    struct source *source;
    struct model *model;
    struct buf file, text, got;
    struct output output = { .file_count = 1 };
    make(&file, 10, 0);
    if (!source_open_memory("m", file.data, file.length, &source, &err) ||
        !model_open(source, &model, &err))
        abort();
    const struct onnx *onnx = model->own;
    struct onnx_cut node = onnx->nodes[0].cut;
    struct onnx_patch patch = { .model = model, .output = &output };
    buf_init(&text, 100);
    bool ok = output_files(&output, 1, &err) &&
              onnx_patch_edit(&patch, node.tag_at, node.end - node.tag_at, onnx->graph, &err);
    wire_put_text(&text, DOC, "replacement");
    ok = ok && onnx_patch_literal(&patch, &text, &err) &&
         onnx_patch_edit(&patch, node.tag_at, 0, onnx->graph, &err);
    wire_put_text(&text, DOC, "before");
    ok = ok && onnx_patch_literal(&patch, &text, &err) &&
         onnx_patch_apply(&patch, &output.files[0], &err);
    assemble(&output.files[0], &file, &got);
    const char *before = ok ? memmem(got.data, got.length, "before", 6) : NULL;
    const char *after = ok ? memmem(got.data, got.length, "replacement", 11) : NULL;
    OK(before && after && before < after, "what is put before a place comes first");
    OK(ok && !memmem(got.data, got.length, "Constant", 8), "what is cut is gone");
    buf_done(&text);
    buf_done(&got);
    buf_done(&file);
    arena_done(&output.arena);
    model_close(model);
}

int main(void)
{
    bool ok = true;
    for (size_t raw = 1; raw < 140; raw++)
        for (size_t doc = 1; doc < 140; doc += 3)
            ok = ok && same_as_made(raw, doc);
    OK(ok, "lengths grow from one byte to two at every depth");
    ok = true;
    for (size_t raw = 16200; raw < 16390; raw++)
        ok = ok && same_as_made(raw, 20);
    OK(ok, "and from two to three");
    edits_at_one_place_have_an_order();
    return tap_done();
}
