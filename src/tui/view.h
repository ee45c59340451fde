/* SPDX-License-Identifier: MIT */
/*
 * A screen: what it draws, which keys it takes, what it does when data comes.
 *
 * Views lie in a stack; the one on top is seen, `q` takes it away. A view is a file in
 * view/ with a struct of its own that begins with struct view.
 */
#ifndef PARE_TUI_VIEW_H
#define PARE_TUI_VIEW_H

#include "tui/action.h"

struct app;
struct browse_row;
struct buf;
struct canvas;
struct sift;
struct view;

/* What a click finds. */
enum view_hit {
    VIEW_HIT_NOTHING,
    VIEW_HIT_LINE,   /* the cursor is there now */
    VIEW_HIT_CURSOR, /* it was there already */
};

/* Where a view may draw: rows of the canvas below the header and above the footer. */
struct view_area {
    int top, height;
};

struct view_ops {
    enum view_kind kind;
    const char *name; /* in the header; "" on the first */
    void (*draw)(struct view *view, struct canvas *canvas, struct view_area area);
    void (*act)(struct view *view, enum action action);
    /* While something is typed: take the key and say true. NULL: nothing is ever typed. */
    bool (*type)(struct view *view, const struct key *key);
    /* Rows, connection or the clock of what is lost have changed. NULL: of no interest. */
    void (*news)(struct view *view);
    /* The command that shows or does the same, without its "$ ". */
    void (*command)(struct view *view, struct buf *buf);
    /* One line about what is under the cursor, for when there is nothing else to say. NULL: none. */
    void (*detail)(struct view *view, struct buf *buf);
    /* What `y` copies: a table as Markdown, or text. NULL: the line under the cursor. */
    bool (*copy)(struct view *view, struct buf *buf);
    /* The command that prints what is shown as a table, without its --format. NULL, or
     * nothing written: there is none now. */
    void (*table)(struct view *view, struct buf *buf);
    /* Its `fd` has something to read, or `due_ms` has come. */
    void (*ready)(struct view *view);
    void (*tick)(struct view *view);
    /* A click on this row of the screen: the cursor goes there. NULL: it has no cursor. */
    enum view_hit (*point)(struct view *view, int row);
    void (*close)(struct view *view); /* free it and what it holds */
};

struct view {
    const struct view_ops *ops;
    struct app *app;
    struct view *below;
    int fd;         /* to wait for as well; 0: none */
    bool busy;      /* something is still to come there: the screen is not at rest */
    int64_t due_ms; /* on the loop's clock, while it is on top; 0: never */
};

/* Each gives a new view, or NULL when memory ends. */
struct view *models_open(struct app *app);
struct view *version_open(struct app *app, int64_t id, const char *name, const char *version);
/* 2 to BROWSE_COMPARE_MAX versions, the first the baseline. */
struct view *compare_open(struct app *app, const int64_t *ids, size_t count);
struct view *promote_open(struct app *app, const char *name, const char *version);
struct view *rollback_open(struct app *app, const char *name);
struct view *new_job_open(struct app *app, const struct browse_row *row);
struct view *jobs_open(struct app *app, int64_t id); /* the cursor on this job; 0: on the first */
struct view *job_open(struct app *app, int64_t id);
struct view *tests_open(struct app *app);
struct view *test_open(struct app *app, int64_t id);
struct view *conclude_open(struct app *app, int64_t id);
/* The columns of that list, which outlives the view. */
struct view *columns_open(struct app *app, struct sift *sift);
struct view *help_open(struct app *app, enum view_kind of);
struct view *palette_open(struct app *app);

#endif
