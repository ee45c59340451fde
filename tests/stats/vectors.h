/* SPDX-License-Identifier: MIT */
/*
 * The shared vectors of the statistics, tests/data/ab_vectors.json: read once, then one function's
 * vectors at a time. A test hands each of them to its own check:
 *
 *     static void check(const struct vector *v)
 *     {
 *         vector_is(v, "cdf", special_normal(vector_number(v, "x")));
 *     }
 *     int main(void)
 *     {
 *         vectors("norm_cdf", check);
 *         return tap_done();
 *     }
 *
 * What is in a vector lives until the program ends.
 */
#ifndef PARE_TESTS_STATS_VECTORS_H
#define PARE_TESTS_STATS_VECTORS_H

#include <math.h>

#include "base/json.h"
#include "tap.h"

struct vector {
    const char *id;
    const char *fn;
    const cJSON *input;
    const cJSON *expected;
    double rel_tol;
    double abs_tol;
};

typedef void vector_check_fn(const struct vector *v);

/* Calls `check` with each vector of `fn`, in the order of the file; how many there were. */
int vectors_each(const char *fn, vector_check_fn *check);

/* The vector of that id. The program ends when there is none: a name in a test is wrong. */
struct vector vectors_find(const char *id);

/* A member by key, "A.lo" being lo within A; the program ends when it is missing. */
const cJSON *vector_member(const cJSON *object, const char *path);

/* A number, or a true or false (1, 0), of the input; of the expected. */
double vector_number(const struct vector *v, const char *path);
double vector_expected(const struct vector *v, const char *path);
bool vector_has(const struct vector *v, const char *input_key);

/* An array of numbers into `to`, at most `max` (the program ends beyond); how many. */
size_t vector_doubles(const cJSON *array, double *to, size_t max);
size_t vector_integers(const cJSON *array, int64_t *to, size_t max);

/*
 * An arm's histogram: pairs of value and count, ascending. The input's member at `key` is such an
 * array of pairs, or the id of the vector that has one as its "hist".
 */
size_t vector_histogram(const struct vector *v, const char *key, int64_t *ret_value,
                        int64_t *ret_count, size_t max);

/* Whether `got` is within max(abs_tol, rel_tol |want|) of `want`. */
bool vector_near(const struct vector *v, double got, double want);

/* One line of TAP, "id: what"; on a difference both numbers. */
static inline void vector_same(const struct vector *v, const char *what, double got, double want)
{
    char line[256];
    snprintf(line, sizeof(line), "%s: %s", v->id, what);
    if (!tap_ok(vector_near(v, got, want), line, __FILE__, __LINE__))
        printf("#  got: %.17g\n# want: %.17g\n", got, want);
}

/* The same for the expected member at `path`. */
static inline void vector_is(const struct vector *v, const char *path, double got)
{
    vector_same(v, path, got, vector_expected(v, path));
}

/* Checks all vectors of `fn`; none at all is a failure. */
static inline void vectors(const char *fn, vector_check_fn *check)
{
    char line[128];
    snprintf(line, sizeof(line), "there are vectors of %s", fn);
    tap_ok(vectors_each(fn, check) > 0, line, __FILE__, __LINE__);
}

#endif
