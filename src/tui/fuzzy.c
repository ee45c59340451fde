/* SPDX-License-Identifier: MIT */
#include "tui/fuzzy.h"

#include <string.h>

enum {
    LETTER = 16, /* each letter that is there */
    WORD_START = 12,
    NEXT_TO = 10, /* the letter before is the letter before */
    GAP = 4,      /* the first letter left out, */
    GAP_MORE = 1, /* and each further one */
    FAR_MAX = 24, /* letters left out that cost something */
    NEVER = -30000,
};

/* Best scores: of a way that ends with this letter here, of one that ended before. */
struct row {
    int16_t here[FUZZY_TEXT_MAX], before[FUZZY_TEXT_MAX + 1];
};

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static bool continues(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool starts_word(const char *text, size_t at)
{
    if (at == 0)
        return true;
    if (is_digit(text[at]))
        return !is_digit(text[at - 1]);
    return is_letter(text[at]) && !is_letter(text[at - 1]);
}

void fuzzy_init(struct fuzzy *fuzzy, const char *typed)
{
    fuzzy->length = 0;
    for (; *typed && fuzzy->length < FUZZY_TYPED_MAX; typed++)
        if (*typed != ' ')
            fuzzy->typed[fuzzy->length++] = lower(*typed);
}

/*
 * Where each typed byte can lie at the earliest and at the latest: most texts end here. What is
 * left between the two is little for long input, so that the rest of the work is bounded.
 */
static bool bounds(const struct fuzzy *fuzzy, const char *text, size_t length,
                   uint8_t first[FUZZY_TYPED_MAX], uint8_t last[FUZZY_TYPED_MAX])
{
    size_t next = 0;
    for (size_t at = 0; at < length && next < fuzzy->length; at++)
        if (lower(text[at]) == fuzzy->typed[next])
            first[next++] = (uint8_t)at;
    if (next < fuzzy->length)
        return false;
    for (size_t at = length; at > 0 && next > 0; at--)
        if (lower(text[at - 1]) == fuzzy->typed[next - 1])
            last[--next] = (uint8_t)(at - 1);
    return true;
}

static int letter_score(const char *text, size_t at)
{
    return LETTER + (starts_word(text, at) ? WORD_START : 0);
}

/* The first letter may be anywhere; far from the start it is worth a little less. */
static void first_row(const struct fuzzy *fuzzy, const char *text, size_t from, size_t to,
                      struct row *row)
{
    int best = NEVER;
    for (size_t at = from; at <= to; at++) {
        row->before[at] = (int16_t)best;
        row->here[at] = NEVER;
        if (lower(text[at]) == fuzzy->typed[0])
            row->here[at] = (int16_t)(letter_score(text, at) - (int)MIN(at, (size_t)FAR_MAX) / 4);
        best = MAX(best - GAP_MORE, row->here[at] - GAP);
    }
    row->before[to + 1] = (int16_t)best;
}

/* `old` is the row of the letter before, good from `old_from` to `old_to`. */
static void next_row(const struct fuzzy *fuzzy, size_t index, const char *text, size_t from,
                     size_t to, const struct row *old, size_t old_from, size_t old_to,
                     struct row *row)
{
    int best = NEVER;
    bool inside = continues(fuzzy->typed[index]);
    for (size_t at = from; at <= to; at++) {
        int beside = at > old_from && at - 1 <= old_to ? old->here[at - 1] : NEVER;
        size_t left = MIN(at, old_to + 1);
        int apart = at > old_from && !inside ? old->before[left] : NEVER;
        int score = NEVER, own = letter_score(text, at);
        apart -= at > old_to + 1 ? (int)MIN(at - old_to - 1, (size_t)FAR_MAX) * GAP_MORE : 0;
        if (lower(text[at]) == fuzzy->typed[index])
            score = MAX(beside + LETTER + MAX(NEXT_TO, own - LETTER), apart + own);
        row->before[at] = (int16_t)best;
        row->here[at] = (int16_t)MAX(score, NEVER);
        best = MAX(MAX(best - GAP_MORE, row->here[at] - GAP), NEVER);
    }
    row->before[to + 1] = (int16_t)best;
}

static int best_of(const struct row *row, size_t from, size_t to, size_t *ret_at)
{
    int best = NEVER;
    for (size_t at = from; at <= to; at++)
        if (row->here[at] > best) {
            best = row->here[at];
            *ret_at = at;
        }
    return best;
}

/* All rows into `rows`, one after the other (`step` 1), or two in turn (`step` 0). */
static int score_rows(const struct fuzzy *fuzzy, const char *text, const uint8_t *first,
                      const uint8_t *last, struct row *rows, bool keep, size_t *ret_at)
{
    size_t end = fuzzy->length - 1;
    first_row(fuzzy, text, first[0], last[0], rows);
    for (size_t i = 1; i <= end; i++)
        next_row(fuzzy, i, text, first[i], last[i], &rows[keep ? i - 1 : (i - 1) % 2], first[i - 1],
                 last[i - 1], &rows[keep ? i : i % 2]);
    return best_of(&rows[keep ? end : end % 2], first[end], last[end], ret_at);
}

/* Of two that are equally good the shorter one is meant. */
static int weigh(int score, size_t length)
{
    return 4 * score - (int)length / 4;
}

bool fuzzy_score(const struct fuzzy *fuzzy, const char *text, size_t length, int *ret_score)
{
    uint8_t first[FUZZY_TYPED_MAX], last[FUZZY_TYPED_MAX];
    struct row rows[2];
    size_t at;
    length = MIN(length, (size_t)FUZZY_TEXT_MAX - 1);
    if (fuzzy->length == 0) {
        *ret_score = 0;
        return true;
    }
    if (!bounds(fuzzy, text, length, first, last))
        return false;
    int score = score_rows(fuzzy, text, first, last, rows, false, &at);
    if (score <= NEVER / 2)
        return false;
    *ret_score = weigh(score, length);
    return true;
}

/* Back from the last letter: where the one before it lies in the way that is best. */
static size_t step_back(const struct row *old, size_t from, size_t to, size_t at, bool inside)
{
    size_t best = from;
    int best_score = 2 * NEVER;
    for (size_t place = from; place <= to && place < at; place++) {
        size_t between = at - place - 1;
        int score = old->here[place] + (between == 0 ? NEXT_TO : 0) -
                    (between ? GAP + (int)(between - 1) * GAP_MORE : 0);
        if (inside && between > 0)
            continue;
        if (score >= best_score) {
            best_score = score;
            best = place;
        }
    }
    return best;
}

bool fuzzy_match(const struct fuzzy *fuzzy, const char *text, struct fuzzy_match *ret_match)
{
    uint8_t first[FUZZY_TYPED_MAX], last[FUZZY_TYPED_MAX];
    struct row rows[FUZZY_TYPED_MAX];
    size_t length = strnlen(text, FUZZY_TEXT_MAX - 1), at = 0;
    struct fuzzy_match match = { .count = fuzzy->length };
    if (fuzzy->length == 0) {
        *ret_match = match;
        return true;
    }
    if (!bounds(fuzzy, text, length, first, last))
        return false;
    int score = score_rows(fuzzy, text, first, last, rows, true, &at);
    if (score <= NEVER / 2)
        return false;
    match.score = weigh(score, length);
    for (size_t i = fuzzy->length; i-- > 0;) {
        match.at[i] = (uint8_t)at;
        if (i > 0)
            at = step_back(&rows[i - 1], first[i - 1], last[i - 1], at, continues(fuzzy->typed[i]));
    }
    *ret_match = match;
    return true;
}
