/* SPDX-License-Identifier: MIT */
/*
 * Graphs that no runtime loads: of versions that cannot be, with a value that is defined twice, or
 * with a node that waits for itself.
 * Nothing good comes of changing them, so they are named before any weight is read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/onnx.h"

/* Far above any that was released; what is beyond says nothing of the operators' meaning. */
enum { IR_MAX = 255, OPSET_MAX = 1023 };

/* ---- versions ---- */

static bool check_versions(const struct onnx *onnx, struct pare_error *err)
{
    if (onnx->ir_version > IR_MAX)
        return error_set(err, PARE_ERR_FORMAT,
                         "its ir_version is %lld, a number from 1 to %d was expected; export the "
                         "model again",
                         (long long)onnx->ir_version, IR_MAX);
    if (onnx->opset_cut.end == 0)
        return error_set(
            err, PARE_ERR_FORMAT,
            "it imports no opset of the domain \"\" or \"ai.onnx\", which says what its "
            "operators mean; export the model again");
    if (onnx->opset < 1 || onnx->opset > OPSET_MAX)
        return error_set(err, PARE_ERR_FORMAT,
                         "its opset is %lld, a number from 1 to %d was expected; export the model "
                         "again",
                         (long long)onnx->opset, OPSET_MAX);
    return true;
}

/* ---- values that are defined twice ---- */

static bool is_main(const struct onnx *onnx, const struct onnx_mention *m)
{
    if (m->role == ONNX_TENSOR)
        return onnx->tensors[m->index].scope == 0;
    return m->role == ONNX_INPUT ||
           (m->role == ONNX_MADE && m->index >= 0 && onnx->nodes[m->index].scope == 0);
}

static bool refuse_second(const struct onnx *onnx, const struct onnx_mention *first,
                          const struct onnx_mention *second, struct pare_error *err)
{
    const struct onnx_node *node = &onnx->nodes[second->index];
    char by[128] = "an initializer";
    if (first->role == ONNX_INPUT)
        snprintf(by, sizeof(by), "an input");
    else if (first->role == ONNX_MADE)
        snprintf(by, sizeof(by), "the node \"%.100s\"", onnx->nodes[first->index].name);
    return error_set(err, PARE_ERR_FORMAT,
                     "the value \"%.200s\" is defined by %s and again by the node \"%.100s\" "
                     "(%.40s), so no runtime loads this model; rename one of them",
                     second->name, by, node->name, node->op);
}

/* An initializer may be among the inputs too; mentions of a name have them before the nodes. */
static bool check_definitions(const struct onnx *onnx, struct pare_error *err)
{
    const struct onnx_mention *first = NULL;
    for (size_t i = 0; i < onnx->mention_count; i++) {
        const struct onnx_mention *m = &onnx->mentions[i];
        if (!is_main(onnx, m))
            continue;
        if (!first || strcmp(first->name, m->name) != 0)
            first = m;
        else if (m->role == ONNX_MADE)
            return refuse_second(onnx, first, m, err);
    }
    return true;
}

/* ---- nodes that wait for themselves ---- */

/* A node on the way, and how far the search is among those that use what it makes. */
struct frame {
    int node, output;
    size_t at, end; /* mentions of the output before */
};

enum colour { UNSEEN, OPEN, DONE };

struct search {
    const struct onnx *onnx;
    int *outer;            /* by node: itself, or the main graph's that has it inside */
    unsigned char *colour; /* by node */
    struct frame *way;
    size_t depth;
};

static void enter(struct search *s, int node)
{
    s->colour[node] = OPEN;
    s->way[s->depth++] = (struct frame){ .node = node };
}

/* The mentions of a value; none when a subgraph has another value of that name. */
static void find_uses(const struct onnx *onnx, const char *name, struct frame *f)
{
    int definitions = 0;
    f->end = onnx_find(onnx, name, &f->at);
    for (size_t i = f->at; i < f->end; i++)
        definitions += onnx->mentions[i].role <= ONNX_MADE;
    if (definitions > 1)
        f->at = f->end;
}

/* The next node of the main graph that uses what the frame's makes; -1: no more. */
static int next_user(const struct search *s, struct frame *f)
{
    const struct onnx_node *node = &s->onnx->nodes[f->node];
    for (;;) {
        while (f->at < f->end) {
            const struct onnx_mention *m = &s->onnx->mentions[f->at++];
            if (m->role == ONNX_USED)
                return s->outer[m->index];
        }
        if (f->output == node->output_count)
            return -1;
        find_uses(s->onnx, node->outputs[f->output++], f);
    }
}

static bool search_from(struct search *s, int node, struct pare_error *err)
{
    enter(s, node);
    while (s->depth > 0) {
        struct frame *f = &s->way[s->depth - 1];
        int user = next_user(s, f);
        if (user < 0) {
            s->colour[f->node] = DONE;
            s->depth--;
        } else if (s->colour[user] == OPEN) {
            const struct onnx_node *n = &s->onnx->nodes[user];
            return error_set(err, PARE_ERR_FORMAT,
                             "the graph has a cycle: the node \"%.100s\" (%.40s) waits for "
                             "\"%.200s\", which is made out of what it makes itself; no runtime "
                             "loads this model",
                             n->name, n->op, s->onnx->nodes[f->node].outputs[f->output - 1]);
        } else if (s->colour[user] == UNSEEN) {
            enter(s, user);
        }
    }
    return true;
}

static bool check_cycles(const struct onnx *onnx, struct pare_error *err)
{
    struct search s = { .onnx = onnx };
    size_t n = onnx->node_count + 1;
    bool ok = true;
    s.outer = calloc(n, sizeof(*s.outer));
    s.colour = calloc(n, sizeof(*s.colour));
    s.way = calloc(n, sizeof(*s.way));
    if (!s.outer || !s.colour || !s.way)
        ok = error_no_memory(err, n * sizeof(*s.way));
    /* Nodes of a subgraph come after the one that it is in. */
    for (int i = 0, main = 0; ok && i < (int)onnx->node_count; i++) {
        main = onnx->nodes[i].scope == 0 ? i : main;
        s.outer[i] = main;
    }
    for (int i = 0; ok && i < (int)onnx->node_count; i++)
        if (onnx->nodes[i].scope == 0 && s.colour[i] == UNSEEN)
            ok = search_from(&s, i, err);
    free(s.outer);
    free(s.colour);
    free(s.way);
    return ok;
}

bool onnx_check(const struct model *model, struct pare_error *err)
{
    const struct onnx *onnx = model->own;
    return check_versions(onnx, err) && check_definitions(onnx, err) && check_cycles(onnx, err);
}
