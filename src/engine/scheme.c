/* SPDX-License-Identifier: MIT */
#include "engine/scheme.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/pool.h"
#include "engine/meter.h"
#include "engine/reading.h"
#include "format/sink.h"

static const struct scheme *const schemes[] = {
    [SCHEME_INT8] = &scheme_int8, [SCHEME_FP16] = &scheme_fp16, [SCHEME_BF16] = &scheme_bf16,
    [SCHEME_INT4] = &scheme_int4, [SCHEME_NF4] = &scheme_nf4,   [SCHEME_FP4] = &scheme_fp4,
};

const struct scheme *scheme_of(const struct step *step, const struct tensor *t)
{
    if (t && t->alone && (step->scheme == SCHEME_NF4 || step->scheme == SCHEME_FP4))
        return &scheme_linear4;
    if (t && t->alone && step->scheme == SCHEME_INT8)
        return &scheme_linear8;
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

bool writing_put_kept(struct writing *w, struct sink *sink, size_t length, struct pare_error *err)
{
    bool ok = sink_write(sink, *w->kept, length, err);
    free(*w->kept);
    *w->kept = NULL;
    return ok;
}

/* ---- in parts ---- */

/* Two halves in turn: one is made while the other is written. */
struct batch {
    struct writing *w;
    const struct writing_grid *grid;
    struct sink *sink;
    struct writing_part parts[2][WRITING_PARTS_MAX / 2];
    size_t counts[2];
    int half; /* the one that is made */
    bool ok;
    struct pare_error *err;
};

size_t writing_rooms(const struct scheme *scheme, const struct pool *pool)
{
    size_t threads = (size_t)pool_threads(pool), rooms = threads > 1 ? 4 * threads : 2;
    rooms = MIN(rooms, WRITING_ROOM_BYTES / scheme->stretch_bytes) / 2 * 2;
    return MAX(MIN(rooms, (size_t)WRITING_PARTS_MAX), (size_t)2);
}

const float *writing_read(const struct writing *w, struct writing_part *io_part, size_t start,
                          size_t count, struct writing_room *room)
{
    if (w->x)
        return w->x + start;
    io_part->read_bytes += count * reading_element_bytes(w->tensor);
    return reading_floats(w->model, w->tensor, start, count, room->half, room->x, &io_part->err)
               ? room->x
               : NULL;
}

static bool write_part(struct writing *w, const struct writing_part *part, struct sink *sink,
                       struct pare_error *err)
{
    if (part->err.code != PARE_OK) {
        *err = part->err;
        return false;
    }
    w->error.signal += part->error.signal;
    w->error.noise += part->error.noise;
    w->error.max_error = MAX(w->error.max_error, part->error.max_error);
    w->error.zeros += part->error.zeros;
    w->clipped += part->clipped;
    return sink_write(sink, part->room, part->bytes, err) &&
           meter_add(w->meter, (int64_t)part->read_bytes, err);
}

/* The first is the calling thread's, which alone may talk to the sink. */
static void do_part(void *data, size_t index)
{
    struct batch *batch = data;
    int written = !batch->half;
    if (index > 0)
        batch->grid->make(batch->w, &batch->parts[batch->half][index - 1]);
    for (size_t i = 0; index == 0 && batch->ok && i < batch->counts[written]; i++)
        batch->ok = write_part(batch->w, &batch->parts[written][i], batch->sink, batch->err);
}

static bool next_place(const struct batch *batch, int64_t io_place[4])
{
    if (batch->grid->next)
        return batch->grid->next(batch->w, io_place);
    io_place[0] += io_place[1];
    io_place[1] = MIN(batch->grid->elements, batch->w->shown->element_count - io_place[0]);
    return io_place[1] > 0;
}

/* Takes the next places into the half that is made. */
static void fill_half(struct batch *batch, size_t rooms, int64_t io_place[4])
{
    size_t room_bytes = scheme_of(batch->w->step, batch->w->tensor)->stretch_bytes, count = 0;
    char *room = (char *)batch->w->stretch + (size_t)batch->half * rooms * room_bytes;
    for (; count < rooms && next_place(batch, io_place); count++) {
        struct writing_part *part = &batch->parts[batch->half][count];
        *part = (struct writing_part){ .room = room + count * room_bytes };
        memcpy(part->place, io_place, sizeof(part->place));
    }
    batch->counts[batch->half] = count;
}

bool writing_parts(struct writing *w, const struct writing_grid *grid, struct sink *sink,
                   struct pare_error *err)
{
    size_t rooms = writing_rooms(scheme_of(w->step, w->tensor), w->pool) / 2, made;
    int64_t place[4] = { 0 };
    struct batch *batch = calloc(1, sizeof(*batch));
    if (!batch)
        return error_no_memory(err, sizeof(*batch));
    batch->w = w;
    batch->grid = grid;
    batch->sink = sink;
    batch->err = err;
    batch->ok = true;
    do {
        fill_half(batch, rooms, place);
        made = batch->counts[batch->half];
        pool_run(w->pool, do_part, batch, 1 + made);
        batch->half = !batch->half;
    } while (batch->ok && made > 0);
    bool ok = batch->ok;
    free(batch);
    return ok;
}
