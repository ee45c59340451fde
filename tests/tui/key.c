/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "tap.h"
#include "tui/action.h"
#include "tui/key.h"

static void feed(struct key_reader *reader, const char *bytes, size_t length)
{
    size_t room;
    unsigned char *to = key_room(reader, &room);
    memcpy(to, bytes, length < room ? length : room);
    key_came(reader, length < room ? length : room);
}

static struct key one(const char *bytes)
{
    struct key_reader reader = { 0 };
    struct key key = { 0 };
    feed(&reader, bytes, strlen(bytes));
    if (!key_next(&reader, false, &key) || key_is_partial(&reader))
        key.kind = KEY_NONE;
    return key;
}

static void test_keys(void)
{
    OK(one("\033[A").kind == KEY_UP && one("\033OA").kind == KEY_UP, "both modes of an arrow");
    OK(one("\033[5~").kind == KEY_PAGE_UP && one("\033[H").kind == KEY_HOME, "paging and Home");
    OK(one("\r").kind == KEY_ENTER && one("\t").kind == KEY_TAB, "Enter and Tab");
    OK(one("\x7f").kind == KEY_RUBOUT && one("\b").kind == KEY_RUBOUT, "both rubouts");
    OK(one("\x01").kind == KEY_CTRL && one("\x01").text[0] == 'a', "Ctrl-A is a control key");
    OK(one("\033[1;5C").kind == KEY_OTHER, "what is not known is swallowed whole");
    IS(one("\xc3\xa9").text, "\xc3\xa9", "a letter of two bytes is one key");
    OK(one("\xff").kind == KEY_OTHER, "what is no UTF-8 is no key");
    OK(one("\xc2\x9b").kind == KEY_OTHER, "a C1 control is no key");
}

static void test_pieces(void)
{
    struct key_reader reader = { 0 };
    struct key key;
    feed(&reader, "\033", 1);
    OK(!key_next(&reader, false, &key) && key_is_partial(&reader), "a lone ESC waits");
    feed(&reader, "[", 1);
    OK(!key_next(&reader, false, &key), "and waits for more");
    feed(&reader, "B", 1);
    OK(key_next(&reader, false, &key) && key.kind == KEY_DOWN, "until it is an arrow");
    feed(&reader, "\033", 1);
    OK(key_next(&reader, true, &key) && key.kind == KEY_ESCAPE, "late, it is Escape");
    feed(&reader, "\xe6\x84", 2);
    OK(!key_next(&reader, false, &key), "half a character waits");
    feed(&reader, "\x8f", 1);
    OK(key_next(&reader, false, &key) && !strcmp(key.text, "\xe6\x84\x8f"), "for its rest");
}

static void test_reports(void)
{
    struct key key = one("\033[<0;12;7M");
    OK(key.kind == KEY_MOUSE && key.button == KEY_BUTTON_LEFT && key.row == 6 && key.column == 11,
       "a click says where");
    OK(one("\033[<65;1;1M").button == KEY_WHEEL_DOWN && one("\033[<64;1;1M").button == KEY_WHEEL_UP,
       "the wheel");
    OK(one("\033[<0;12;7m").kind == KEY_OTHER && one("\033[<35;3;3M").kind == KEY_OTHER &&
           one("\033[<0;0;7M").kind == KEY_OTHER &&
           one("\033[<0;99999999999999999999;1M").kind == KEY_OTHER,
       "a release, a motion, nowhere: of no use");
    OK(one("\033]11;rgb:ffff/fafa/f0f0\033\\").kind == KEY_GROUND_LIGHT &&
           one("\033]11;rgb:ff/ff/ff\007").kind == KEY_GROUND_LIGHT,
       "a light ground, in both lengths and with both ends");
    OK(one("\033]11;rgb:0000/2b2b/3636\033\\").kind == KEY_GROUND_DARK, "a dark one");
    OK(one("\033]11;rgb:xyz\007").kind == KEY_OTHER && one("\033]52;c;aaaa\007").kind == KEY_OTHER,
       "another answer is swallowed");
    OK(one("\033[?2026;2$y").kind == KEY_HOLDS_FRAMES && one("\033[?2026;0$y").kind == KEY_OTHER &&
           one("\033[?2026;4$y").kind == KEY_OTHER && one("\033[?2027;2$y").kind == KEY_OTHER,
       "frames are held where the terminal can");
}

/* Each cut of an answer, its rest after the time for Escape: never a key of a person. */
static void test_late_reports(void)
{
    static const char *const answers[] = { "\033]11;rgb:ffff/fafa/f0f0\033\\", "\033[?2026;2$y",
                                           "\033[<0;12;7M" };
    bool whole = true;
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
        for (size_t cut = 3; cut < strlen(answers[i]); cut++) {
            struct key_reader reader = { 0 };
            struct key key;
            feed(&reader, answers[i], cut);
            whole = whole && !key_next(&reader, false, &key) && !key_next(&reader, true, &key);
            feed(&reader, answers[i] + cut, strlen(answers[i]) - cut);
            whole = whole && key_next(&reader, false, &key) && key.kind != KEY_OTHER &&
                    key.kind != KEY_TEXT && !key_is_partial(&reader);
        }
    OK(whole, "an answer in two pieces is one answer");
    struct key_reader reader = { 0 };
    struct key key;
    int waited = 0;
    feed(&reader, "\033]11;rgb", 8);
    while (!key_next(&reader, true, &key) && waited < 1000)
        waited++;
    OK(key.kind == KEY_OTHER && waited == KEY_REPORT_PATIENCE, "one that never ends is given up");
}

static void test_paste(void)
{
    struct key_reader reader = { 0 };
    struct key key;
    int pasted = 0, keys = 0;
    const char *bytes = "\033[200~P\ry\033[201~j";
    feed(&reader, bytes, strlen(bytes));
    while (key_next(&reader, false, &key)) {
        pasted += key.kind == KEY_PASTED;
        keys += action_of(&key, VIEW_MODELS) != ACTION_NONE;
    }
    OK(pasted == 3, "three characters were pasted, the newline as a blank");
    OK(keys == 1, "and only the key behind the paste is an action");
}

/* Whatever comes, the reader ends and never reads outside: for the sanitizers. */
static void test_anything(void)
{
    struct key_reader reader = { 0 };
    struct key key;
    unsigned seed = 7;
    size_t count = 0;
    for (int i = 0; i < 200000; i++) {
        static const char likely[] = "\033[O0;~A\xe6\x84]<?M";
        unsigned dice = (unsigned)rand_r(&seed);
        unsigned char byte =
            (unsigned char)(dice % 4 ? likely[dice / 4 % (sizeof(likely) - 1)] : (int)(dice / 4));
        feed(&reader, (const char *)&byte, 1);
        while (key_next(&reader, i % 11 == 0, &key))
            count++;
    }
    OK(count > 0 && reader.end - reader.start < 64, "any bytes become keys or nothing");
}

static void test_actions(void)
{
    bool unique = true, told = true;
    for (int i = 0; i < ACTION_NONE; i++) {
        told = told && *actions[i].what && *actions[i].key;
        for (int j = 0; j < i; j++)
            unique = unique && !(strcmp(actions[i].key, actions[j].key) == 0 &&
                                 (actions[i].views & actions[j].views));
    }
    OK(unique, "no key has two actions in one view");
    OK(told, "every action has a key and says what it does");
    bool capitals = true;
    for (int i = 0; i < ACTION_NONE; i++) {
        bool capital = actions[i].key[0] >= 'A' && actions[i].key[0] <= 'Z' && !actions[i].key[1];
        capitals = capitals && (capital == actions[i].writes || i == ACTION_BOTTOM);
    }
    OK(capitals, "capital letters write, small ones look; G is the one that everybody knows");
}

int main(void)
{
    test_keys();
    test_pieces();
    test_reports();
    test_late_reports();
    test_paste();
    test_anything();
    test_actions();
    return tap_done();
}
