/* SPDX-License-Identifier: MIT */
/*
 * JSON three ways. cJSON (the door to it) holds pare's own small documents;
 * json_check() judges what people and files bring, keeping their number text
 * out of anybody's rounding; the json_put family writes.
 */
#ifndef PARE_BASE_JSON_H
#define PARE_BASE_JSON_H

#include <cjson/cJSON.h>

#include "base/base.h"

struct buf;
struct pare_error;

enum { JSON_DEPTH_MAX = 64, JSON_SMALL_MAX = 4 << 20 };

/*
 * A small document of pare's own kind (recipe, plan, evidence). Strict: one value,
 * nothing after it, no key twice in an object, at most JSON_SMALL_MAX bytes. The
 * caller frees it with cJSON_Delete.
 */
MUST_CHECK bool json_parse(const char *text, size_t length, cJSON **ret_root,
                           struct pare_error *err);

/* CLEANUP(json_free) cJSON *root */
void json_free(cJSON **root);

/* The member's text or number, or the fallback when it is absent or of another type. */
const char *json_string(const cJSON *object, const char *key, const char *fallback);
double json_number(const cJSON *object, const char *key, double fallback);

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/*
 * Is `text` one well-formed JSON value (RFC 8259, UTF-8, no duplicate keys, depth at most
 * JSON_DEPTH_MAX)? Its top-level kind in *ret_kind. The error names the byte.
 */
MUST_CHECK bool json_check(const char *text, size_t length, enum json_kind *ret_kind,
                           struct pare_error *err);

/*
 * Called for each scalar and each empty object or array of a document: its path ("a.b.0", "" for the
 * document itself) and its own text, quotes and digits as they stand there. False stops the walk.
 */
typedef bool json_visit_fn(void *data, const char *path, const char *text, size_t length);

/* Judge as json_check() does, and visit on the way. A visit that says false ends it with success. */
MUST_CHECK bool json_walk(const char *text, size_t length, json_visit_fn *visit, void *data,
                          struct pare_error *err);

/* Append with quotes and escapes; NULL gives null. Bytes that are no UTF-8 become U+FFFD. */
void json_put_string(struct buf *buf, const char *text);
/*
 * A document that is JSON already, with what would steer a terminal inside its strings (DEL, C1,
 * bidi controls, line separators) as \u escapes, which mean the same.
 */
void json_put_document(struct buf *buf, const char *text);
/* A finite double, else null. */
void json_put_number(struct buf *buf, double value);

#endif
