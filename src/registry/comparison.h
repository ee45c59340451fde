/* SPDX-License-Identifier: MIT */
/*
 * Versions side by side: what each one is and costs, and its change against one of them.
 *
 * A change stands only between numbers got alike: stored bytes always are; all else only when
 * both were measured under the same conditions on the same data, times only when one job
 * ran both in turns. Else the change is unlike, "~". What is missing is missing and not zero. The
 * interval of a change of accuracy is there where one job judged both on the same examples. The
 * command, the screen and what is copied from it are made of this.
 */
#ifndef PARE_REGISTRY_COMPARISON_H
#define PARE_REGISTRY_COMPARISON_H

#include "registry/catalog.h"

struct buf;

enum { COMPARISON_MAX = 8, COMPARISON_ROWS_MAX = 256, COMPARISON_TEXT_ROOM = 64 };

/* What is known of one version. Strings are the caller's and outlive the comparison. */
struct comparison_side {
    struct version version; /* with config and metrics */
    const char *recipe;     /* JSON, or NULL */
    const char *conditions; /* of its newest measurement, JSON; NULL: never measured */
    struct alike alike;     /* first: its own; second: the baseline's. Nothing for the baseline */
};

enum comparison_kind {
    COMPARISON_NUMBER,
    COMPARISON_WORD,
    COMPARISON_INTERVAL, /* where the change of accuracy lies, 95 % */
    COMPARISON_FLIPS,    /* how many examples broke and how many were fixed */
};

enum comparison_unit { COMPARISON_PLAIN, COMPARISON_BYTES, COMPARISON_SHARE };

enum comparison_verdict {
    COMPARISON_NONE, /* the baseline's, or one of both is missing */
    COMPARISON_SAME,
    COMPARISON_BETTER,
    COMPARISON_WORSE,
    COMPARISON_DIFFERS, /* nobody knows which way is better */
    COMPARISON_OPEN,    /* the interval leaves open which way it goes */
    COMPARISON_UNLIKE,  /* not measured alike */
};

struct comparison_cell {
    double number;    /* NAN: missing */
    const char *word; /* of words; NULL: missing */
    double from, to;  /* what the change is between; NAN: there is none */
    enum comparison_verdict verdict;
    bool best;        /* of all that are compared, alone */
    double low, high; /* of an interval, shares; NAN: missing */
    double broken, fixed;
};

struct comparison_row {
    const char *key;   /* for programs: "size", "metrics.f1", "config.layers" */
    const char *label; /* for people, with the unit */
    enum comparison_kind kind;
    enum comparison_unit unit;
    int direction; /* -1: less is better; 1: more; 0: nobody knows */
    bool is_time, differs;
    struct comparison_cell cells[COMPARISON_MAX];
};

struct comparison {
    struct arena *arena;
    const struct comparison_side *sides;
    size_t count, baseline;
    struct comparison_row *rows;
    size_t row_count;
    bool cut;                     /* there is more than the limits take */
    bool same_test;               /* all were measured under the same conditions on the same data */
    bool in_test[COMPARISON_MAX]; /* this one as the baseline's numbers were that are shown */
    const char *test;             /* a sentence: the conditions, or what differs */
};

/* `sides` outlive it; everything else lives in `arena`. 2 to COMPARISON_MAX sides. */
MUST_CHECK bool comparison_make(const struct comparison_side *sides, size_t count, size_t baseline,
                                struct arena *arena, struct comparison *ret_comparison,
                                struct pare_error *err);

/* Whether a pair's numbers can be compared: measured alike; its times too. */
bool comparison_is_alike(const struct comparison *comparison, size_t side);
bool comparison_is_together(const struct comparison *comparison, size_t side);

/* ---- in words (comparison_words.c) ---- */

/* The value, "-" when it is missing. */
void comparison_value(const struct comparison_row *row, const struct comparison_cell *cell,
                      char to[COMPARISON_TEXT_ROOM]);
/* "-75 %", "-1.25 pp", "=", "~", "" when there is none; narrow: "-75%", "-1.25". */
void comparison_change(const struct comparison_row *row, const struct comparison_cell *cell,
                       bool narrow, char to[COMPARISON_TEXT_ROOM]);
/* "from 0.9412": the baseline beside this one, where another number of it is shown; else "". */
void comparison_from(const struct comparison *comparison, const struct comparison_row *row,
                     const struct comparison_cell *cell, char to[COMPARISON_TEXT_ROOM]);
/* "better", "best", "worse", "open" or "". */
const char *comparison_verdict_word(const struct comparison_cell *cell);

/* The sentence at the top: all of the same test, or which differ. In the arena; NULL: memory ended. */
const char *comparison_test_words(const struct comparison *comparison);

/* `pare compare A B`, the baseline first. */
void comparison_put_command(const struct comparison *comparison, struct buf *buf);
/* A table with the conditions and the command below. `all`: also rows without a difference. */
void comparison_put_markdown(const struct comparison *comparison, bool all, struct buf *buf);

#endif
