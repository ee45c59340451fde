/* SPDX-License-Identifier: MIT */
#include "tui/key.h"

#include <string.h>

#include "base/text.h"
#include "tui/report.h"

enum { ESC = 0x1B, SEQUENCE_MAX = 32 };

static const struct sequence {
    const char *bytes; /* behind ESC [ or ESC O */
    enum key_kind kind;
} sequences[] = {
    { "A", KEY_UP },      { "B", KEY_DOWN },  { "C", KEY_RIGHT },    { "D", KEY_LEFT },
    { "H", KEY_HOME },    { "F", KEY_END },   { "1~", KEY_HOME },    { "4~", KEY_END },
    { "7~", KEY_HOME },   { "8~", KEY_END },  { "5~", KEY_PAGE_UP }, { "6~", KEY_PAGE_DOWN },
    { "3~", KEY_DELETE }, { "M", KEY_ENTER }, { "Z", KEY_TAB },
};

unsigned char *key_room(struct key_reader *reader, size_t *ret_room)
{
    if (reader->start > 0) {
        memmove(reader->bytes, reader->bytes + reader->start, reader->end - reader->start);
        reader->end -= reader->start;
        reader->start = 0;
    }
    *ret_room = KEY_BYTES_MAX - reader->end;
    return reader->bytes + reader->end;
}

void key_came(struct key_reader *reader, size_t count)
{
    reader->end += count;
}

bool key_is_partial(const struct key_reader *reader)
{
    return reader->end > reader->start;
}

/* The bytes of a control sequence (ECMA-48: parameters, intermediates, one final); 0: not all there. */
static size_t sequence_length(const unsigned char *bytes, size_t count)
{
    size_t at = 2;
    if (count < 3)
        return 0;
    if (bytes[1] == 'O')
        return 3;
    while (at < count && at < SEQUENCE_MAX && bytes[at] >= 0x20 && bytes[at] <= 0x3F)
        at++;
    return at < count ? at + 1 : 0;
}

static struct key read_sequence(struct key_reader *reader, const unsigned char *bytes,
                                size_t length)
{
    const char *rest = (const char *)bytes + 2;
    if (length == 6 && !memcmp(rest, "200~", 4))
        reader->pasting = true;
    else if (length == 6 && !memcmp(rest, "201~", 4))
        reader->pasting = false;
    for (size_t i = 0; i < ARRAY_SIZE(sequences); i++)
        if (strlen(sequences[i].bytes) == length - 2 &&
            !memcmp(rest, sequences[i].bytes, length - 2))
            return (struct key){ .kind = sequences[i].kind };
    return report_read(bytes, length);
}

static struct key read_control(unsigned char byte)
{
    switch (byte) {
    case '\r':
    case '\n':
        return (struct key){ .kind = KEY_ENTER };
    case '\t':
        return (struct key){ .kind = KEY_TAB };
    case ESC:
        return (struct key){ .kind = KEY_ESCAPE };
    case 0x08:
    case 0x7F:
        return (struct key){ .kind = KEY_RUBOUT };
    case 0:
        return (struct key){ .kind = KEY_OTHER };
    default:
        return (struct key){ .kind = KEY_CTRL, .text = { (char)(byte | 0x60) } };
    }
}

static size_t utf8_length(unsigned char lead)
{
    if (lead < 0xC2 || lead > 0xF4)
        return 1;
    return lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
}

/* One character; what is no UTF-8 and what may steer a terminal is of no use. */
static size_t read_text(const unsigned char *bytes, size_t count, bool late, struct key *ret_key)
{
    size_t length = utf8_length(bytes[0]);
    if (length > count && !late)
        return 0;
    *ret_key = (struct key){ .kind = KEY_OTHER };
    if (length > count || !text_is_utf8((const char *)bytes, length))
        return 1;
    if (!text_is_clean((const char *)bytes, length))
        return length;
    ret_key->kind = KEY_TEXT;
    memcpy(ret_key->text, bytes, length);
    return length;
}

/* An answer of the terminal in the form of OSC; an ESC ] with no digit behind it is none. */
static size_t read_osc(const unsigned char *bytes, size_t count, bool late, struct key *ret_key)
{
    size_t length = 2;
    if (count == 2 && !late)
        return 0;
    *ret_key = (struct key){ .kind = KEY_OTHER };
    if (!report_begins(bytes, count))
        return length;
    length = report_osc_length(bytes, count);
    if (length == 0)
        return late ? count : 0;
    *ret_key = report_read(bytes, length);
    return length;
}

/* Bytes taken; 0 when the rest has to come first. */
static size_t read_key(struct key_reader *reader, const unsigned char *bytes, size_t count,
                       bool late, struct key *ret_key)
{
    bool sequence = bytes[0] == ESC && count > 1 && (bytes[1] == '[' || bytes[1] == 'O');
    if (bytes[0] == ESC && count == 1 && !late)
        return 0;
    if (sequence) {
        size_t length = sequence_length(bytes, count);
        if (length == 0 && !late)
            return 0;
        *ret_key =
            length ? read_sequence(reader, bytes, length) : (struct key){ .kind = KEY_OTHER };
        return length ? length : count;
    }
    if (bytes[0] == ESC && count > 1 && bytes[1] == ']')
        return read_osc(bytes, count, late, ret_key);
    if (bytes[0] < 0x20 || bytes[0] == 0x7F) {
        *ret_key = read_control(bytes[0]);
        return 1;
    }
    return read_text(bytes, count, late, ret_key);
}

bool key_next(struct key_reader *reader, bool late, struct key *ret_key)
{
    struct key key = { 0 };
    size_t count = reader->end - reader->start;
    bool was_pasting = reader->pasting;
    if (late && report_begins(reader->bytes + reader->start, count))
        late = ++reader->late > KEY_REPORT_PATIENCE;
    size_t taken = count ? read_key(reader, reader->bytes + reader->start, count, late, &key) : 0;
    if (taken == 0)
        return false;
    reader->start += taken;
    reader->late = 0;
    if (was_pasting && reader->pasting) {
        /* A pasted line's end is a blank, never the Enter key; nothing else there is a key. */
        if (key.kind == KEY_ENTER || key.kind == KEY_TAB)
            key = (struct key){ .kind = KEY_TEXT, .text = " " };
        key.kind = key.kind == KEY_TEXT ? KEY_PASTED : KEY_OTHER;
    }
    *ret_key = key;
    return true;
}
