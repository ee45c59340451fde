/* SPDX-License-Identifier: MIT */
/*
 * What is left when all nodes are there: initializers that something names, and nodes in the
 * peer's order. That is: nodes without operands first; then, initializers and inputs taken in the
 * order of their names, each node whose last open operand is met; then the same for the results
 * of the nodes so far, in their order.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/onnx_match.h"

static void mark(struct onnx_match *m, const char *name, bool made)
{
    struct match_value *value = match_find(m, name);
    if (value && made)
        value->is_made = true;
    else if (value)
        value->is_wanted = true;
}

static void mark_all(struct onnx_match *m)
{
    for (size_t i = 0; i < m->nodes.count; i++) {
        const struct match_node *node = &m->nodes.list[i];
        for (int k = 0; k < node->input_count; k++)
            mark(m, node->inputs[k], false);
        for (int k = 0; k < node->output_count; k++)
            mark(m, node->outputs[k], true);
    }
    for (size_t i = 0; i < m->output_count; i++)
        mark(m, m->outputs[i], false);
}

static bool stays(const struct onnx_match *m, const char *name)
{
    const struct match_value *value = match_find(m, name);
    return value && value->is_wanted && !value->is_made;
}

bool match_clean(struct onnx_match *m)
{
    size_t kept = 0;
    mark_all(m);
    for (size_t i = 0; i < m->model->tensor_count; i++) {
        const struct onnx_tensor *own = &m->onnx->tensors[i];
        bool initializer = own->scope == 0 && own->node < 0;
        m->match->dropped[i] = initializer && !stays(m, m->model->tensors[i].shown.name);
    }
    for (size_t i = 0; i < m->value_count; i++)
        if (m->values[i]->transposed && stays(m, m->values[i]->name))
            return match_refuse(m, "\"%.200s\" would stay in float", m->values[i]->name);
    for (size_t i = 0; i < m->initializer_count; i++)
        if (stays(m, m->initializers[i].name))
            m->initializers[kept++] = m->initializers[i];
    m->initializer_count = kept;
    return match_clean_inner(m);
}

/* ---- the order ---- */

/* Uses of one value: nodes, in a chain from `first` on, one link for each operand. */
struct uses {
    size_t first, last; /* links + 1; 0: none */
};

struct link {
    size_t node, next;
};

struct sorting {
    struct onnx_match *m;
    struct match_names names; /* to uses */
    struct uses *uses;
    struct link *links;
    size_t use_count, link_count;
    int *open;     /* operands that are not there yet, by node */
    size_t *order; /* nodes */
    size_t count;
};

static bool add_use(struct sorting *s, const char *name, size_t node)
{
    size_t index = match_names_find(&s->names, name);
    if (index == SIZE_MAX) {
        index = s->use_count++;
        if (!match_names_add(s->m, &s->names, name, index))
            return false;
    }
    s->links[s->link_count] = (struct link){ node, 0 };
    size_t link = ++s->link_count;
    if (s->uses[index].last)
        s->links[s->uses[index].last - 1].next = link;
    else
        s->uses[index].first = link;
    s->uses[index].last = link;
    return true;
}

static void settle(struct sorting *s, const char *name)
{
    size_t index = match_names_find(&s->names, name);
    if (!*name || index == SIZE_MAX)
        return;
    for (size_t link = s->uses[index].first; link; link = s->links[link - 1].next) {
        size_t node = s->links[link - 1].node;
        if (--s->open[node] == 0)
            s->order[s->count++] = node;
    }
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* All that is there before any node: initializers and inputs by name. */
static bool settle_givens(struct sorting *s)
{
    const struct onnx_match *m = s->m;
    size_t count = 0;
    const char **names =
        arena_array(m->arena, m->value_count + m->initializer_count + 1, sizeof(*names));
    if (!names)
        return error_no_memory(m->err, m->value_count * sizeof(*names));
    for (size_t i = 0; i < m->onnx->mention_count; i++) {
        const struct onnx_mention *mention = &m->onnx->mentions[i];
        const struct match_value *value = match_find(m, mention->name);
        bool initializer = mention->role == ONNX_TENSOR &&
                           m->onnx->tensors[mention->index].scope == 0 &&
                           !m->match->dropped[mention->index];
        bool input = mention->role == ONNX_INPUT && value->tensor < 0;
        if (initializer || input)
            names[count++] = mention->name;
    }
    for (size_t i = 0; i < m->initializer_count; i++)
        names[count++] = m->initializers[i].name;
    if (count)
        qsort(names, count, sizeof(*names), by_text);
    for (size_t i = 0; i < count; i++)
        settle(s, names[i]);
    arena_drop(m->arena, names);
    return true;
}

static bool note_uses(struct sorting *s)
{
    const struct match_nodes *nodes = &s->m->nodes;
    for (size_t i = 0; i < nodes->count; i++) {
        for (int k = 0; k < nodes->list[i].input_count; k++) {
            if (!*nodes->list[i].inputs[k])
                continue;
            s->open[i]++;
            if (!add_use(s, nodes->list[i].inputs[k], i))
                return false;
        }
        if (s->open[i] == 0)
            s->order[s->count++] = i;
    }
    return true;
}

static void forget(struct sorting *s)
{
    match_names_done(s->m, &s->names);
    arena_drop(s->m->arena, s->uses);
    arena_drop(s->m->arena, s->links);
    arena_drop(s->m->arena, s->open);
    arena_drop(s->m->arena, s->order);
}

bool match_sort(struct onnx_match *m)
{
    struct sorting s = { .m = m };
    size_t n = m->nodes.count, operands = 1;
    for (size_t i = 0; i < n; i++)
        operands += (size_t)m->nodes.list[i].input_count;
    s.uses = arena_array(m->arena, operands, sizeof(*s.uses));
    s.links = arena_array(m->arena, operands, sizeof(*s.links));
    s.open = arena_array(m->arena, n + 1, sizeof(*s.open));
    s.order = arena_array(m->arena, n + 1, sizeof(*s.order));
    struct match_node *sorted = arena_array(m->arena, n + 1, sizeof(*sorted));
    if (!s.uses || !s.links || !s.open || !s.order || !sorted)
        return error_no_memory(m->err, operands * sizeof(*s.links));
    if (!note_uses(&s) || !settle_givens(&s))
        return false;
    for (size_t i = 0; i < s.count; i++) {
        const struct match_node *node = &m->nodes.list[s.order[i]];
        if (!match_poll(m, i))
            return false;
        sorted[i] = *node;
        for (int k = 0; k < node->output_count; k++)
            settle(&s, node->outputs[k]);
    }
    if (s.count != n)
        return match_refuse(m, "the graph is no graph without cycles, or a value is missing");
    arena_drop(m->arena, m->nodes.list);
    m->nodes.list = sorted;
    forget(&s);
    return true;
}
