/* SPDX-License-Identifier: MIT */
#include "base/markdown.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"

/* Within a word "_" is itself; so names stay legible in the source too. */
static bool wants_escape(const char *text, const char *p)
{
    if (*p == '_')
        return p == text || !isalnum((unsigned char)p[-1]) || !isalnum((unsigned char)p[1]);
    return strchr("\\`*[]<>|&", *p) != NULL;
}

void markdown_text(struct buf *buf, const char *text)
{
    for (const char *p = text; *p; p++) {
        bool control = (unsigned char)*p < ' ' || *p == 0x7F;
        if (!control && wants_escape(text, p))
            buf_char(buf, '\\');
        buf_char(buf, control ? ' ' : *p);
    }
}

void markdown_cell(struct buf *buf, const char *text)
{
    buf_char(buf, ' ');
    markdown_text(buf, text);
    buf_text(buf, " |");
}

static size_t longest_run(const char *text, char of)
{
    size_t longest = 0, run = 0;
    for (; *text; text++) {
        run = *text == of ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

void markdown_code(struct buf *buf, const char *text)
{
    size_t ticks = longest_run(text, '`') + 1;
    const char *pad = ticks > 1 ? " " : "";
    for (size_t i = 0; i < ticks; i++)
        buf_char(buf, '`');
    buf_text(buf, pad);
    for (; *text; text++)
        buf_char(buf, (unsigned char)*text < ' ' ? ' ' : *text);
    buf_text(buf, pad);
    for (size_t i = 0; i < ticks; i++)
        buf_char(buf, '`');
}
