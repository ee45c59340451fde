/* SPDX-License-Identifier: MIT */
/*
 * What torch.save() writes since 1.6: a zip archive whose members are stored, all of them below
 * one name.
 *
 *   NAME/data.pkl         the objects, as a pickle (format/pickle.h)
 *   NAME/byteorder        "little"; older files have none
 *   NAME/data/KEY         the bytes of a storage; tensors are views of storages, and may share one
 *   NAME/version          "3\n", and a few more of that kind
 *   NAME/.pare            what pare says of the file, a JSON object; torch passes over it
 *
 * One archive, or shards that an index names (format/checkpoint_index.h), each with storages of its
 * own. A tensor is a storage, an offset, sizes and strides, all in elements. What is not a tensor stays
 * in a copy as it is.
 */
#ifndef PARE_FORMAT_PYTORCH_H
#define PARE_FORMAT_PYTORCH_H

#include "format/checkpoint.h"
#include "format/pickle.h"
#include "format/zip.h"

enum { PYTORCH_NOTE_MAX = 1 << 20 };

#define PYTORCH_NOTE ".pare"
#define PYTORCH_MAIN "pytorch_model.bin" /* in a folder */

/* A member of the archive. */
struct pytorch_record {
    const struct zip_entry *entry;
    int64_t values_at; /* -1: not looked at yet */
};

/* What belongs to a tensor, by its index. */
struct pytorch_tensor {
    struct pickle_value *value; /* the call that makes it; its mark is the index + 1 */
    size_t record;              /* of the storage, in the archive of the tensor */
    int64_t begin, end;         /* bytes of the storage that it looks at, from first to last */
};

/* One of the files. Its tensors stand together. */
struct pytorch_archive {
    size_t file; /* the source's number */
    struct zip zip;
    const char *prefix;             /* NAME */
    struct pytorch_record *records; /* (zip.count), by name */
    struct pickle objects;
    size_t first, count; /* tensors */
};

/* What the format keeps of a model: model->own. */
struct pytorch {
    struct checkpoint checkpoint;
    struct pytorch_archive *archives;
    size_t archive_count;
    struct pytorch_tensor *tensors; /* (model->tensor_count) */
    size_t tensor_room;
    bool sharded; /* an index names them */
};

/* Of what a storage is. */
struct pytorch_type {
    const char *dtype;   /* "torch float32" */
    const char *storage; /* "torch FloatStorage", or that of bytes */
    enum pare_dtype shown;
    int bytes;        /* of an element */
    const char *safe; /* the dtype's name in safetensors; NULL: it has none */
};

/* A storage as a pickle mentions it. */
struct pytorch_storage {
    const struct pytorch_type *type; /* NULL: of bytes */
    size_t record;
    int64_t count;        /* elements */
    const char *location; /* "cpu" */
    const char *class;    /* "torch FloatStorage" */
};

/* A type by the name of its dtype or storage; NULL when there is none. */
const struct pytorch_type *pytorch_type(const char *global);
const struct pytorch_type *pytorch_type_of(enum pare_dtype dtype); /* F16, BF16, F32, ... */
const struct pytorch_type *pytorch_type_like(int type);            /* as safetensors counts them */
bool pytorch_is_untyped(const struct pytorch_type *type); /* it is kept in a storage of bytes */

/* Understand a PICKLE_PERSISTENT and hold it against the archive. */
MUST_CHECK bool pytorch_storage(const struct pytorch_archive *archive,
                                const struct pickle_value *value,
                                struct pytorch_storage *ret_storage, struct pare_error *err);

/* All tensors of the root of an archive, into the model. */
MUST_CHECK bool pytorch_add_tensors(struct model *model, struct pytorch_archive *archive,
                                    struct pare_error *err);

/* Of a checkpoint in whatever format. */
MUST_CHECK bool pytorch_plan(const struct model *model, const struct change *changes,
                             const struct output_settings *settings, struct output *output,
                             struct pare_error *err);

extern const struct format format_pytorch;

#endif
