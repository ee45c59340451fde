/* SPDX-License-Identifier: MIT */
/* Versions by model: trees whatever lineage says, the order in force, folds; and how long it takes. */
#include "tui/grouping.h"

#include <time.h>

#include "tap.h"

enum { MANY = 100000 };

/* A row of a list by hand: its id, what it was made of, its model. */
struct written {
    int64_t id, parent;
    uint32_t model;
};

static void make_list(struct browse_list *list, struct browse_words *words,
                      const struct written *rows, size_t count)
{
    *words = (struct browse_words){ 0 };
    browse_list_init(list, words, 0);
    uint32_t models = rows[count - 1].model + 1;
    if (!browse_list_reserve(list, count) || !browse_list_reserve_models(list, models))
        abort();
    for (uint32_t i = 0; i < models; i++)
        list->models[i] = (struct browse_model){ .name = 100 - 7 * (i % 10), .base = BROWSE_NONE };
    for (size_t i = 0; i < count; i++)
        list->rows[i] = (struct browse_row){ .id = rows[i].id,
                                             .parent_id = rows[i].parent,
                                             .model = rows[i].model & BROWSE_NONE };
    list->count = count;
    list->model_count = models;
}

/* "M0:3 1 |2 |.3 ": heads with how many they show, ids with a sign a level, | where a sibling follows. */
static void put_lines(const struct grouping *grouping, const struct browse_list *list, char *to)
{
    to[0] = '\0';
    for (size_t i = 0; i < grouping->count; i++) {
        const struct grouping_line *line = &grouping->lines[i];
        if (line->head)
            to += sprintf(to, "M%u:%u ", (unsigned)line->place, (unsigned)line->rails);
        for (unsigned level = 1; !line->head && level <= line->level; level++)
            to += sprintf(to, "%c", line->rails & 1u << level ? '|' : '.');
        if (!line->head)
            to += sprintf(to, "%d ", (int)list->rows[line->place].id);
    }
}

struct scene {
    struct browse_words words;
    struct browse_list list;
    struct grouping grouping;
    char text[4096];
};

static const char *lines_of(struct scene *scene, const uint32_t *index, size_t count)
{
    if (!grouping_make(&scene->grouping, &scene->list, index, count))
        return "no memory";
    put_lines(&scene->grouping, &scene->list, scene->text);
    return scene->text;
}

static void done(struct scene *scene)
{
    grouping_done(&scene->grouping);
    browse_list_done(&scene->list);
    browse_words_done(&scene->words);
}

/* 1 has 2 and 4, 2 has 3; 5 was made of one of another model, 6 of one that is gone. */
static const struct written family[] = { { 1, 0, 0 },  { 2, 1, 0 }, { 3, 2, 0 }, { 4, 1, 0 },
                                         { 5, 99, 0 }, { 6, 8, 1 }, { 7, 6, 1 }, { 8, 0, 2 } };

static void test_order(void)
{
    struct scene scene = { 0 };
    make_list(&scene.list, &scene.words, family, ARRAY_SIZE(family));
    IS(lines_of(&scene, (const uint32_t[]){ 0, 1, 2, 3, 4, 5, 6, 7 }, 8),
       "M0:5 1 |2 |.3 .4 5 M1:2 6 .7 M2:1 8 ", "a child stands below its parent");
    IS(lines_of(&scene, (const uint32_t[]){ 7, 4, 3, 6, 2, 5, 1, 0 }, 8),
       "M2:1 8 M0:5 5 1 |4 .2 ..3 M1:2 6 .7 ",
       "models and siblings stand in the order in force, and a parent above its child all the "
       "same");
    IS(lines_of(&scene, (const uint32_t[]){ 0, 2, 3 }, 3), "M0:3 1 |3 .4 ",
       "what a filter hides leaves its children in the tree");
    IS(lines_of(&scene, (const uint32_t[]){ 2, 6 }, 2), "M0:1 3 M1:1 7 ",
       "without any ancestor that is shown a version stands at the left");
    IS(lines_of(&scene, NULL, 0), "", "no rows are no lines");
    done(&scene);
}

static void test_folds(void)
{
    static const uint32_t all[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    struct scene scene = { 0 };
    make_list(&scene.list, &scene.words, family, ARRAY_SIZE(family));
    grouping_turn(&scene.grouping, scene.list.models[0].name);
    IS(lines_of(&scene, all, 8), "M0:5 M1:2 6 .7 M2:1 8 ", "a closed model is one line");
    grouping_turn(&scene.grouping, scene.list.models[2].name);
    grouping_turn(&scene.grouping, scene.list.models[0].name);
    IS(lines_of(&scene, all, 8), "M0:5 1 |2 |.3 .4 5 M1:2 6 .7 M2:1 ", "and opens again");
    grouping_set_all(&scene.grouping, true);
    IS(lines_of(&scene, all, 8), "M0:5 M1:2 M2:1 ", "all close");
    grouping_turn(&scene.grouping, scene.list.models[1].name);
    IS(lines_of(&scene, all, 8), "M0:5 M1:2 6 .7 M2:1 ", "but for one that is opened");
    done(&scene);
}

/* Lineage is rows that anybody may have written. */
static void test_circles(void)
{
    static const struct written rows[] = { { 1, 3, 0 }, { 2, 1, 0 }, { 3, 2, 0 }, { 4, 4, 0 },
                                           { 5, 6, 0 }, { 6, 5, 0 }, { 7, 6, 0 } };
    struct scene scene = { 0 };
    make_list(&scene.list, &scene.words, rows, ARRAY_SIZE(rows));
    const char *lines = lines_of(&scene, (const uint32_t[]){ 0, 1, 2, 3, 4, 5, 6 }, 7);
    IS(lines, "M0:7 2 .3 ..1 4 6 |5 .7 ", "a circle is cut: each version is there once");
    IS(lines_of(&scene, (const uint32_t[]){ 1, 6 }, 2), "M0:2 2 7 ",
       "and a hidden one leads nowhere");
    done(&scene);
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* One chain of a hundred thousand: as deep as it gets. Every third is shown, or all. */
static void test_many(uint32_t models, bool chain, const char *what)
{
    struct scene scene = { 0 };
    struct written *rows = calloc(MANY, sizeof(*rows));
    uint32_t *index = calloc(MANY, sizeof(*index));
    for (uint32_t i = 0; i < MANY; i++) {
        rows[i] = (struct written){ (int64_t)(i * 7919ull % 1000003) + 1, 0, i / (MANY / models) };
        if (i && rows[i - 1].model == rows[i].model)
            rows[i].parent = chain ? rows[i - 1].id : rows[i - 1 - i % 3 % i].id;
        index[i] = MANY - 1 - i;
    }
    make_list(&scene.list, &scene.words, rows, MANY);
    double start = now_ms();
    bool ok = grouping_make(&scene.grouping, &scene.list, index, MANY);
    printf("# 100 000 versions, %s: %.1f ms of CPU\n", what, now_ms() - start);
    OK(ok && scene.grouping.count == MANY + models, "each version and each model has a line");
    size_t third = 0;
    for (uint32_t i = 0; i < MANY; i += 3)
        index[third++] = i;
    ok = grouping_make(&scene.grouping, &scene.list, index, third);
    OK(ok && scene.grouping.count == third + models, "and so where a filter hides most");
    free(rows);
    free(index);
    done(&scene);
}

int main(void)
{
    test_order();
    test_folds();
    test_circles();
    test_many(1, true, "one chain");
    test_many(500, false, "in 500 models");
    return tap_done();
}
