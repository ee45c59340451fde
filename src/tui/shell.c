/* SPDX-License-Identifier: MIT */
#include "tui/shell.h"

#include <string.h>

#include "base/buf.h"

void shell_quote(struct buf *buf, const char *word)
{
    static const char safe[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,=-";
    if (*word && word[0] != '-' && !word[strspn(word, safe)]) {
        buf_text(buf, word);
        return;
    }
    buf_char(buf, '\'');
    for (; *word; word++) {
        if (*word == '\'')
            buf_text(buf, "'\\''");
        else
            buf_char(buf, *word);
    }
    buf_char(buf, '\'');
}

void shell_ref(struct buf *buf, const char *name, const char *version)
{
    struct buf ref;
    if (strchr(version, ':') || !*name || !*version || name[0] == '-') {
        buf_text(buf, "--name ");
        shell_quote(buf, name);
        buf_text(buf, " --version ");
        shell_quote(buf, version);
        return;
    }
    buf_init(&ref, 8192);
    buf_printf(&ref, "%s:%s", name, version);
    shell_quote(buf, buf_string(&ref));
    buf_done(&ref);
}
