/* SPDX-License-Identifier: MIT */
/*
 * Facts and JSON documents as one list with a cursor, of which parts fold.
 *
 * A document may be megabytes and anybody's. Nothing of it is parsed before it is looked at: a node
 * knows where its text begins and ends, unfolding it makes lines of its next children, a page at a
 * time, and nothing here calls itself, however deep the document nests. Numbers and strings stay as they
 * stand in the text; the canvas cleans what it shows.
 *
 * What was folded by hand, and the cursor, are known by their paths and are found again when the
 * outline is made anew from fresher data.
 */
#ifndef PARE_TUI_OUTLINE_H
#define PARE_TUI_OUTLINE_H

#include "base/arena.h"
#include "tui/scroll.h"
#include "tui/view.h"

struct buf;
struct canvas;

enum { OUTLINE_ROWS_MAX = 20000, OUTLINE_PAGE = 200, OUTLINE_TURNED_MAX = 256 };

enum outline_kind {
    OUTLINE_BLANK,
    OUTLINE_HEADING,
    OUTLINE_FACT,  /* a word and its value */
    OUTLINE_VALUE, /* a scalar of a document, or an empty object or array */
    OUTLINE_NODE,  /* an object or array */
    OUTLINE_PIECE, /* a line of a long value that was unfolded */
    OUTLINE_MORE,  /* the next page of a node */
    OUTLINE_CUT,   /* the document ends here, what is stored does not */
};

struct outline_row {
    uint64_t path;       /* a hash of the labels down to here */
    const char *label;   /* NULL: `number` of an array */
    const char *text;    /* as it stands; of MORE where it goes on */
    const char *summary; /* or NULL */
    size_t label_length, text_length, number;
    int64_t id; /* of a version that Enter opens; 0: none */
    int depth;
    uint8_t kind, role;
    bool open;
    bool is_array; /* of MORE: what it goes on with */
};

struct outline {
    struct arena arena; /* labels and values of facts; documents are the caller's and outlive it */
    struct outline_row *rows;
    size_t count, room;
    int widest;          /* label with its indentation */
    int columns, values; /* of the screen, which pieces are cut for; where values begin */
    struct scroll scroll;
    uint64_t turned[OUTLINE_TURNED_MAX]; /* what is otherwise than it was at first */
    size_t turned_count;
    uint64_t cursor_path;
    bool no_room; /* something did not unfold: too many lines are open, or memory ended */
};

void outline_done(struct outline *outline);

/* Begin to make it anew, and end: what was turned and the cursor are kept. */
void outline_begin(struct outline *outline);
void outline_end(struct outline *outline);

/* Strings are copied. An absent or empty value adds nothing. */
void outline_heading(struct outline *outline, const char *text);
void outline_fact(struct outline *outline, int role, const char *label, const char *value);
void outline_printf(struct outline *outline, int role, const char *label, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* Of the row added last: Enter opens this version (0: none), and it stands so many levels down. */
void outline_leads_to(struct outline *outline, int64_t id, int depth);

/*
 * A document, the caller's and valid as long as the outline; label and summary are copied. While it is
 * folded the summary stands for it, NULL: its own beginning. With `open` it is unfolded at first,
 * and what is small in it too. `whole_bytes` more than `length`: the rest is elsewhere.
 */
struct outline_document {
    const char *label, *summary, *text;
    size_t length;
    int64_t whole_bytes;
    bool open;
    bool title; /* it stands for a heading too */
};
void outline_json(struct outline *outline, const struct outline_document *document);

/* The row under the cursor; NULL when there is none. */
const struct outline_row *outline_cursor(const struct outline *outline);

/* Fold (or go up to what can be), unfold, or turn what is under the cursor. False: nothing to do. */
bool outline_fold(struct outline *outline);
bool outline_unfold(struct outline *outline);
bool outline_turn(struct outline *outline);

/* The cursor to a heading, or to the first row that leads to a version. False: there is none. */
bool outline_to_heading(struct outline *outline, const char *text);
bool outline_to_id(struct outline *outline, int64_t id);

/* Where the cursor is in its document: "config.head.dim"; nothing elsewhere. */
void outline_put_path(const struct outline *outline, struct buf *buf);

void outline_draw(struct outline *outline, struct canvas *canvas, struct view_area area);

#endif
