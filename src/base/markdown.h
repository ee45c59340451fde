/* SPDX-License-Identifier: MIT */
/*
 * Text from anywhere as Markdown that says just that: no markup, no HTML, no link, no cell too many.
 */
#ifndef PARE_BASE_MARKDOWN_H
#define PARE_BASE_MARKDOWN_H

struct buf;

/* Within a paragraph: what means something to Markdown is escaped, a line break is a blank. */
void markdown_text(struct buf *buf, const char *text);

/* The same as a cell of a table's row, " text |". */
void markdown_cell(struct buf *buf, const char *text);

/* As a code span, whatever backticks there are in it. */
void markdown_code(struct buf *buf, const char *text);

#endif
