/* SPDX-License-Identifier: MIT */
/*
 * A source whose main file is another's with pieces cut and put: what the
 * optimizer makes of a model, without writing it anywhere.
 *
 * Only the new pieces are held. All else is read from the source below when it is
 * asked for, weights that a normalization was folded into multiplied as they go by,
 * so a model of any size costs what was changed in it.
 */
#ifndef PARE_FORMAT_OVERLAY_H
#define PARE_FORMAT_OVERLAY_H

#include "base/base.h"

struct output;
struct pare_error;
struct source;

/* F32 values of the source below in rows, each multiplied by its factor. */
struct overlay_scaling {
    size_t file;
    int64_t offset, row_bytes;
    const float *factors; /* by row */
};

/*
 * The last file of `output`, whose segments are copies, literals and values, these of the
 * scaling that their `tensor` numbers. Takes over `output`, also on failure; the scalings live in
 * its arena. `below` is borrowed; its other files are this source's too.
 */
MUST_CHECK bool overlay_open(struct source *below, struct output *output,
                             const struct overlay_scaling *scalings, struct source **ret_source,
                             struct pare_error *err);

#endif
