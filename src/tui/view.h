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
struct view;

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
    /* Its `fd` has something to read, or `due_ms` has come. */
    void (*ready)(struct view *view);
    void (*tick)(struct view *view);
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
struct view *promote_open(struct app *app, const char *name, const char *version);
struct view *rollback_open(struct app *app, const char *name);
struct view *new_job_open(struct app *app, const struct browse_row *row);
struct view *jobs_open(struct app *app, int64_t id); /* the cursor on this job; 0: on the first */
struct view *job_open(struct app *app, int64_t id);
struct view *tests_open(struct app *app);
struct view *test_open(struct app *app, int64_t id);
struct view *conclude_open(struct app *app, int64_t id);
struct view *help_open(struct app *app, enum view_kind of);

#endif
