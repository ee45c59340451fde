/* SPDX-License-Identifier: MIT */
/* Nodes that stay but for some of their fields; who wants which does not know of the others. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/onnx_rewrite.h"

struct rewrite_part {
    int node;
    struct onnx_cut cut;
    const char *fields; /* what is put there */
    size_t length;
};

static bool make_room(struct onnx_rewrite *p, struct pare_error *err)
{
    if (p->part_count < p->part_room)
        return true;
    size_t room = p->part_room ? 2 * p->part_room : 64;
    struct rewrite_part *more = realloc(p->parts, room * sizeof(*more));
    if (!more)
        return error_no_memory(err, room * sizeof(*more));
    p->parts = more;
    p->part_room = room;
    return true;
}

bool rewrite_in_node(struct onnx_rewrite *p, int node, struct onnx_cut part, struct buf *fields,
                     struct pare_error *err)
{
    if (!buf_ok(fields, err) || !make_room(p, err))
        return false;
    char *copy = arena_strndup(p->arena, buf_string(fields), fields->length);
    if (!copy)
        return error_no_memory(err, fields->length);
    p->parts[p->part_count++] = (struct rewrite_part){ node, part, copy, fields->length };
    buf_clear(fields);
    return true;
}

static int by_place(const void *left, const void *right)
{
    const struct rewrite_part *a = left, *b = right;
    return (a->cut.tag_at > b->cut.tag_at) - (a->cut.tag_at < b->cut.tag_at);
}

static bool copy_node(struct onnx_rewrite *p, int64_t at, int64_t end, struct pare_error *err)
{
    struct segment copy = {
        .kind = SEGMENT_COPY, .file = p->plan->model->main_file, .offset = at, .length = end - at
    };
    return onnx_patch_literal(&p->plan->patch, &p->text, err) &&
           onnx_patch_add(&p->plan->patch, &copy, err);
}

/* Of a node in whose messages there can be other changes each part is one more. */
static bool put_parts(struct onnx_rewrite *p, const struct rewrite_part *parts, size_t count,
                      int message, struct pare_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct onnx_cut *cut = &parts[i].cut;
        buf_add(&p->text, parts[i].fields, parts[i].length);
        if (!onnx_patch_edit(&p->plan->patch, cut->tag_at, cut->end - cut->tag_at, message, err) ||
            !onnx_patch_literal(&p->plan->patch, &p->text, err))
            return false;
    }
    return true;
}

/* The node of these parts again: its head with the new length, its fields, some replaced. */
static bool put_node(struct onnx_rewrite *p, const struct rewrite_part *parts, size_t count,
                     struct pare_error *err)
{
    const struct onnx *onnx = p->plan->onnx;
    const struct onnx_node *node = &onnx->nodes[parts->node];
    int64_t length = node->cut.end - node->at, at = node->at;
    if (node->message >= 0)
        return put_parts(p, parts, count, node->message, err);
    for (size_t i = 0; i < count; i++)
        length += (int64_t)parts[i].length - (parts[i].cut.end - parts[i].cut.tag_at);
    wire_put_head(&p->text, GRAPH_NODE, length);
    if (!onnx_patch_edit(&p->plan->patch, node->cut.tag_at, node->cut.end - node->cut.tag_at,
                         onnx->scopes[node->scope].graph, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!copy_node(p, at, parts[i].cut.tag_at, err))
            return false;
        buf_add(&p->text, parts[i].fields, parts[i].length);
        at = parts[i].cut.end;
    }
    return copy_node(p, at, node->cut.end, err) &&
           onnx_patch_literal(&p->plan->patch, &p->text, err);
}

bool rewrite_nodes(struct onnx_rewrite *p, struct pare_error *err)
{
    if (p->part_count)
        qsort(p->parts, p->part_count, sizeof(*p->parts), by_place);
    for (size_t i = 0, n; i < p->part_count; i += n) {
        for (n = 1; i + n < p->part_count && p->parts[i + n].node == p->parts[i].node;)
            n++;
        if (!put_node(p, p->parts + i, n, err))
            return false;
    }
    return true;
}
