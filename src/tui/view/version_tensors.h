/* SPDX-License-Identifier: MIT */
/*
 * The Version screen's second section: the tensors, as a process beside the browser reads them, and a
 * histogram of one of them on request.
 */
#ifndef PARE_TUI_VIEW_VERSION_TENSORS_H
#define PARE_TUI_VIEW_VERSION_TENSORS_H

#include "pare/error.h"
#include "tui/prompt.h"
#include "tui/view/tensor_table.h"

struct app;

struct version_tensors {
    struct inspector inspector;
    bool started;      /* the process has been, or there is no use in one */
    bool listed;       /* all tensors are there */
    bool done;         /* and all zeros counted */
    const char *phase; /* static: what the process is at */
    double done_fraction;
    struct pare_error error; /* why there are none; code 0: none */
    struct tensor_table table;
    bool typing;
    struct prompt prompt;
    bool chart;           /* a histogram is wanted, of the tensor under the cursor */
    int64_t asked, shown; /* tensors: whose is asked for, whose is at hand; -1: none's */
    struct histogram histogram;
    char refusal[PARE_ERROR_TEXT_MAX]; /* why there is no histogram; "" */
};

void version_tensors_init(struct version_tensors *tensors);
void version_tensors_done(struct version_tensors *tensors);

/* Let the process begin to read the version; again, where it failed. */
void version_tensors_start(struct version_tensors *tensors, struct app *app, const char *name,
                           const char *version, const char *model_type);

/* Its socket has something. */
void version_tensors_ready(struct version_tensors *tensors);
/* Whether something is still to come. */
bool version_tensors_busy(const struct version_tensors *tensors);

void version_tensors_act(struct version_tensors *tensors, enum action action);
bool version_tensors_type(struct version_tensors *tensors, const struct key *key);
void version_tensors_draw(struct version_tensors *tensors, struct canvas *canvas,
                          struct view_area area);
void version_tensors_put_options(const struct version_tensors *tensors, struct buf *buf);
void version_tensors_detail(const struct version_tensors *tensors, struct buf *buf);

#endif
