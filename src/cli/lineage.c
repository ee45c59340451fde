/* SPDX-License-Identifier: MIT */
#include "cli/lineage.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"

/* A walk up that is longer is a circle, or nothing that anybody could read. */
enum { STEPS_MAX = 1000, RAILS_MAX = 25, BRANCH_ROOM = 2 * RAILS_MAX + 1 };

static const uint32_t nowhere = UINT32_MAX;

/* A version, by its place in `all`. */
struct twig {
    uint32_t parent, first, next; /* first child, next sibling; nowhere: none */
    uint32_t roots;               /* of the model whose first version this is: the first root */
    uint32_t model;               /* the place of its model's first version */
    const struct version *kept;   /* NULL: not shown */
};

struct place {
    int64_t id;
    uint32_t twig;
};

struct tree {
    struct twig *twigs;
    struct place *places; /* ordered by id */
    uint32_t count;
};

static int by_id(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

static uint32_t find(const struct tree *tree, int64_t id)
{
    const struct place wanted = { .id = id };
    const struct place *found =
        id ? bsearch(&wanted, tree->places, tree->count, sizeof(wanted), by_id) : NULL;
    return found ? found->twig : nowhere;
}

static bool plant(struct tree *tree, const struct version *const *all, size_t count,
                  struct arena *arena, struct pare_error *err)
{
    tree->count = (uint32_t)count;
    tree->twigs = arena_array(arena, count + 1, sizeof(*tree->twigs));
    tree->places = arena_array(arena, count + 1, sizeof(*tree->places));
    if (!tree->twigs || !tree->places)
        return error_no_memory(err, count * sizeof(*tree->twigs));
    for (uint32_t i = 0, model = 0; i < tree->count; i++) {
        if (strcmp(all[i]->raw_name, all[model]->raw_name) != 0)
            model = i;
        tree->twigs[i] = (struct twig){ nowhere, nowhere, nowhere, nowhere, model, NULL };
        tree->places[i] = (struct place){ all[i]->id, i };
    }
    qsort(tree->places, count, sizeof(*tree->places), by_id);
    for (uint32_t i = 0; i < tree->count; i++) {
        uint32_t parent = find(tree, all[i]->parent_id);
        if (parent != nowhere && tree->twigs[parent].model == tree->twigs[i].model)
            tree->twigs[i].parent = parent;
    }
    return true;
}

/* The next one above that is shown, which is not itself. */
static uint32_t shown_above(const struct tree *tree, uint32_t at)
{
    uint32_t up = tree->twigs[at].parent;
    for (int steps = 0; up != nowhere && !tree->twigs[up].kept; steps++)
        up = steps < STEPS_MAX ? tree->twigs[up].parent : nowhere;
    return up;
}

/* What somebody recorded as made of itself begins a tree; `next` tells which walk was here. */
static void cut_circles(struct tree *tree)
{
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
    for (uint32_t i = 0; i < tree->count; i++)
        tree->twigs[i].next = nowhere;
}

/* The place in `all` of each that is kept, in their order. */
static uint32_t *find_kept(struct tree *tree, const struct version *const *kept, size_t *io_count,
                           struct arena *arena)
{
    uint32_t *at = arena_array(arena, *io_count + 1, sizeof(*at));
    size_t count = 0;
    for (size_t i = 0; at && i < *io_count; i++) {
        uint32_t twig = find(tree, kept[i]->id);
        if (twig == nowhere) /* it has come in between the two looks */
            continue;
        tree->twigs[twig].kept = kept[i];
        at[count++] = twig;
    }
    *io_count = count;
    return at;
}

static bool grow(struct tree *tree, const uint32_t *at, size_t count, struct arena *arena)
{
    uint32_t *above = arena_array(arena, count + 1, sizeof(*above));
    if (!above)
        return false;
    for (size_t i = 0; i < count; i++)
        above[i] = shown_above(tree, at[i]);
    for (uint32_t i = 0; i < tree->count; i++)
        tree->twigs[i].parent = nowhere;
    for (size_t i = 0; i < count; i++)
        tree->twigs[at[i]].parent = above[i];
    cut_circles(tree);
    for (size_t i = count; i-- > 0;) {
        struct twig *twig = &tree->twigs[at[i]];
        uint32_t *to = twig->parent == nowhere ? &tree->twigs[twig->model].roots
                                               : &tree->twigs[twig->parent].first;
        twig->next = *to;
        *to = at[i];
    }
    return true;
}

/* "| " for a level on which a sibling follows, the last one "|-" or "'-". */
static const char *draw(const bool follows[RAILS_MAX + 1], uint32_t depth, struct arena *arena)
{
    char text[BRANCH_ROOM];
    size_t used = 0;
    for (uint32_t level = 1; level <= MIN(depth, RAILS_MAX); level++) {
        bool own = level == MIN(depth, RAILS_MAX);
        text[used++] = follows[level] ? '|' : own ? '\'' : ' ';
        text[used++] = own ? '-' : ' ';
    }
    text[used] = '\0';
    return arena_strdup(arena, text);
}

static bool put_model(const struct tree *tree, uint32_t root, struct arena *arena,
                      struct lineage_line *lines, size_t *io_count)
{
    bool follows[RAILS_MAX + 1] = { false };
    uint32_t at = root, depth = 0;
    while (at != nowhere) {
        const struct twig *twig = &tree->twigs[at];
        if (depth <= RAILS_MAX)
            follows[depth] = twig->next != nowhere;
        const char *branch = draw(follows, depth, arena);
        if (!branch)
            return false;
        lines[(*io_count)++] =
            (struct lineage_line){ twig->kept,
                                   twig->parent == nowhere ? NULL : tree->twigs[twig->parent].kept,
                                   depth, branch };
        if (twig->first != nowhere) {
            at = twig->first;
            depth++;
            continue;
        }
        while (at != nowhere && tree->twigs[at].next == nowhere) {
            at = tree->twigs[at].parent;
            depth--;
        }
        at = at == nowhere ? nowhere : tree->twigs[at].next;
    }
    return true;
}

bool lineage_arrange(const struct version *const *all, size_t all_count,
                     const struct version *const *kept, size_t count, struct arena *arena,
                     struct lineage_line **ret_lines, size_t *ret_count, struct pare_error *err)
{
    struct tree tree;
    size_t used = 0;
    struct lineage_line *lines = arena_array(arena, count + 1, sizeof(*lines));
    if (!lines || !plant(&tree, all, all_count, arena, err))
        return lines ? false : error_no_memory(err, count * sizeof(*lines));
    uint32_t *at = find_kept(&tree, kept, &count, arena);
    bool ok = at && grow(&tree, at, count, arena);
    for (size_t i = 0; ok && i < count; i++) {
        uint32_t *roots = &tree.twigs[tree.twigs[at[i]].model].roots, root = *roots;
        *roots = nowhere; /* each model once */
        ok = put_model(&tree, root, arena, lines, &used);
    }
    if (!ok)
        return error_no_memory(err, count * sizeof(*lines));
    *ret_lines = lines;
    *ret_count = used;
    return true;
}
