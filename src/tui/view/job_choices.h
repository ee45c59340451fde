/* SPDX-License-Identifier: MIT */
/* What the fields of a job are called, and their choices where neither engine nor registry knows them. */
#ifndef PARE_TUI_VIEW_JOB_CHOICES_H
#define PARE_TUI_VIEW_JOB_CHOICES_H

#include "tui/view/job_fields.h"

struct job_choices {
    const char *label;
    const struct pare_choice *list; /* NULL: typed, or filled by the owner */
    size_t count;
    const char *empty; /* what an empty one means */
};

const struct job_choices *job_choices(enum job_field field);

#endif
