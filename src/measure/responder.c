/* SPDX-License-Identifier: MIT */
#include "measure/responder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "measure/dataset.h"
#include "measure/feed.h"
#include "measure/output.h"
#include "measure/watch.h"
#include "runtime/ort.h"

enum { VALUES_SHOWN = 6, VALUE_ROOM = 24 };

struct loaded {
    struct session *session; /* owned here */
    struct feed feed;
    struct session_tensor *inputs; /* (feed.count), owned here */
    const struct dataset *dataset; /* the caller's */
    int64_t batch;                 /* 1, or what the model insists on */
};

struct responder {
    struct runtime *runtime; /* owned here */
    int threads;
    struct loaded versions[RESPONDER_VERSIONS_MAX];
    size_t count;
};

/* ---- loading ---- */

bool responder_open(int threads, struct responder **ret_responder, struct pare_error *err)
{
    struct responder *responder = calloc(1, sizeof(*responder));
    if (!responder)
        return error_no_memory(err, sizeof(*responder));
    responder->threads = threads;
    if (!runtime_open(NULL, &responder->runtime, err)) {
        free(responder);
        return false;
    }
    *ret_responder = responder;
    return true;
}

static void unload(struct loaded *loaded)
{
    feed_done(&loaded->feed);
    free(loaded->inputs);
    session_close(loaded->session);
    *loaded = (struct loaded){ 0 };
}

void responder_close(struct responder *responder)
{
    if (!responder)
        return;
    for (size_t i = 0; i < responder->count; i++)
        unload(&responder->versions[i]);
    runtime_close(responder->runtime);
    free(responder);
}

static bool load(const struct responder *responder, const char *path, struct dataset *dataset,
                 struct loaded *loaded, struct pare_error *err)
{
    loaded->dataset = dataset;
    if (!session_open(responder->runtime, path, responder->threads, &loaded->session, err) ||
        !feed_init(&loaded->feed, dataset, loaded->session, err) ||
        !feed_batch(&loaded->feed, 1, &loaded->batch, err))
        return false;
    loaded->inputs = calloc(loaded->feed.count + 1, sizeof(*loaded->inputs));
    return loaded->inputs || error_no_memory(err, loaded->feed.count * sizeof(*loaded->inputs));
}

bool responder_add(struct responder *responder, const char *path, struct dataset *dataset,
                   struct pare_error *err)
{
    struct response ignored;
    size_t which = responder->count;
    if (which == RESPONDER_VERSIONS_MAX)
        return error_set(err, PARE_ERR_USAGE, "more than %d versions", RESPONDER_VERSIONS_MAX);
    if (!load(responder, path, dataset, &responder->versions[which], err)) {
        unload(&responder->versions[which]);
        return false;
    }
    responder->count++;
    for (int i = 0; i < RESPONDER_WARMUPS; i++)
        responder_ask(responder, which, i % dataset->rows, &ignored);
    return true;
}

/* ---- answers ---- */

/* The first values of the row that begins at `from`: "0.25 -3.5 1 ... (384 values)". */
static void put_values(const struct session_tensor *result, size_t from, size_t values,
                       struct response *response)
{
    size_t at = 0, shown = MIN(values, VALUES_SHOWN);
    response->text[0] = '\0';
    for (size_t i = 0; i < shown && at + 2 * VALUE_ROOM < sizeof(response->text); i++)
        at += (size_t)snprintf(response->text + at, VALUE_ROOM, "%s%.*g", i ? " " : "",
                               output_is_integer(result->type) ? 15 : 4,
                               output_value(result, from + i));
    if (shown < values)
        snprintf(response->text + at, sizeof(response->text) - at, " ... (%zu values)", values);
}

static void judge(const struct loaded *loaded, int64_t row, int64_t class, size_t width,
                  struct response *response)
{
    const int64_t *labels = loaded->dataset->labels;
    if (!labels || (width > 1 && (labels[row] < 0 || labels[row] >= (int64_t)width)))
        return;
    response->verdict = class == labels[row] ? RESPONSE_RIGHT : RESPONSE_WRONG;
}

static void read_answer(const struct loaded *loaded, const struct session_tensor *result,
                        int64_t row, int64_t first, struct response *response)
{
    size_t elements, at = (size_t)(row - first);
    bool by_row = result->rank > 0 && result->dims[0] == loaded->batch;
    if (!session_elements(result, &elements) || elements == 0) {
        snprintf(response->text, sizeof(response->text), "nothing");
        return;
    }
    size_t values = by_row ? elements / (size_t)loaded->batch : elements;
    size_t width = by_row || loaded->batch == 1 ? output_class_width(result, loaded->batch) : 0;
    if (!width) {
        put_values(result, by_row ? at * values : 0, values, response);
        return;
    }
    int64_t class = output_class(result, at, width);
    if (class == OUTPUT_NO_CLASS && width > 1)
        snprintf(response->text, sizeof(response->text), "no class: not a number");
    else
        snprintf(response->text, sizeof(response->text), "class %lld", (long long)class);
    judge(loaded, row, class, width, response);
}

void responder_ask(struct responder *responder, size_t which, int64_t row,
                   struct response *ret_response)
{
    struct loaded *loaded = &responder->versions[which];
    const struct session_tensor *outputs;
    struct pare_error err;
    int64_t first = MIN(row, loaded->dataset->rows - loaded->batch), began_ns = watch_now_ns();
    struct response response = { 0 };
    feed_rows(&loaded->feed, first, loaded->batch, loaded->inputs);
    response.failed = !session_run(loaded->session, loaded->inputs, &outputs, &err);
    response.ns = response.failed ? watch_now_ns() - began_ns : session_run_ns(loaded->session);
    if (response.failed)
        text_clean(err.text, strnlen(err.text, sizeof(err.text)), response.text,
                   sizeof(response.text));
    else
        read_answer(loaded, &outputs[0], row, first, &response);
    *ret_response = response;
}
