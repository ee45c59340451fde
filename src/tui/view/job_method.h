/* SPDX-License-Identifier: MIT */
/* The fields of a job that prunes: which of them the method has, and what they say. */
#ifndef PARE_TUI_VIEW_JOB_METHOD_H
#define PARE_TUI_VIEW_JOB_METHOD_H

#include "tui/view/job_fields.h"

/* Whether the field asks something that the chosen method does not have. */
bool job_method_hides(const struct job_fields *fields, enum job_field field);

/* The method's own settings; words of theirs live as long as the fields stay as they are. */
MUST_CHECK bool job_method_read(const struct job_fields *fields, struct order_settings *io_settings,
                                struct pare_error *err);

/* Append them as options of pare prune. */
void job_method_put_options(const struct job_fields *fields, struct buf *command);

#endif
