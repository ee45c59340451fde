/* SPDX-License-Identifier: MIT */
#include "measure/accuracy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "measure/dataset.h"
#include "measure/feed.h"
#include "measure/output.h"
#include "measure/watch.h"
#include "runtime/session.h"

/* A version under judgement. */
struct judged {
    struct session *session; /* the caller's */
    struct feed feed;
    struct session_tensor *inputs;       /* (feed.count), owned here */
    size_t output;                       /* which of the session's */
    const struct session_tensor *result; /* of the batch under way, the session's */
};

/* The measurement under way. */
struct trial {
    struct judged own, parent; /* parent.session NULL when there is none */
    const struct dataset *dataset;
    int64_t *labels; /* (rows) as classes, owned here; NULL when there are none */
    int64_t batch;
    size_t width;         /* of a row, see output_class_width() */
    double signal, noise; /* sum x^2, sum (x - y)^2 */
    struct accuracy result;
};

/* ---- labels ---- */

static bool find_class(const struct accuracy_options *options, const char *label, size_t row,
                       int64_t *ret_class, struct pare_error *err)
{
    for (size_t i = 0; i < options->class_count; i++)
        if (!strcmp(options->classes[i], label)) {
            *ret_class = (int64_t)i;
            return true;
        }
    return error_set(err, PARE_ERR_FORMAT,
                     "row %zu: the label \"%.80s\" is none of the model's %zu classes", row + 1,
                     label, options->class_count);
}

/* Classes to compare with, once before anything is run. */
static bool resolve_labels(struct trial *trial, const struct accuracy_options *options,
                           struct pare_error *err)
{
    const struct dataset *dataset = trial->dataset;
    size_t rows = (size_t)dataset->rows;
    trial->result.has_labels = dataset->labels || dataset->label_texts;
    if (!trial->result.has_labels)
        return true;
    if (dataset->label_texts && !options->class_count)
        return error_set(err, PARE_ERR_USAGE,
                         "the dataset's labels are text: the names of the model's classes are "
                         "needed, in their order");
    trial->labels = calloc(rows, sizeof(*trial->labels));
    if (!trial->labels)
        return error_no_memory(err, rows * sizeof(*trial->labels));
    if (dataset->labels)
        memcpy(trial->labels, dataset->labels, rows * sizeof(*trial->labels));
    for (size_t i = 0; dataset->label_texts && i < rows; i++) {
        const char *label = dataset->label_texts[i];
        if (i && !strcmp(label, dataset->label_texts[i - 1]))
            trial->labels[i] = trial->labels[i - 1];
        else if (!find_class(options, label, i, &trial->labels[i], err))
            return false;
    }
    return true;
}

/* An argmax has its classes numbered from 0; an integer output may name any. */
static bool check_label(int64_t label, int64_t row, size_t width, const char *output,
                        struct pare_error *err)
{
    if (width == 1 || (label >= 0 && label < (int64_t)width))
        return true;
    return error_set(err, PARE_ERR_FORMAT,
                     "row %lld: the label %lld is no class of the output %.80s, which has 0 to %zu",
                     (long long)row + 1, (long long)label, output, width - 1);
}

/* ---- a batch ---- */

/* Run the rows and check that the result has them on its first axis. */
static bool judge(struct judged *judged, int64_t first, int64_t batch, struct pare_error *err)
{
    const struct session_tensor *outputs;
    char shape[SESSION_SHAPE_TEXT];
    feed_rows(&judged->feed, first, batch, judged->inputs);
    if (!session_run(judged->session, judged->inputs, &outputs, err))
        return false;
    judged->result = &outputs[judged->output];
    if (batch == 1 || (judged->result->rank > 0 && judged->result->dims[0] == batch))
        return true;
    session_shape_text(judged->result, shape, sizeof(shape));
    return error_set(err, PARE_ERR_UNSUPPORTED,
                     "the output %.80s is %s for %lld rows: its first axis must be the rows, or "
                     "the batch 1",
                     judged->result->name, shape, (long long)batch);
}

static bool same_shape(const struct session_tensor *a, const struct session_tensor *b,
                       struct pare_error *err)
{
    char one[SESSION_SHAPE_TEXT], other[SESSION_SHAPE_TEXT];
    if (a->rank == b->rank && !memcmp(a->dims, b->dims, (size_t)a->rank * sizeof(a->dims[0])))
        return true;
    session_shape_text(a, one, sizeof(one));
    session_shape_text(b, other, sizeof(other));
    return error_set(err, PARE_ERR_UNSUPPORTED,
                     "the output %.80s is %s, the parent's is %s: they cannot be compared", a->name,
                     one, other);
}

/* Values [from, to) of both results into the sums. */
static void compare_values(struct trial *trial, size_t from, size_t to)
{
    struct accuracy *result = &trial->result;
    for (size_t i = from; i < to; i++) {
        double x = output_value(trial->parent.result, i), y = output_value(trial->own.result, i);
        bool x_finite = isfinite(x), y_finite = isfinite(y);
        trial->signal += x_finite ? x * x : 0;
        result->not_finite += !y_finite;
        if (x == y || (!x_finite && !y_finite))
            continue;
        double error = x_finite && y_finite ? fabs(x - y) : (double)INFINITY;
        trial->noise += error * error;
        result->max_abs = fmax(result->max_abs, error);
    }
}

/* Classes of one row of the batch. */
static bool compare_row(struct trial *trial, size_t at, int64_t row, size_t width,
                        struct pare_error *err)
{
    struct accuracy *result = &trial->result;
    int64_t own = output_class(trial->own.result, at, width), before = OUTPUT_NO_CLASS;
    if (result->has_parent) {
        before = output_class(trial->parent.result, at, width);
        result->agreed += own == before;
    }
    if (!result->has_labels)
        return true;
    int64_t label = trial->labels[row];
    if (!check_label(label, row, width, trial->own.result->name, err))
        return false;
    result->right += own == label;
    result->parent_right += result->has_parent && before == label;
    result->broken += result->has_parent && before == label && own != label;
    result->fixed += result->has_parent && before != label && own == label;
    return true;
}

/* Rows [first, first + batch), of which those before `fresh` were counted already. */
static bool run_batch(struct trial *trial, int64_t first, int64_t fresh, struct pare_error *err)
{
    struct accuracy *result = &trial->result;
    if (!judge(&trial->own, first, trial->batch, err))
        return false;
    size_t values, rows = (size_t)trial->batch, skip = (size_t)(fresh - first);
    if (!session_elements(trial->own.result, &values))
        return error_set(err, PARE_ERR_FORMAT, "an output of impossible size");
    size_t width = output_class_width(trial->own.result, trial->batch);
    if (first > 0 && width != trial->width)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "the output %.80s has another shape from row %lld on",
                         trial->own.result->name, (long long)first + 1);
    trial->width = width;
    result->has_class = width > 0;
    if (result->has_labels && !width)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "the output %.80s gives no class to hold against the labels: choose "
                         "another output",
                         trial->own.result->name);
    if (result->has_parent) {
        if (!judge(&trial->parent, first, trial->batch, err) ||
            !same_shape(trial->own.result, trial->parent.result, err))
            return false;
        compare_values(trial, values / rows * skip, values);
    }
    for (size_t i = skip; width && i < rows; i++)
        if (!compare_row(trial, i, first + (int64_t)i, width, err))
            return false;
    return true;
}

/* Batches in turn; the last one, when rows are left over, reaches back instead of being short. */
static bool run_rows(struct trial *trial, struct watch *watch, struct pare_error *err)
{
    int64_t rows = trial->dataset->rows;
    for (int64_t next = 0; next < rows; next += trial->batch) {
        int64_t first = MIN(next, rows - trial->batch);
        if (!watch_step(watch, "accuracy", (double)next / (double)rows, err) ||
            !run_batch(trial, first, next, err))
            return false;
    }
    return true;
}

/* ---- the whole ---- */

/* The output of that name; without a name the first. */
static bool find_output(const struct session *session, const char *name, size_t *ret_output,
                        struct pare_error *err)
{
    size_t count;
    const struct session_tensor *outputs = session_outputs(session, &count);
    *ret_output = 0;
    if (!name)
        return true;
    for (size_t i = 0; i < count; i++)
        if (!strcmp(outputs[i].name, name)) {
            *ret_output = i;
            return true;
        }
    return error_set(err, PARE_ERR_NOT_FOUND,
                     "the model has no output of numbers called %.80s; its first is %.80s", name,
                     outputs[0].name);
}

static bool judged_init(struct judged *judged, struct session *session, struct dataset *dataset,
                        const char *output, struct pare_error *err)
{
    *judged = (struct judged){ .session = session };
    if (!find_output(session, output, &judged->output, err) ||
        !feed_init(&judged->feed, dataset, session, err))
        return false;
    judged->inputs = calloc(judged->feed.count + 1, sizeof(*judged->inputs));
    return judged->inputs || error_no_memory(err, judged->feed.count * sizeof(*judged->inputs));
}

static void judged_done(struct judged *judged)
{
    feed_done(&judged->feed);
    free(judged->inputs);
}

static bool prepare(struct trial *trial, struct session *session, struct session *parent,
                    struct dataset *dataset, const struct accuracy_options *options,
                    struct pare_error *err)
{
    int64_t other;
    if (!judged_init(&trial->own, session, dataset, options->output, err) ||
        !feed_batch(&trial->own.feed, options->batch, &trial->batch, err))
        return false;
    trial->result.has_parent = parent != NULL;
    if (parent && (!judged_init(&trial->parent, parent, dataset, options->output, err) ||
                   !feed_batch(&trial->parent.feed, options->batch, &other, err)))
        return error_prefix(err, "the parent");
    if (parent && other != trial->batch)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "the model wants %lld rows at once, its parent %lld",
                         (long long)trial->batch, (long long)other);
    return resolve_labels(trial, options, err);
}

static void sum_up(struct trial *trial)
{
    struct accuracy *result = &trial->result;
    double rows = (double)trial->dataset->rows;
    int64_t both = result->right - result->fixed;
    result->rows = trial->dataset->rows;
    result->batch = trial->batch;
    result->accuracy = (double)result->right / rows;
    result->agreement = (double)result->agreed / rows;
    result->parent_accuracy = (double)result->parent_right / rows;
    result->change = result->accuracy - result->parent_accuracy;
    result->change_interval = interval_of_change(
        both, result->broken, result->fixed, result->rows - both - result->broken - result->fixed);
    result->sqnr_db =
        trial->noise > 0 ? 10 * log10(trial->signal / trial->noise) : (double)INFINITY;
}

bool accuracy_measure(struct session *session, struct session *parent, struct dataset *dataset,
                      const struct accuracy_options *options, struct watch *watch,
                      struct accuracy *ret_accuracy, struct pare_error *err)
{
    struct trial trial = { .dataset = dataset };
    bool ok =
        prepare(&trial, session, parent, dataset, options, err) && run_rows(&trial, watch, err);
    if (ok) {
        sum_up(&trial);
        *ret_accuracy = trial.result;
    }
    judged_done(&trial.own);
    judged_done(&trial.parent);
    free(trial.labels);
    return ok;
}
