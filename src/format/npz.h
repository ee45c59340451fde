/* SPDX-License-Identifier: MIT */
/*
 * NumPy's .npz: a zip of .npy arrays, the form in which people bring datasets.
 *
 * Layout of a .npy (numpy/lib/format.py, versions 1 to 3):
 *   93 "NUMPY", major, minor
 *   length of the header: 2 bytes (version 1) or 4 (2 and 3), little-endian
 *   the header: a Python dict, {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
 *   the elements, to the end of the member
 *
 * Read are little-endian arrays in C order of the types below and fixed-width text; what else
 * NumPy can write (objects, records, big-endian, Fortran order, complex numbers, dates) is
 * refused with the array's name. A shape is believed only when it multiplies out to the
 * member's size.
 */
#ifndef PARE_FORMAT_NPZ_H
#define PARE_FORMAT_NPZ_H

#include "base/arena.h"
#include "base/base.h"
#include "format/zip.h"

struct pare_error;
struct source;

/* X(name, NumPy's type character and size, its long name, bytes) */
#define NPZ_TYPES(X)                                                                               \
    X(F16, "f2", "float16", 2)                                                                     \
    X(F32, "f4", "float32", 4)                                                                     \
    X(F64, "f8", "float64", 8)                                                                     \
    X(I8, "i1", "int8", 1)                                                                         \
    X(I16, "i2", "int16", 2)                                                                       \
    X(I32, "i4", "int32", 4)                                                                       \
    X(I64, "i8", "int64", 8)                                                                       \
    X(U8, "u1", "uint8", 1)                                                                        \
    X(U16, "u2", "uint16", 2)                                                                      \
    X(U32, "u4", "uint32", 4)                                                                      \
    X(U64, "u8", "uint64", 8)                                                                      \
    X(BOOL, "b1", "bool", 1)

enum npz_type {
#define NPZ_TYPE_ENUM(name, code, text, bytes) NPZ_##name,
    NPZ_TYPES(NPZ_TYPE_ENUM)
#undef NPZ_TYPE_ENUM
        NPZ_TEXT, /* U<n>: n code points of UTF-32 an element, padded with zeros */
};

enum { NPZ_RANK_MAX = 8, NPZ_ARRAYS_MAX = 1024, NPZ_HEADER_MAX = 64 * 1024, NPZ_ALIGN = 64 };

struct npz_array {
    const char *name; /* the member's without ".npy", uncleaned */
    enum npz_type type;
    int rank;
    int64_t dims[NPZ_RANK_MAX];
    int64_t count;         /* of elements */
    int64_t element_bytes; /* of NPZ_TEXT: four times its width */
    const struct zip_entry *entry;
};

struct npz {
    struct arena arena; /* holds the arrays and names */
    struct zip zip;
    struct npz_array *arrays; /* (count), in the archive's order */
    size_t count;
};

/* Read the headers of all arrays in a file of `source`, which must outlive the struct. */
MUST_CHECK bool npz_open(struct source *source, size_t file, struct npz *ret_npz,
                         struct pare_error *err);
void npz_close(struct npz *npz);

/* NULL when there is none of that name. */
const struct npz_array *npz_find(const struct npz *npz, const char *name);

/* The elements, row-major, aligned to NPZ_ALIGN; the caller frees them with free(). Not of text. */
MUST_CHECK bool npz_load(const struct npz *npz, const struct npz_array *array, void **ret_data,
                         struct pare_error *err);

/* The elements of a text array as UTF-8, (count), in `arena`. */
MUST_CHECK bool npz_load_text(const struct npz *npz, const struct npz_array *array,
                              struct arena *arena, const char *const **ret_texts,
                              struct pare_error *err);

const char *npz_type_name(enum npz_type type); /* "float32", "text" */

#endif
