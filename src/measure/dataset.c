/* SPDX-License-Identifier: MIT */
#include "measure/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "format/npz.h"
#include "format/source.h"
#include "measure/csv.h"

/* Integers up to 2^24 are exact in a float32. */
enum { DIGEST_STEP = 1 << 20, LABEL_MAX = 1 << 24 };

static const enum session_type session_types[] = {
    [NPZ_F16] = SESSION_TYPE_F16, [NPZ_F32] = SESSION_TYPE_F32, [NPZ_F64] = SESSION_TYPE_F64,
    [NPZ_I8] = SESSION_TYPE_I8,   [NPZ_I16] = SESSION_TYPE_I16, [NPZ_I32] = SESSION_TYPE_I32,
    [NPZ_I64] = SESSION_TYPE_I64, [NPZ_U8] = SESSION_TYPE_U8,   [NPZ_U16] = SESSION_TYPE_U16,
    [NPZ_U32] = SESSION_TYPE_U32, [NPZ_U64] = SESSION_TYPE_U64, [NPZ_BOOL] = SESSION_TYPE_BOOL,
};

/* ---- .npz ---- */

/* Integers of any width as int64, which frees `data`. */
static bool take_labels(struct dataset *dataset, const struct npz_array *array, void *data,
                        struct pare_error *err)
{
    size_t count = (size_t)array->count;
    int64_t *labels = calloc(count, sizeof(*labels));
    bool ok = labels || error_no_memory(err, count * sizeof(*labels));
    for (size_t i = 0; ok && i < count; i++) {
        switch (array->type) {
        case NPZ_I8:
            labels[i] = ((const int8_t *)data)[i];
            break;
        case NPZ_I16:
            labels[i] = ((const int16_t *)data)[i];
            break;
        case NPZ_I32:
            labels[i] = ((const int32_t *)data)[i];
            break;
        case NPZ_I64:
            labels[i] = ((const int64_t *)data)[i];
            break;
        case NPZ_U8:
        case NPZ_BOOL:
            labels[i] = ((const uint8_t *)data)[i];
            break;
        case NPZ_U16:
            labels[i] = ((const uint16_t *)data)[i];
            break;
        case NPZ_U32:
            labels[i] = ((const uint32_t *)data)[i];
            break;
        default:
            ok = error_set(err, PARE_ERR_FORMAT,
                           "array label: it holds %s, integers or text are "
                           "wanted",
                           npz_type_name(array->type));
        }
    }
    free(data);
    if (ok)
        dataset->labels = labels;
    else
        free(labels);
    return ok;
}

static bool load_labels(struct dataset *dataset, const struct npz *npz,
                        const struct npz_array *array, struct pare_error *err)
{
    void *data = NULL;
    if (array->rank != 1)
        return error_set(err, PARE_ERR_FORMAT,
                         "array label: it has %d axes, one label a row is "
                         "wanted",
                         array->rank);
    if (array->type == NPZ_TEXT)
        return npz_load_text(npz, array, &dataset->arena, &dataset->label_texts, err);
    return npz_load(npz, array, &data, err) && take_labels(dataset, array, data, err);
}

static bool load_queries(struct dataset *dataset, const struct npz *npz,
                         const struct npz_array *array, struct pare_error *err)
{
    if (array->rank != 1)
        return error_set(err, PARE_ERR_FORMAT,
                         "array query: it has %d axes, one text a row is "
                         "wanted",
                         array->rank);
    return npz_load_text(npz, array, &dataset->arena, &dataset->queries, err);
}

static bool load_input(struct dataset *dataset, const struct npz *npz,
                       const struct npz_array *array, struct pare_error *err)
{
    if (array->type == NPZ_TEXT)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "array %s: text is read only as `label` and `query`", array->name);
    struct session_tensor *to = &dataset->arrays[dataset->array_count];
    *to = (struct session_tensor){ .type = session_types[array->type], .rank = array->rank };
    memcpy(to->dims, array->dims, sizeof(to->dims));
    to->name = arena_strdup(&dataset->arena, array->name);
    if (!to->name)
        return error_no_memory(err, 0);
    if (!npz_load(npz, array, &to->data, err))
        return false;
    dataset->array_count++;
    return true;
}

/* Every array has the same rows, before any of them is loaded. */
static bool check_rows(struct dataset *dataset, const struct npz *npz, struct pare_error *err)
{
    for (size_t i = 0; i < npz->count; i++) {
        const struct npz_array *array = &npz->arrays[i];
        if (!array->rank)
            return error_set(err, PARE_ERR_FORMAT,
                             "array %s: it is a single value, its first axis must be the rows",
                             array->name);
        if (!array->count)
            return error_set(err, PARE_ERR_FORMAT, "array %s: it is empty", array->name);
        if (i && array->dims[0] != dataset->rows)
            return error_set(err, PARE_ERR_FORMAT, "array %s has %lld rows, array %s has %lld",
                             array->name, (long long)array->dims[0], npz->arrays[0].name,
                             (long long)dataset->rows);
        dataset->rows = array->dims[0];
    }
    return true;
}

static bool load_arrays(struct dataset *dataset, const struct npz *npz, struct pare_error *err)
{
    if (!check_rows(dataset, npz, err))
        return false;
    dataset->arrays = arena_array(&dataset->arena, npz->count, sizeof(*dataset->arrays));
    if (!dataset->arrays)
        return error_no_memory(err, npz->count * sizeof(*dataset->arrays));
    for (size_t i = 0; i < npz->count; i++) {
        const struct npz_array *array = &npz->arrays[i];
        bool ok = !strcmp(array->name, "label")   ? load_labels(dataset, npz, array, err)
                  : !strcmp(array->name, "query") ? load_queries(dataset, npz, array, err)
                                                  : load_input(dataset, npz, array, err);
        if (!ok)
            return false;
    }
    if (!dataset->array_count)
        return error_set(err, PARE_ERR_FORMAT, "it has no array for an input of a model");
    return true;
}

static bool open_npz(struct dataset *dataset, struct source *source, size_t file,
                     struct pare_error *err)
{
    struct npz npz;
    _Static_assert((int)NPZ_RANK_MAX == (int)SESSION_RANK_MAX, "dims are copied whole");
    if (!npz_open(source, file, &npz, err))
        return false;
    bool ok = load_arrays(dataset, &npz, err);
    npz_close(&npz);
    return ok;
}

/* ---- .csv ---- */

/* Integers when all of them are, else text. */
static bool take_csv_labels(struct dataset *dataset, const char *const *texts,
                            struct pare_error *err)
{
    size_t rows = (size_t)dataset->rows, i = 0;
    int64_t *labels = calloc(rows, sizeof(*labels));
    if (!labels)
        return error_no_memory(err, rows * sizeof(*labels));
    while (i < rows && text_to_int64(texts[i], &labels[i]))
        i++;
    if (i == rows) {
        dataset->labels = labels;
        return true;
    }
    free(labels);
    dataset->label_texts = texts;
    return true;
}

static bool take_csv(struct dataset *dataset, char *text, struct pare_error *err)
{
    struct csv csv;
    if (!csv_read(text, &dataset->arena, &csv, err))
        return false;
    dataset->arrays = arena_alloc(&dataset->arena, sizeof(*dataset->arrays));
    if (!dataset->arrays) {
        free(csv.values);
        return error_no_memory(err, sizeof(*dataset->arrays));
    }
    dataset->rows = (int64_t)csv.rows;
    dataset->arrays[0] = (struct session_tensor){
        .name = "",
        .type = SESSION_TYPE_F32,
        .rank = 2,
        .dims = { (int64_t)csv.rows, (int64_t)csv.columns },
        .data = csv.values,
    };
    dataset->array_count = 1;
    dataset->is_csv = true;
    dataset->last_may_be_label = !csv.has_header && !csv.labels;
    return !csv.labels || take_csv_labels(dataset, csv.labels, err);
}

static bool open_csv(struct dataset *dataset, struct source *source, size_t file,
                     struct pare_error *err)
{
    int64_t size = source->files[file].size_bytes;
    if (size > DATASET_CSV_MAX)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "a .csv of more than %d MiB: save it as .npz, which is read faster too",
                         DATASET_CSV_MAX >> 20);
    char *text = malloc((size_t)size + 1);
    if (!text)
        return error_no_memory(err, (size_t)size);
    bool ok = source_read(source, file, 0, text, (size_t)size, err);
    text[size] = '\0';
    if (ok && strlen(text) != (size_t)size)
        ok = error_set(err, PARE_ERR_FORMAT, "it is neither a .npz nor the text of a .csv");
    ok = ok && take_csv(dataset, text, err);
    free(text);
    return ok;
}

bool dataset_split_label(struct dataset *dataset, struct pare_error *err)
{
    struct session_tensor *array = &dataset->arrays[0];
    size_t rows = (size_t)dataset->rows, columns = (size_t)array->dims[1];
    float *values = array->data;
    for (size_t i = 0; i < rows; i++) {
        float label = values[i * columns + columns - 1];
        if (!(fabsf(label) <= LABEL_MAX) || label != truncf(label))
            return error_set(err, PARE_ERR_FORMAT,
                             "row %zu: the last column, %g, would be the label, but is no integer",
                             i + 1, (double)label);
    }
    dataset->labels = calloc(rows, sizeof(*dataset->labels));
    if (!dataset->labels)
        return error_no_memory(err, rows * sizeof(*dataset->labels));
    for (size_t i = 0; i < rows; i++) {
        dataset->labels[i] = (int64_t)values[i * columns + columns - 1];
        memmove(values + i * (columns - 1), values + i * columns, (columns - 1) * sizeof(float));
    }
    array->dims[1]--;
    dataset->last_may_be_label = false;
    return true;
}

/* ---- both ---- */

static bool take_digest(struct source *source, size_t file, char *ret_hex, struct pare_error *err)
{
    struct digest digest;
    unsigned char sum[DIGEST_BYTES];
    int64_t size = source->files[file].size_bytes;
    char *bytes = malloc(DIGEST_STEP);
    if (!bytes)
        return error_no_memory(err, DIGEST_STEP);
    bool ok = digest_init(&digest, err);
    for (int64_t at = 0; ok && at < size; at += DIGEST_STEP) {
        size_t n = (size_t)MIN(size - at, (int64_t)DIGEST_STEP);
        ok = source_read(source, file, at, bytes, n, err);
        if (ok)
            digest_add(&digest, bytes, n);
    }
    if (ok) {
        digest_take(&digest, sum);
        digest_hex(sum, ret_hex);
    }
    digest_done(&digest);
    free(bytes);
    return ok;
}

static bool open_file(struct dataset *dataset, struct source *source, struct pare_error *err)
{
    size_t file;
    char magic[4] = { 0 };
    if (!source_file(source, source->main_name, &file, err))
        return false;
    int64_t size = source->files[file].size_bytes;
    if (!size)
        return error_set(err, PARE_ERR_FORMAT, "the file is empty");
    if (!source_read(source, file, 0, magic, (size_t)MIN(size, (int64_t)sizeof(magic)), err) ||
        !take_digest(source, file, dataset->digest, err))
        return false;
    bool is_zip = !memcmp(magic, "PK\3\4", 4) || !memcmp(magic, "PK\5\6", 4);
    return is_zip ? open_npz(dataset, source, file, err) : open_csv(dataset, source, file, err);
}

bool dataset_open(const char *path, struct dataset *ret_dataset, struct pare_error *err)
{
    struct source *source = NULL;
    struct dataset dataset = { 0 };
    if (!source_open_path(path, &source, err))
        return false;
    bool ok = open_file(&dataset, source, err);
    source_close(source);
    if (!ok) {
        dataset_close(&dataset);
        return error_prefix(err, "%s", path);
    }
    *ret_dataset = dataset;
    return true;
}

void dataset_close(struct dataset *dataset)
{
    for (size_t i = 0; i < dataset->array_count; i++)
        free(dataset->arrays[i].data);
    free(dataset->labels);
    arena_done(&dataset->arena);
    *dataset = (struct dataset){ 0 };
}

const struct session_tensor *dataset_find(const struct dataset *dataset, const char *name)
{
    for (size_t i = 0; i < dataset->array_count; i++)
        if (!strcmp(dataset->arrays[i].name, name))
            return &dataset->arrays[i];
    return NULL;
}
