/* SPDX-License-Identifier: MIT */
#include "engine/scheme.h"

#include <string.h>

#include "base/pool.h"
#include "engine/meter.h"
#include "format/sink.h"

static const struct scheme *const schemes[] = {
    [SCHEME_INT8] = &scheme_int8, [SCHEME_FP16] = &scheme_fp16, [SCHEME_BF16] = &scheme_bf16,
    [SCHEME_INT4] = &scheme_int4, [SCHEME_NF4] = &scheme_nf4,   [SCHEME_FP4] = &scheme_fp4,
};

const struct scheme *scheme_of(const struct step *step, const struct tensor *t)
{
    if (step->gather && t && t->table)
        return &scheme_table4;
    if (step->form == FORM_QDQ)
        return &scheme_qdq4;
    return schemes[step->scheme];
}

bool writing_put(const struct writing *w, struct sink *sink, const void *bytes, size_t length,
                 struct pare_error *err)
{
    return sink_write(sink, bytes, length, err) && meter_add(w->meter, 0, err);
}

/* ---- in parts ---- */

struct batch {
    const struct writing *w;
    const struct writing_grid *grid;
    struct writing_part parts[WRITING_PARTS_MAX];
};

size_t writing_rooms(const struct scheme *scheme, const struct pool *pool)
{
    size_t rooms = (size_t)pool_threads(pool) > 1 ? 2 * (size_t)pool_threads(pool) : 1;
    rooms = MIN(rooms, WRITING_ROOM_BYTES / scheme->stretch_bytes);
    return MAX(MIN(rooms, (size_t)WRITING_PARTS_MAX), (size_t)1);
}

static void make_part(void *data, size_t index)
{
    struct batch *batch = data;
    batch->grid->make(batch->w, &batch->parts[index]);
}

static bool write_part(struct writing *w, const struct writing_part *part, struct sink *sink,
                       struct pare_error *err)
{
    w->error.signal += part->error.signal;
    w->error.noise += part->error.noise;
    w->error.max_error = MAX(w->error.max_error, part->error.max_error);
    w->error.zeros += part->error.zeros;
    w->clipped += part->clipped;
    return writing_put(w, sink, part->room, part->bytes, err);
}

bool writing_parts(struct writing *w, const struct writing_grid *grid, struct sink *sink,
                   struct pare_error *err)
{
    struct batch batch = { .w = w, .grid = grid };
    const struct scheme *scheme = scheme_of(w->step, NULL);
    size_t rooms = writing_rooms(scheme, w->pool), count;
    int64_t place[4] = { 0 };
    do {
        for (count = 0; count < rooms && grid->next(w, place); count++) {
            struct writing_part *part = &batch.parts[count];
            *part =
                (struct writing_part){ .room = (char *)w->stretch + count * scheme->stretch_bytes };
            memcpy(part->place, place, sizeof(place));
        }
        pool_run(w->pool, make_part, &batch, count);
        for (size_t i = 0; i < count; i++)
            if (!write_part(w, &batch.parts[i], sink, err))
                return false;
    } while (count == rooms);
    return true;
}
