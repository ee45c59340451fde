/* SPDX-License-Identifier: MIT */
#include "tui/report.h"

#include <stdlib.h>
#include <string.h>

enum { ESC = 0x1B, BEL = 0x07, OSC_MAX = 64, REPORT_MAX = 80 };

enum {
    BUTTON_MOTION = 32,
    BUTTON_WHEEL_UP = 64,
    BUTTON_WHEEL_DOWN = 65,
    BUTTON_MARKS = 4 + 8 + 16
};

bool report_begins(const unsigned char *bytes, size_t count)
{
    if (count < 3 || bytes[0] != ESC)
        return false;
    if (bytes[1] == '[')
        return bytes[2] == '<' || bytes[2] == '?';
    return bytes[1] == ']' && bytes[2] >= '0' && bytes[2] <= '9';
}

size_t report_osc_length(const unsigned char *bytes, size_t count)
{
    for (size_t at = 2; at < count && at < OSC_MAX; at++) {
        if (bytes[at] == BEL)
            return at + 1;
        if (bytes[at] == ESC)
            return at + 1 == count ? 0 : bytes[at + 1] == '\\' ? at + 2 : at;
        if (bytes[at] < 0x20 || bytes[at] > 0x7E)
            return at;
    }
    return count >= OSC_MAX ? OSC_MAX : 0;
}

/* One to four hexadecimal digits as a share of the largest number they can say; -1: none. */
static double channel(const char **text)
{
    char *end;
    unsigned long value = strtoul(*text, &end, 16);
    size_t digits = (size_t)(end - *text);
    if (digits < 1 || digits > 4)
        return -1;
    *text = *end == '/' ? end + 1 : end;
    return (double)value / (double)((1ul << (4 * digits)) - 1);
}

static enum key_kind read_ground(const char *text)
{
    double part[3];
    for (int i = 0; i < 3; i++) {
        part[i] = channel(&text);
        if (part[i] < 0)
            return KEY_OTHER;
    }
    /* As the eye weighs them (ITU-R BT.709). */
    double light = 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
    return light > 0.5 ? KEY_GROUND_LIGHT : KEY_GROUND_DARK;
}

/* Each press, no release, no motion; a button with Shift, Alt or Ctrl is somebody else's. */
static struct key read_mouse(const char *text)
{
    struct key key = { .kind = KEY_OTHER };
    char *end;
    long button = strtol(text, &end, 10);
    long column = *end == ';' ? strtol(end + 1, &end, 10) : 0;
    long row = *end == ';' ? strtol(end + 1, &end, 10) : 0;
    if (*end != 'M' || button < 0 || button & (BUTTON_MOTION | BUTTON_MARKS) || column < 1 ||
        row < 1 || column > UINT16_MAX || row > UINT16_MAX)
        return key;
    key.kind = KEY_MOUSE;
    key.row = (int)row - 1;
    key.column = (int)column - 1;
    key.button = button == 0                   ? KEY_BUTTON_LEFT
                 : button == BUTTON_WHEEL_UP   ? KEY_WHEEL_UP
                 : button == BUTTON_WHEEL_DOWN ? KEY_WHEEL_DOWN
                                               : KEY_BUTTON_OTHER;
    return key;
}

struct key report_read(const unsigned char *bytes, size_t length)
{
    static const char ground[] = "]11;rgb:", holds[] = "[?2026;";
    char text[REPORT_MAX + 1] = "";
    struct key key = { .kind = KEY_OTHER };
    if (length < 2 || length > REPORT_MAX)
        return key;
    memcpy(text, bytes + 1, length - 1);
    if (text[0] == '[' && text[1] == '<')
        return read_mouse(text + 2);
    if (!strncmp(text, ground, sizeof(ground) - 1))
        key.kind = read_ground(text + sizeof(ground) - 1);
    else if (!strncmp(text, holds, sizeof(holds) - 1) && length == sizeof(holds) + 3 &&
             !strcmp(text + sizeof(holds), "$y"))
        key.kind = text[sizeof(holds) - 1] == '1' || text[sizeof(holds) - 1] == '2'
                       ? KEY_HOLDS_FRAMES
                       : KEY_OTHER;
    return key;
}
