/* SPDX-License-Identifier: MIT */
#include "engine/scheme.h"

#include "engine/meter.h"
#include "format/sink.h"

static const struct scheme *const schemes[] = {
    [SCHEME_INT8] = &scheme_int8, [SCHEME_FP16] = &scheme_fp16, [SCHEME_INT4] = &scheme_int4,
    [SCHEME_NF4] = &scheme_nf4,   [SCHEME_FP4] = &scheme_fp4,
};

const struct scheme *scheme_of(const struct step *step)
{
    if (step->form == FORM_QDQ)
        return &scheme_qdq4;
    return schemes[step->scheme];
}

bool writing_put(const struct writing *w, struct sink *sink, const void *bytes, size_t length,
                 struct pare_error *err)
{
    return sink_write(sink, bytes, length, err) && meter_add(w->meter, 0, err);
}
