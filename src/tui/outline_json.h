/* SPDX-License-Identifier: MIT */
/*
 * JSON text walked over without being parsed: bounds are checked, nothing is trusted to be well
 * formed, and nothing recurses. What the server writes as jsonb is; what was cut is not.
 */
#ifndef PARE_TUI_OUTLINE_JSON_H
#define PARE_TUI_OUTLINE_JSON_H

#include "base/base.h"

/* A value between braces, or the document: one child after the other. */
struct json_step {
    const char *at, *end; /* what is still to be walked over */
    bool is_array;
    const char *key, *value; /* of the child at hand; key without quotes, NULL in an array */
    size_t key_length, value_length;
};

/* At the first child of the object or array that begins at `text`. */
void json_step_into(struct json_step *step, const char *text, size_t length);

/* The next child; false behind the last one, and where the text ends or makes no sense. */
bool json_step_next(struct json_step *step);

/* Whether there is another child, without walking over it. */
bool json_step_more(const struct json_step *step);

/* Without the blanks around it. */
void json_trim(const char **io_text, size_t *io_length);

/* Whether an object or array has a child. */
bool json_has_children(const char *text, size_t length);

#endif
