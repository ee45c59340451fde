/* SPDX-License-Identifier: MIT */
/*
 * A version's tensors while somebody looks at them.
 *
 * Names, types and shapes are in the file's header, the share of zeros and a histogram in the
 * weights; so a process beside the browser reads the version, lists its tensors, then counts the zeros
 * of one after the other, and turns to a histogram as soon as one is asked for.
 */
#ifndef PARE_JOBS_INSPECTOR_H
#define PARE_JOBS_INSPECTOR_H

#include "engine/histogram.h"
#include "jobs/beside.h"

enum { INSPECTOR_PACKET_MAX = 8 * 1024 };

struct inspector {
    int fd; /* what to wait for; -1: none runs */
    bool failed;
    char packet[INSPECTOR_PACKET_MAX];
};

enum inspector_kind {
    INSPECTOR_PROGRESS,  /* done_fraction of what `name` says: "reading", "zeros", "counting" */
    INSPECTOR_TENSOR,    /* one of them, in the order of the file */
    INSPECTOR_LISTED,    /* that were all: `index` of them */
    INSPECTOR_ZEROS,     /* zero_count of a tensor, or -1: its values cannot be read */
    INSPECTOR_DONE,      /* of all of them */
    INSPECTOR_HISTOGRAM, /* of the tensor that was asked for last */
    INSPECTOR_REFUSED,   /* there is none; `reason` */
    INSPECTOR_FAILED,    /* `reason`: the process ends */
};

struct inspector_news {
    enum inspector_kind kind;
    int64_t index; /* of the tensor */
    double done_fraction;
    int64_t size_bytes, element_count, zero_count;
    double sqnr_db, max_error; /* as the report on record has them; NAN: not on record */
    const char *name, *dtype, *shape, *op, *reason; /* clean text, valid until the next call */
    struct histogram histogram;
};

MUST_CHECK bool inspector_start(struct inspector *inspector, const struct beside_source *source,
                                struct pare_error *err);

/* Ask for this tensor's histogram and for no other any more; -1: for none. */
void inspector_ask(struct inspector *inspector, int64_t index);

/* The next news; false when there is none yet. */
bool inspector_take(struct inspector *inspector, struct inspector_news *ret_news);

void inspector_end(struct inspector *inspector);

#endif
