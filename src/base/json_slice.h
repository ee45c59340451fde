/* SPDX-License-Identifier: MIT */
/*
 * Looking into a document that json_check() has judged, without building a tree of it.
 *
 * A value is a slice of the text, so numbers keep their digits and what is not looked at
 * costs one pass. Headers of model files and config.json are read so: they may be
 * megabytes, and what is not changed must come out byte by byte as it went in.
 */
#ifndef PARE_BASE_JSON_SLICE_H
#define PARE_BASE_JSON_SLICE_H

#include "base/json.h"

struct arena;

/* A value, quotes and brackets included. Its text is the caller's document. */
struct json_slice {
    const char *text;
    size_t length;
    enum json_kind kind;
};

/* Judge the whole document, then see it as one value. */
MUST_CHECK bool json_slice(const char *text, size_t length, struct json_slice *ret_slice,
                           struct pare_error *err);

/* Where a walk through an object or array is. */
struct json_members {
    const char *at, *end;
};

/* Of a slice that is neither there are none. */
struct json_members json_members(const struct json_slice *slice);

/* The next member; false at the end. `ret_key` is a string of an object, and empty in an array. */
bool json_member(struct json_members *io_members, struct json_slice *ret_key,
                 struct json_slice *ret_value);

/* The member of that key, escapes understood; false when there is none. */
bool json_slice_get(const struct json_slice *object, const char *key, struct json_slice *ret_value);

/* A string's text without quotes and escapes, zero-terminated; NULL when memory ends. */
char *json_slice_text(const struct json_slice *string, struct arena *arena);

/* Whether it is the string `text`. */
bool json_slice_is(const struct json_slice *string, const char *text);

/* A number without fraction and exponent, as it fits; false for anything else. */
MUST_CHECK bool json_slice_int(const struct json_slice *number, int64_t *ret_value);

#endif
