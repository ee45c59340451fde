/* SPDX-License-Identifier: MIT */
#include "base/shell.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"

static const char safe[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,=-";

void shell_quote(struct buf *buf, const char *word)
{
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

/* One word from *at on, which moves behind it. */
static bool take_word(const char **at, struct buf *word)
{
    while (**at && **at != ' ') {
        const char *end = *at + strspn(*at, safe);
        if (**at == '\'' && (end = strchr(*at + 1, '\''))) {
            buf_add(word, *at + 1, (size_t)(end - *at) - 1);
            *at = end + 1;
        } else if ((*at)[0] == '\\' && (*at)[1] == '\'') {
            buf_char(word, '\'');
            *at += 2;
        } else if (end && end > *at) {
            buf_add(word, *at, (size_t)(end - *at));
            *at = end;
        } else {
            return false;
        }
    }
    return true;
}

bool shell_split(const char *command, struct arena *arena, const char **words, size_t room,
                 size_t *ret_count)
{
    struct buf word;
    size_t count = 0;
    bool ok = true;
    buf_init(&word, strlen(command) + 1);
    while (*(command += strspn(command, " ")) && ok) {
        buf_clear(&word);
        ok = count < room && take_word(&command, &word);
        if (ok)
            ok = (words[count++] = arena_strdup(arena, buf_string(&word))) != NULL;
    }
    buf_done(&word);
    *ret_count = count;
    return ok;
}
