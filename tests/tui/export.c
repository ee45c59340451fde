/* SPDX-License-Identifier: MIT */
/* The command of a screen as words, and what a file's name says. */
#include "tui/export.h"

#include "base/arena.h"
#include "base/buf.h"
#include "tap.h"
#include "tui/shell.h"

enum { ROOM = 8 };

static void comes_back(const char *word)
{
    struct arena arena = { 0 };
    struct buf command;
    const char *words[ROOM];
    size_t count = 0;
    buf_init(&command, 1 << 16);
    buf_text(&command, "pare list --filter ");
    shell_quote(&command, word);
    bool ok = shell_split(buf_string(&command), &arena, words, ROOM, &count);
    OK(ok && count == 4 && !strcmp(words[3], word), "a word comes back as it was");
    buf_done(&command);
    arena_done(&arena);
}

static void is_refused(const char *command)
{
    struct arena arena = { 0 };
    const char *words[ROOM];
    size_t count;
    OK(!shell_split(command, &arena, words, ROOM, &count), command);
    arena_done(&arena);
}

int main(void)
{
    comes_back("name~bert opt=int8,int4 lat<20");
    comes_back("it's 'quoted' \\ and \"more\"");
    comes_back("");
    comes_back("$(reboot); `x` && > /dev/null | *");
    comes_back("-rf");
    comes_back("'");
    comes_back("\xE6\x84\x8F");
    is_refused("pare list; reboot");
    is_refused("pare list > file");
    is_refused("pare list $HOME");
    is_refused("pare list 'open");
    is_refused("pare list \\");
    is_refused("a b c d e f g h i");
    IS(export_format("a.csv"), "csv", "a suffix says the format");
    IS(export_format("/x.y/a.b.JSON"), "json", "the last one, in any case");
    OK(!export_format("csv") && !export_format("a.txt") && !export_format("a.csv.gz"),
       "and no other does");
    return tap_done();
}
