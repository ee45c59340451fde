/* SPDX-License-Identifier: MIT */
#include "stats/vectors.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

static cJSON *root;

static void bail(const char *what, const char *which)
{
    printf("Bail out! ab_vectors.json: %s: %s\n", which, what);
    exit(1);
}

static void vectors_free(void)
{
    json_free(&root);
}

static const cJSON *vectors_read(void)
{
    const char *top = getenv("top_srcdir");
    struct pare_error err;
    struct buf buf;
    char path[4096];
    if (!root) {
        snprintf(path, sizeof(path), "%s/tests/data/ab_vectors.json", top ? top : ".");
        buf_init(&buf, JSON_SMALL_MAX);
        if (!file_read(path, &buf, &err) || !json_parse(buf.data, buf.length, &root, &err))
            bail(err.text, path);
        buf_done(&buf);
        atexit(vectors_free);
    }
    return vector_member(root, "vectors");
}

static struct vector vector_of(const cJSON *item)
{
    return (struct vector){
        .id = json_string(item, "id", "?"),
        .fn = json_string(item, "fn", "?"),
        .input = vector_member(item, "input"),
        .expected = vector_member(item, "expected"),
        .rel_tol = json_number(item, "rel_tol", 0),
        .abs_tol = json_number(item, "abs_tol", 0),
    };
}

int vectors_each(const char *fn, vector_check_fn *check)
{
    const cJSON *item;
    int count = 0;
    cJSON_ArrayForEach(item, vectors_read())
    {
        struct vector v = vector_of(item);
        if (strcmp(v.fn, fn) == 0) {
            check(&v);
            count++;
        }
    }
    return count;
}

struct vector vectors_find(const char *id)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, vectors_read())
    {
        struct vector v = vector_of(item);
        if (strcmp(v.id, id) == 0)
            return v;
    }
    bail("no such vector", id);
    abort();
}

const cJSON *vector_member(const cJSON *object, const char *path)
{
    char key[64];
    for (const char *at = path; at; at = *at ? at + 1 : NULL) {
        size_t length = strcspn(at, ".");
        snprintf(key, sizeof(key), "%.*s", (int)length, at);
        object = cJSON_GetObjectItemCaseSensitive(object, key);
        if (!object)
            bail("no such member", path);
        at += length;
        if (!*at)
            break;
    }
    return object;
}

static double number_of(const cJSON *item, const char *path)
{
    if (cJSON_IsBool(item))
        return cJSON_IsTrue(item);
    if (!cJSON_IsNumber(item))
        bail("no number", path);
    return item->valuedouble;
}

double vector_number(const struct vector *v, const char *path)
{
    return number_of(vector_member(v->input, path), path);
}

double vector_expected(const struct vector *v, const char *path)
{
    return number_of(vector_member(v->expected, path), path);
}

bool vector_has(const struct vector *v, const char *input_key)
{
    return cJSON_GetObjectItemCaseSensitive(v->input, input_key) != NULL;
}

size_t vector_doubles(const cJSON *array, double *to, size_t max)
{
    const cJSON *item;
    size_t count = 0;
    cJSON_ArrayForEach(item, array)
    {
        if (count == max)
            bail("more numbers than the test has room for", array->string ? array->string : "?");
        to[count++] = number_of(item, array->string ? array->string : "?");
    }
    return count;
}

size_t vector_integers(const cJSON *array, int64_t *to, size_t max)
{
    const cJSON *item;
    size_t count = 0;
    cJSON_ArrayForEach(item, array)
    {
        if (count == max)
            bail("more numbers than the test has room for", array->string ? array->string : "?");
        to[count++] = (int64_t)number_of(item, array->string ? array->string : "?");
    }
    return count;
}

size_t vector_histogram(const struct vector *v, const char *key, int64_t *ret_value,
                        int64_t *ret_count, size_t max)
{
    const cJSON *cells = vector_member(v->input, key);
    const cJSON *item;
    size_t count = 0;
    if (cJSON_IsString(cells))
        cells = vector_member(vectors_find(cells->valuestring).input, "hist");
    cJSON_ArrayForEach(item, cells)
    {
        int64_t pair[2];
        if (count == max || vector_integers(item, pair, 2) != 2)
            bail("no pairs, or more than the test has room for", key);
        ret_value[count] = pair[0];
        ret_count[count++] = pair[1];
    }
    return count;
}

bool vector_near(const struct vector *v, double got, double want)
{
    return fabs(got - want) <= fmax(v->abs_tol, v->rel_tol * fabs(want)) || got == want;
}
