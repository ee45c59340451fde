/* SPDX-License-Identifier: MIT */
/*
 * Which models stood the other way than the rest, open among closed ones or closed among open ones,
 * the last time this registry was looked at by model.
 *
 * They are kept by name, at most FOLDS_MAX, and those that were turned first go first. A name waits
 * until a list has it: rows come in piece by piece, and a model that is gone may come back.
 */
#ifndef PARE_TUI_VIEW_FOLDS_H
#define PARE_TUI_VIEW_FOLDS_H

#include "base/json.h"
#include "tui/grouping.h"

struct app;

enum { FOLDS_MAX = 1000, FOLDS_BYTES_MAX = 16 * 1024 };

struct folds {
    cJSON *waiting; /* names that no list had yet; NULL: none */
    bool closed;    /* all others were */
};

/* What is remembered of the registry that recall_get() has found. */
void folds_get(struct app *app, struct folds *ret_folds);
void folds_done(struct folds *folds);

/* Turn those that the list has by now; where the others stand otherwise than then, forget them. */
void folds_apply(struct folds *folds, struct grouping *grouping, const struct browse_list *list);

/* Remember those of `grouping`. What goes wrong is said. */
void folds_put(struct app *app, const struct grouping *grouping, const struct browse_list *list);

#endif
