/* SPDX-License-Identifier: MIT */
/*
 * The lines of the Models screen: versions as they were sifted, or by model with head lines.
 *
 * Which version or model the cursor is on is kept by its id or name, so that it stays there
 * whatever is filtered, sorted, folded or read again.
 */
#ifndef PARE_TUI_VIEW_MODEL_LINES_H
#define PARE_TUI_VIEW_MODEL_LINES_H

#include "tui/grouping.h"
#include "tui/sift.h"
#include "tui/view/folds.h"
#include "tui/view/version_table.h"

struct model_lines {
    const struct sift *sift;
    const struct browse_list *list;
    struct grouping grouping;
    struct folds folds;    /* remembered, until they have been applied */
    enum sift_group group; /* of the lines as they are */
    unsigned arranged, generation;
    size_t seen, count;
    int64_t cursor_id;    /* the version under the cursor; 0: it is on a head, or nowhere */
    uint32_t cursor_name; /* of its model; 0: nowhere */
};

void model_lines_done(struct model_lines *lines);

/* Make them anew where rows, order or groups have changed. True: they were. */
bool model_lines_update(struct model_lines *lines, const struct sift *sift,
                        const struct browse_list *list);

/* A version's line, or NULL: a head, or no line at all. */
const struct browse_row *model_lines_row(const struct model_lines *lines, size_t at);
/* A head's model, or NULL. */
const struct browse_model *model_lines_head(const struct model_lines *lines, size_t at);
/* The version, or of a head its model's default; NULL: there is none. */
const struct browse_row *model_lines_meant(const struct model_lines *lines, size_t at);

void model_lines_remember(struct model_lines *lines, size_t at);
/* Where the cursor is to be; false: what it was on is not there. */
bool model_lines_find(const struct model_lines *lines, size_t *ret_at);
/* From `at` to the first line of the next model, or of this or the one before. */
size_t model_lines_model(const struct model_lines *lines, size_t at, int step);

/* Open or close the model of that line. */
enum model_lines_fold { MODEL_LINES_TURN, MODEL_LINES_OPEN, MODEL_LINES_CLOSE };
void model_lines_fold(struct model_lines *lines, size_t at, enum model_lines_fold fold);

void model_lines_draw(const struct model_lines *lines, const struct version_table *table,
                      struct canvas *canvas, int line, size_t at, size_t top);
/* About a head: "bert_embedding: 19 versions, ..." */
void model_lines_detail(const struct model_lines *lines, size_t at, struct buf *buf);

#endif
