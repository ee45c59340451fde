/* SPDX-License-Identifier: MIT */
#include "tui/grouping.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static const uint32_t nowhere = UINT32_MAX;

void grouping_done(struct grouping *grouping)
{
    free(grouping->lines);
    free(grouping->turned);
    *grouping = (struct grouping){ 0 };
}

/* ---- what is open ---- */

static size_t find_turned(const struct grouping *grouping, uint32_t name)
{
    size_t from = 0, to = grouping->turned_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (grouping->turned[middle] < name)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static bool is_turned(const struct grouping *grouping, size_t at, uint32_t name)
{
    return at < grouping->turned_count && grouping->turned[at] == name;
}

bool grouping_is_open(const struct grouping *grouping, uint32_t name)
{
    return is_turned(grouping, find_turned(grouping, name), name) == grouping->closed;
}

void grouping_turn(struct grouping *grouping, uint32_t name)
{
    size_t at = find_turned(grouping, name);
    bool there = is_turned(grouping, at, name);
    if (!there && grouping->turned_count == grouping->turned_room) {
        size_t room = MAX(16, 2 * grouping->turned_room);
        uint32_t *turned = realloc(grouping->turned, room * sizeof(*turned));
        if (!turned)
            return; /* it stays as it is, which one sees */
        grouping->turned = turned;
        grouping->turned_room = room;
    }
    uint32_t *from = grouping->turned + at;
    size_t behind = grouping->turned_count - at;
    if (there) {
        memmove(from, from + 1, (behind - 1) * sizeof(*from));
        grouping->turned_count--;
    } else {
        memmove(from + 1, from, behind * sizeof(*from));
        *from = name;
        grouping->turned_count++;
    }
}

void grouping_set_all(struct grouping *grouping, bool closed)
{
    grouping->closed = closed;
    grouping->turned_count = 0;
}

/* ---- the tree of one model ---- */

/* A row of the model, by its place among them. */
struct twig {
    uint32_t parent; /* nowhere: none that is known */
    uint32_t first;  /* child */
    uint32_t next;   /* sibling */
    bool shown;
};

struct named {
    int64_t id;
    uint32_t twig;
};

struct tree {
    struct twig *twigs;
    struct named *ids; /* ordered by id */
    const struct browse_row *rows;
    uint32_t count, roots;
};

static int by_id(const void *a, const void *b)
{
    const struct named *left = a, *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

static void find_parents(struct tree *tree)
{
    for (uint32_t i = 0; i < tree->count; i++)
        tree->ids[i] = (struct named){ tree->rows[i].id, i };
    qsort(tree->ids, tree->count, sizeof(*tree->ids), by_id);
    for (uint32_t i = 0; i < tree->count; i++) {
        const struct named wanted = { .id = tree->rows[i].parent_id };
        const struct named *found =
            wanted.id ? bsearch(&wanted, tree->ids, tree->count, sizeof(wanted), by_id) : NULL;
        tree->twigs[i].parent = found ? found->twig : nowhere;
    }
}

/* The next one above that is shown; the hidden ones between point there from now on. */
static uint32_t shown_above(struct tree *tree, uint32_t at)
{
    struct twig *twigs = tree->twigs;
    uint32_t up = twigs[at].parent, next;
    for (uint32_t steps = 0; up != nowhere && !twigs[up].shown; steps++)
        up = steps < tree->count ? twigs[up].parent : nowhere;
    for (uint32_t i = twigs[at].parent; i != up && i != nowhere && !twigs[i].shown; i = next) {
        next = twigs[i].parent;
        twigs[i].parent = up;
    }
    return up;
}

/* What somebody recorded as made of itself begins a tree; `next` tells which walk was here. */
static void cut_circles(struct tree *tree)
{
    for (uint32_t i = 0; i < tree->count; i++)
        tree->twigs[i].next = nowhere;
    for (uint32_t i = 0; i < tree->count; i++) {
        uint32_t at = i, last = i;
        while (at != nowhere && tree->twigs[at].next == nowhere) {
            tree->twigs[at].next = i;
            last = at;
            at = tree->twigs[at].parent;
        }
        if (at != nowhere && tree->twigs[at].next == i)
            tree->twigs[last].parent = nowhere;
    }
}

/* Those of `hits`, in their order, each below what it was made of. */
static void grow(struct tree *tree, const struct browse_list *list, const uint32_t *hits,
                 uint32_t count)
{
    size_t first = (size_t)(tree->rows - list->rows);
    bool flat = true;
    for (uint32_t i = 0; i < tree->count; i++) {
        tree->twigs[i] = (struct twig){ nowhere, nowhere, nowhere, false };
        flat &= !tree->rows[i].parent_id;
    }
    for (uint32_t i = 0; i < count; i++)
        tree->twigs[hits[i] - first].shown = true;
    if (!flat) {
        find_parents(tree);
        for (uint32_t i = 0; i < count; i++)
            tree->twigs[hits[i] - first].parent = shown_above(tree, (uint32_t)(hits[i] - first));
        cut_circles(tree);
    }
    tree->roots = nowhere;
    for (uint32_t i = count; i-- > 0;) {
        uint32_t at = (uint32_t)(hits[i] - first);
        uint32_t parent = tree->twigs[at].parent;
        uint32_t *to = parent == nowhere ? &tree->roots : &tree->twigs[parent].first;
        tree->twigs[at].next = *to;
        *to = at;
    }
}

static uint32_t with_rail(uint32_t rails, uint32_t level, bool follows)
{
    if (level > GROUPING_LEVELS_MAX)
        return rails;
    return follows ? rails | 1u << level : rails & ~(1u << level);
}

static void put_tree(struct grouping *grouping, const struct tree *tree, uint32_t first)
{
    uint32_t at = tree->roots, level = 0, rails = 0;
    while (at != nowhere) {
        const struct twig *twig = &tree->twigs[at];
        rails = with_rail(rails, level, twig->next != nowhere);
        grouping->lines[grouping->count++] =
            (struct grouping_line){ .place = first + at,
                                    .level = MIN(level, GROUPING_LEVELS_MAX) & 31,
                                    .rails = rails & ((1u << (GROUPING_LEVELS_MAX + 1)) - 1) };
        if (twig->first != nowhere) {
            at = twig->first;
            level++;
            continue;
        }
        while (at != nowhere && tree->twigs[at].next == nowhere) {
            at = tree->twigs[at].parent;
            level--;
        }
        if (at != nowhere)
            at = tree->twigs[at].next;
    }
}

/* ---- all models ---- */

/* The rows to show by model, models in the order of their first one. */
struct sheaves {
    uint32_t *order; /* models */
    uint32_t *ends;  /* of each model, in `hits` */
    uint32_t *hits;
    uint32_t count, largest; /* models that have some; rows of the largest model */
};

static void sheaves_done(struct sheaves *sheaves)
{
    free(sheaves->order);
    free(sheaves->ends);
    free(sheaves->hits);
}

static bool bind(struct sheaves *sheaves, const struct browse_list *list, const uint32_t *index,
                 size_t count)
{
    uint32_t *ends = calloc(list->model_count + 1, sizeof(*ends));
    sheaves->ends = ends;
    sheaves->order = malloc((list->model_count + 1) * sizeof(*ends));
    sheaves->hits = malloc((count + 1) * sizeof(*ends));
    if (!ends || !sheaves->order || !sheaves->hits)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint32_t model = list->rows[index[i]].model;
        if (ends[model]++ == 0)
            sheaves->order[sheaves->count++] = model;
    }
    uint32_t start = 0;
    for (uint32_t i = 0; i < sheaves->count; i++) {
        uint32_t *end = &ends[sheaves->order[i]], size = *end;
        *end = start;
        start += size;
    }
    for (size_t i = 0; i < count; i++)
        sheaves->hits[ends[list->rows[index[i]].model]++] = index[i];
    for (size_t i = 0, from = 0; i < list->count; i++) {
        if (list->rows[i].model != list->rows[from].model)
            from = i;
        sheaves->largest = MAX(sheaves->largest, (uint32_t)(i - from + 1));
    }
    return true;
}

static bool reserve(struct grouping *grouping, size_t count)
{
    grouping->count = 0;
    if (count <= grouping->room)
        return true;
    struct grouping_line *lines = realloc(grouping->lines, count * sizeof(*lines));
    if (!lines)
        return false;
    grouping->lines = lines;
    grouping->room = count;
    return true;
}

size_t grouping_rows_of(const struct browse_list *list, uint32_t model, size_t *ret_first)
{
    size_t bounds[2];
    for (uint32_t i = 0; i < 2; i++) {
        size_t from = 0, to = list->count;
        while (from < to) {
            size_t middle = from + (to - from) / 2;
            if (list->rows[middle].model < model + i)
                from = middle + 1;
            else
                to = middle;
        }
        bounds[i] = from;
    }
    *ret_first = bounds[0];
    return bounds[1] - bounds[0];
}

static void put_model(struct grouping *grouping, struct tree *tree, const struct browse_list *list,
                      uint32_t model, const uint32_t *hits, uint32_t count)
{
    size_t first;
    grouping->lines[grouping->count++] =
        (struct grouping_line){ .place = model, .head = 1, .rails = count & 0x3ffffff };
    if (!grouping_is_open(grouping, list->models[model].name))
        return;
    tree->count = (uint32_t)grouping_rows_of(list, model, &first);
    tree->rows = &list->rows[first];
    grow(tree, list, hits, count);
    put_tree(grouping, tree, (uint32_t)first);
}

bool grouping_make(struct grouping *grouping, const struct browse_list *list, const uint32_t *index,
                   size_t count)
{
    struct sheaves sheaves = { 0 };
    struct tree tree = { 0 };
    bool ok = bind(&sheaves, list, index, count) && reserve(grouping, count + sheaves.count);
    if (ok) {
        tree.twigs = malloc((sheaves.largest + 1) * sizeof(*tree.twigs));
        tree.ids = malloc((sheaves.largest + 1) * sizeof(*tree.ids));
        ok = tree.twigs && tree.ids;
    }
    uint32_t start = 0;
    for (uint32_t i = 0; ok && i < sheaves.count; i++) {
        uint32_t model = sheaves.order[i], end = sheaves.ends[model];
        put_model(grouping, &tree, list, model, sheaves.hits + start, end - start);
        start = end;
    }
    if (!ok)
        grouping->count = 0;
    free(tree.twigs);
    free(tree.ids);
    sheaves_done(&sheaves);
    return ok;
}
