/* SPDX-License-Identifier: MIT */
/*
 * UTF-8 text from anywhere, made safe and measured: the door to utf8proc.
 *
 * Text from files and rows is hostile. text_clean() is its customs house: what
 * passed it holds no byte that could steer a terminal and is valid UTF-8.
 */
#ifndef PARE_BASE_TEXT_H
#define PARE_BASE_TEXT_H

#include "base/base.h"

struct arena;

/*
 * Copy at most `length` bytes into `room` bytes at `to`, always zero-terminated,
 * cut at a whole character. C0, DEL, C1, bidi controls and line separators become
 * U+00B7 (a middle dot), invalid bytes U+FFFD. Returns the bytes written.
 */
size_t text_clean(const char *from, size_t length, char *to, size_t room);

/* The same into the arena, whole; NULL when memory ends, or for NULL. */
char *text_clean_dup(struct arena *arena, const char *from);

/* The bytes of the first character of non-empty text and its code point; 0 when it is no UTF-8. */
size_t text_decode(const char *text, size_t length, uint32_t *ret_code);

/* Whether the bytes are valid UTF-8 without U+0000. */
bool text_is_utf8(const char *text, size_t length);

/* Whether text_clean() would change it. */
bool text_is_clean(const char *text, size_t length);

/*
 * The next grapheme cluster of clean text: its bytes, and in *ret_columns how wide
 * a terminal draws it (0, 1 or 2; ambiguous counts 1). 0 at the end.
 */
size_t text_cluster(const char *text, size_t length, int *ret_columns);

/* Terminal columns of clean, zero-terminated text. */
int text_width(const char *text);

/* The bytes of the longest start of `text` that fits `columns`; clusters stay whole. */
size_t text_fit(const char *text, int columns, int *ret_columns);

/*
 * Wrapped into lines of `columns`: the bytes of the next one, which ends before the last blank that
 * fits, or where there is none wherever it must; the blank behind it is nobody's. And how many
 * lines there are, 1 for "".
 */
size_t text_line(const char *text, int columns);
int text_lines(const char *text, int columns);

/* Shell-style match: * ? and [...], no case folding. */
bool text_glob(const char *pattern, const char *text);

/* 3163737 -> "3.16 MB"; 10^3 steps, three digits. */
void text_size(int64_t bytes, char *to, size_t room);

/* A finite double as JSON and people write it: the shortest digits that read back the same. */
void text_number(double value, char *to, size_t room);

/* The whole string as a finite double or a decimal integer; no blanks around it. */
MUST_CHECK bool text_to_double(const char *text, double *ret_value);
MUST_CHECK bool text_to_int64(const char *text, int64_t *ret_value);

#endif
