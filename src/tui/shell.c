/* SPDX-License-Identifier: MIT */
#include "tui/shell.h"

#include <string.h>

#include "base/buf.h"

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
