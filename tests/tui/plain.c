/* SPDX-License-Identifier: MIT */
/* Which lines of a frame are new to somebody who heard the one before. */
#include "tui/plain.h"

#include "tap.h"

enum { ROOM = PLAIN_ROWS_MAX };

/* A line a letter: the new ones of `now`. */
static void hears(const char *before, const char *now, const char *wanted, const char *sentence)
{
    static char old_text[ROOM][2], new_text[ROOM][2];
    char *old[ROOM] = { NULL }, *lines[ROOM] = { NULL }, found[ROOM + 1];
    int from[ROOM], old_count = (int)strlen(before), count = (int)strlen(now), said = 0;
    for (int i = 0; i < old_count; i++)
        old[i] = memcpy(old_text[i], (char[2]){ before[i] }, 2);
    for (int i = 0; i < count; i++)
        lines[i] = memcpy(new_text[i], (char[2]){ now[i] }, 2);
    plain_compare(old, old_count, lines, count, from);
    for (int i = 0; i < count; i++)
        if (from[i] < 0)
            found[said++] = now[i];
    found[said] = '\0';
    IS(found, wanted, sentence);
}

int main(void)
{
    hears("", "abc", "abc", "all of a first frame");
    hears("abc", "abc", "", "nothing of an equal one");
    hears("abcde", "bcdef", "f", "the line that scrolled in");
    hears("abcde", "zabcd", "z", "at the top too");
    hears("habcf", "haXcf", "X", "the one that changed");
    hears("habcf", "hacf", "", "nothing of one that went");
    hears("abc", "cba", "ba", "what was sorted anew");
    hears("hello", "hallo", "a", "one of several alike");
    hears("abc", "", "", "an empty frame");
    return tap_done();
}
