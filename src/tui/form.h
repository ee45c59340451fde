/* SPDX-License-Identifier: MIT */
/*
 * Fields one below the other: some are chosen, some are typed.
 *
 * Enter takes the next choice, or opens a typed field; while one is open every key is its
 * own. The owner learns after each key whether anything has changed.
 */
#ifndef PARE_TUI_FORM_H
#define PARE_TUI_FORM_H

#include "pare/recipe.h"
#include "tui/action.h"
#include "tui/prompt.h"

struct buf;
struct canvas;

struct form_field {
    const char *label;
    const struct pare_choice *choices; /* the owner's; NULL: a typed field */
    size_t choice_count, chosen;
    struct prompt prompt;
    const char *empty; /* what an empty typed field means */
    const char *note;  /* beside the value, NULL: what its choice says of itself */
    bool hidden;
};

struct form {
    struct form_field *fields; /* the owner's */
    size_t count, cursor;
    bool typing;
    char before[PROMPT_MAX]; /* what Escape gives back */
};

enum form_news {
    FORM_NOTHING,
    FORM_MOVED,
    FORM_CHANGED, /* the value of the field under the cursor */
};

/* The cursor onto a field that is there; after fields have been hidden. */
void form_fit(struct form *form);
enum form_news form_act(struct form *form, enum action action);
/* While form->typing. */
enum form_news form_type(struct form *form, const struct key *key);

size_t form_height(const struct form *form);
/* From `row` on, at most `rows`, the cursor's field among them. */
void form_draw(const struct form *form, struct canvas *canvas, int row, int rows);

/* Append all that the field under the cursor says: its line may be cut. */
void form_put_words(const struct form *form, struct buf *buf);

/* The chosen word, or what was typed. */
const char *form_value(const struct form_field *field);

#endif
