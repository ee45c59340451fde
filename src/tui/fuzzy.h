/* SPDX-License-Identifier: MIT */
/*
 * What was typed against what there is: the letters in their order, others between them.
 *
 * Of all ways in which the letters lie in the text the best counts: at starts of words and
 * next to each other is good, far apart is not. Case and typed blanks do not matter; a
 * character of several bytes is matched whole.
 */
#ifndef PARE_TUI_FUZZY_H
#define PARE_TUI_FUZZY_H

#include "base/base.h"

enum { FUZZY_TYPED_MAX = 64, FUZZY_TEXT_MAX = 256 };

/* What was typed, made ready once for many texts. */
struct fuzzy {
    unsigned char typed[FUZZY_TYPED_MAX]; /* lower case, no blanks */
    size_t length;
};

struct fuzzy_match {
    int score;                   /* higher is better; 0 for nothing typed */
    uint8_t at[FUZZY_TYPED_MAX]; /* the byte of the text that each typed byte is */
    size_t count;
};

/* More than FUZZY_TYPED_MAX letters are cut. */
void fuzzy_init(struct fuzzy *fuzzy, const char *typed);

/* Only how good; false when the letters are not there. Texts are looked at up to FUZZY_TEXT_MAX. */
bool fuzzy_score(const struct fuzzy *fuzzy, const char *text, size_t length, int *ret_score);

/* Where, too. */
bool fuzzy_match(const struct fuzzy *fuzzy, const char *text, struct fuzzy_match *ret_match);

#endif
