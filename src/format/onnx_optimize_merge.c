/* SPDX-License-Identifier: MIT */
/*
 * Constants of one type, shape and content become one. Those that begin alike are read
 * whole, in small steps, and compared by their SHA-256.
 */
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "format/onnx_optimize.h"

enum { READ_STEP = 64 * 1024, HEAD_BYTES = 64 };

struct candidate {
    struct opt_value *value;
    const struct onnx_constant *constant;
    int order;                       /* the lower stays: it is there before the users of others */
    unsigned char sum[DIGEST_BYTES]; /* of type, shape and the first bytes, then of all */
};

struct merging {
    struct optimizer *o;
    struct candidate *candidates;
    size_t count;
    char *step; /* READ_STEP bytes */
};

/* The digest of at most `most` bytes of the values. */
static bool digest_values(struct merging *m, struct candidate *c, int64_t most,
                          struct pare_error *err)
{
    const struct onnx_constant *x = c->constant;
    struct digest digest;
    int64_t end = MIN(most, x->size_bytes), type = onnx_constant_type(x->dtype);
    if (!digest_init(&digest, err))
        return false;
    digest_add(&digest, &type, sizeof(type));
    digest_add(&digest, x->dims, (size_t)x->rank * sizeof(*x->dims));
    bool ok = true;
    for (int64_t at = 0; ok && at < end; at += READ_STEP) {
        size_t n = (size_t)MIN((int64_t)READ_STEP, end - at);
        if (x->bytes)
            memcpy(m->step, (const char *)x->bytes + at, n);
        else
            ok = model_read(m->o->model, &m->o->model->tensors[c->value->tensor], at, n, m->step,
                            err);
        if (ok)
            digest_add(&digest, m->step, n);
    }
    digest_take(&digest, c->sum);
    digest_done(&digest);
    return ok;
}

/* Of a tensor whose values can be read and were not multiplied. */
static bool add_candidate(struct merging *m, struct opt_value *value, struct pare_error *err)
{
    struct optimizer *o = m->o;
    const struct onnx_constant *constant;
    bool node = value->maker >= 0 && !value->computed;
    if (!value->live || !value->plain || value->same || value->scaling || (value->fixed && node))
        return true;
    if (!opt_constant(o, value, &constant, err))
        return false;
    if (!constant || (!constant->bytes &&
                      (value->tensor < 0 || o->model->tensors[value->tensor].file_offset < 0)))
        return true;
    struct candidate *c = &m->candidates[m->count++];
    *c = (struct candidate){ .value = value,
                             .constant = constant,
                             .order = value->fixed ? -2
                                      : node       ? value->maker
                                                   : -1 };
    return digest_values(m, c, HEAD_BYTES, err);
}

static int by_sum(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    int sums = memcmp(a->sum, b->sum, sizeof(a->sum));
    if (sums || a->order != b->order)
        return sums ? sums : (a->order > b->order) - (a->order < b->order);
    return (a->value > b->value) - (a->value < b->value);
}

/* How many from `at` on have one sum. */
static size_t equal_count(const struct candidate *at, const struct candidate *end)
{
    size_t n = 1;
    while (at + n < end && !memcmp(at->sum, at[n].sum, sizeof(at->sum)))
        n++;
    return n;
}

/* Candidates that begin alike. */
static bool merge_alike(struct merging *m, struct candidate *first, size_t count,
                        struct pare_error *err)
{
    struct candidate *end = first + count;
    for (size_t i = 0; i < count; i++)
        if (!digest_values(m, &first[i], INT64_MAX, err))
            return false;
    qsort(first, count, sizeof(*first), by_sum);
    for (size_t n; first < end; first += n) {
        n = equal_count(first, end);
        for (size_t i = 1; i < n; i++) {
            if (first[i].value->fixed)
                continue;
            first[i].value->same = first->value;
            m->o->found->merged++;
        }
    }
    return true;
}

static bool merge(struct merging *m, struct pare_error *err)
{
    struct optimizer *o = m->o;
    for (size_t i = 0; i < o->value_count; i++)
        if (!add_candidate(m, &o->values[i], err))
            return false;
    if (m->count)
        qsort(m->candidates, m->count, sizeof(*m->candidates), by_sum);
    for (size_t i = 0, n; i < m->count; i += n) {
        n = equal_count(m->candidates + i, m->candidates + m->count);
        if (n > 1 && !merge_alike(m, m->candidates + i, n, err))
            return false;
    }
    return true;
}

bool opt_merge(struct optimizer *o, struct pare_error *err)
{
    struct merging m = { .o = o };
    m.candidates = calloc(o->value_count + 1, sizeof(*m.candidates));
    m.step = malloc(READ_STEP);
    bool ok = (m.candidates && m.step) || error_no_memory(err, READ_STEP);
    ok = ok && merge(&m, err);
    free(m.candidates);
    free(m.step);
    return ok;
}
