/* SPDX-License-Identifier: MIT */
/*
 * Plans while somebody still chooses.
 *
 * A plan reads the weights, which may take seconds, and a form must answer every key. So
 * a process of its own holds one version's files and answers each recipe with what it would
 * do, tensor by tensor; a newer recipe ends the plan under way. Nothing here waits, and
 * nothing has to be collected: the process ends by itself when its starter goes.
 */
#ifndef PARE_JOBS_PLANNER_H
#define PARE_JOBS_PLANNER_H

#include "base/base.h"
#include "jobs/beside.h"

enum { PLANNER_PACKET_MAX = 64 * 1024 };

struct planner {
    int fd;         /* what to wait for; -1: none runs */
    uint32_t asked; /* the number of the newest recipe */
    bool failed;    /* it has said why it ends */
    char packet[PLANNER_PACKET_MAX];
};

enum planner_kind {
    PLANNER_PROGRESS, /* done_fraction of what `name` says: "reading", "planning" */
    PLANNER_TENSOR,   /* one line of the plan */
    PLANNER_PLAN,     /* the plan is whole: bytes of all files, and how many tensors change */
    PLANNER_FAILED,   /* `reason`: of this recipe, or of everything */
};

struct planner_news {
    enum planner_kind kind;
    double done_fraction;
    int64_t before_bytes, after_bytes, changed_count;
    const char *name, *action, *reason; /* clean text, valid until the next call */
};

MUST_CHECK bool planner_start(struct planner *planner, const struct beside_source *source,
                              struct pare_error *err);

/* Ask for this recipe's plan and for no other any more; NULL: for none. */
void planner_ask(struct planner *planner, const char *recipe);

/* The next news of the newest recipe; false when there is none yet. */
bool planner_take(struct planner *planner, struct planner_news *ret_news);

void planner_end(struct planner *planner);

#endif
