/* SPDX-License-Identifier: MIT */
#include "measure/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "measure/dataset.h"

enum { LIST_MAX = 512 };

/* ---- refusals ---- */

/* The array as people should find it: its name, type and shape. */
static void describe(const struct session_tensor *array, char *to, size_t room)
{
    char shape[SESSION_SHAPE_TEXT];
    session_shape_text(array, shape, sizeof(shape));
    snprintf(to, room, "%.80s%s%s", array->name, *array->name ? " " : "", shape);
}

static bool refuse_missing(const struct dataset *dataset, const struct session_tensor *input,
                           struct pare_error *err)
{
    char wanted[SESSION_SHAPE_TEXT], one[2 * SESSION_SHAPE_TEXT], list[LIST_MAX] = "";
    session_shape_text(input, wanted, sizeof(wanted));
    for (size_t i = 0, at = 0; i < dataset->array_count && at < sizeof(list); i++) {
        describe(&dataset->arrays[i], one, sizeof(one));
        at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", i ? ", " : "", one);
    }
    return error_set(err, PARE_ERR_FORMAT,
                     "the dataset has no array for the model's input %.80s, %s; it has %s",
                     input->name, wanted, list);
}

static bool refuse_type(const struct session_tensor *array, const struct session_tensor *input,
                        struct pare_error *err)
{
    char wanted[SESSION_SHAPE_TEXT], there[2 * SESSION_SHAPE_TEXT];
    session_shape_text(input, wanted, sizeof(wanted));
    describe(array, there, sizeof(there));
    return error_set(err, PARE_ERR_FORMAT,
                     "the dataset's array %s does not fit the model's input %.80s, %s: save it as "
                     "%s",
                     there, input->name, wanted, session_type_name(input->type));
}

static bool refuse_shape(const struct session_tensor *array, const struct session_tensor *input,
                         struct pare_error *err)
{
    char wanted[SESSION_SHAPE_TEXT], there[2 * SESSION_SHAPE_TEXT];
    session_shape_text(input, wanted, sizeof(wanted));
    describe(array, there, sizeof(there));
    return error_set(err, PARE_ERR_FORMAT,
                     "the dataset's array %s does not fit the model's input %.80s, %s: the first "
                     "axis is the rows, the others must agree",
                     there, input->name, wanted);
}

/* ---- fitting ---- */

/* Whether dims [from, rank) of the input accept those of an array that start at array_from. */
static bool dims_fit(const struct session_tensor *input, int from,
                     const struct session_tensor *array, int array_from)
{
    if (input->rank - from != array->rank - array_from)
        return false;
    for (int i = from; i < input->rank; i++)
        if (input->dims[i] >= 0 && input->dims[i] != array->dims[i - from + array_from])
            return false;
    return true;
}

/* The batch the model insists on must be the same for all its inputs. */
static bool fix_batch(struct feed *feed, const struct session_tensor *input, int64_t batch,
                      struct pare_error *err)
{
    if (batch <= 0)
        return true;
    if (feed->fixed_batch && feed->fixed_batch != batch)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "the model's inputs want different numbers of rows at once: %lld, and "
                         "%lld for %.80s",
                         (long long)feed->fixed_batch, (long long)batch, input->name);
    feed->fixed_batch = batch;
    return true;
}

static bool fit_input(struct feed *feed, const struct session_tensor *input,
                      const struct session_tensor *array, struct feed_input *to,
                      struct pare_error *err)
{
    size_t elements;
    if (array->type != input->type)
        return refuse_type(array, input, err);
    bool rows = input->rank >= 1 && dims_fit(input, 1, array, 1);
    bool whole = !rows && dims_fit(input, 0, array, 1);
    if (!rows && !whole)
        return refuse_shape(array, input, err);
    *to = (struct feed_input){ .row = *array, .whole = whole };
    to->row.name = input->name;
    to->row.rank = input->rank;
    for (int i = rows; i < input->rank; i++)
        to->row.dims[i] = array->dims[i + whole];
    if (rows)
        to->row.dims[0] = 1;
    if (!session_elements(&to->row, &elements))
        return refuse_shape(array, input, err);
    to->row_bytes = elements * session_type_bytes(array->type);
    return fix_batch(feed, input, whole ? 1 : input->dims[0], err);
}

/* How many columns of a .csv an input wants: the product of its axes but the first; 0: any. */
static int64_t columns_wanted(const struct session_tensor *input)
{
    int64_t columns = 1;
    for (int i = 1; i < input->rank; i++)
        if (input->dims[i] < 0)
            return input->rank == 2 ? 0 : -1;
        else if (__builtin_mul_overflow(columns, input->dims[i], &columns))
            return -1;
    return input->rank < 1 ? -1 : columns;
}

/* A .csv has no shape of its own: its columns take that of the model's only input. */
static bool fit_csv(struct feed *feed, struct dataset *dataset, const struct session_tensor *input,
                    struct pare_error *err)
{
    const struct session_tensor *table = &dataset->arrays[0];
    int64_t wanted = columns_wanted(input);
    if (wanted > 0 && wanted == table->dims[1] - 1 && dataset->last_may_be_label &&
        !dataset_split_label(dataset, err))
        return false;
    if (wanted < 0 || (wanted > 0 && wanted != table->dims[1]))
        return refuse_shape(table, input, err);
    struct session_tensor shaped = *table;
    if (wanted > 0) {
        shaped.rank = input->rank;
        memcpy(shaped.dims + 1, input->dims + 1, (size_t)(input->rank - 1) * sizeof(int64_t));
    }
    return fit_input(feed, input, &shaped, &feed->inputs[0], err);
}

static bool fit(struct feed *feed, struct dataset *dataset, const struct session_tensor *inputs,
                struct pare_error *err)
{
    if (dataset->is_csv && feed->count != 1)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "a .csv feeds a model with one input, this one has %zu: use a .npz",
                         feed->count);
    if (dataset->is_csv)
        return fit_csv(feed, dataset, &inputs[0], err);
    for (size_t i = 0; i < feed->count; i++) {
        const struct session_tensor *array = dataset_find(dataset, inputs[i].name);
        if (!array)
            return refuse_missing(dataset, &inputs[i], err);
        if (!fit_input(feed, &inputs[i], array, &feed->inputs[i], err))
            return false;
    }
    return true;
}

bool feed_init(struct feed *feed, struct dataset *dataset, const struct session *session,
               struct pare_error *err)
{
    *feed = (struct feed){ .dataset = dataset };
    const struct session_tensor *inputs = session_inputs(session, &feed->count);
    feed->inputs = calloc(feed->count + 1, sizeof(*feed->inputs));
    if (!feed->inputs)
        return error_no_memory(err, feed->count * sizeof(*feed->inputs));
    bool ok = fit(feed, dataset, inputs, err);
    if (!ok)
        feed_done(feed);
    return ok;
}

void feed_done(struct feed *feed)
{
    free(feed->inputs);
    *feed = (struct feed){ 0 };
}

/* ---- batches ---- */

bool feed_batch(const struct feed *feed, int64_t wanted, int64_t *ret_batch, struct pare_error *err)
{
    int64_t batch = feed->fixed_batch ? feed->fixed_batch : MAX(wanted, 1);
    if (batch > feed->dataset->rows)
        return error_set(err, PARE_ERR_FORMAT, "%lld rows at once, but the dataset has %lld",
                         (long long)batch, (long long)feed->dataset->rows);
    *ret_batch = batch;
    return true;
}

void feed_rows(const struct feed *feed, int64_t first, int64_t batch,
               struct session_tensor *ret_inputs)
{
    for (size_t i = 0; i < feed->count; i++) {
        const struct feed_input *input = &feed->inputs[i];
        ret_inputs[i] = input->row;
        ret_inputs[i].data = (char *)input->row.data + (size_t)first * input->row_bytes;
        if (!input->whole)
            ret_inputs[i].dims[0] = batch;
    }
}
