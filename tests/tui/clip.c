/* SPDX-License-Identifier: MIT */
/* What is copied: clean text, and the bytes that hand it to a terminal. */
#include "tui/clip.h"

#include "base/base64.h"
#include "tap.h"

static void is_base64(const char *text, const char *wanted)
{
    struct buf buf;
    buf_init(&buf, 1024);
    base64_put(&buf, text, strlen(text));
    IS(buf_string(&buf), wanted, "base64 of every remainder");
    OK(buf.length == base64_length(strlen(text)), "of the length that was foretold");
    buf_done(&buf);
}

static void is_clean(const char *text, const char *wanted, const char *sentence)
{
    struct buf buf;
    buf_init(&buf, 1 << 20);
    clip_clean(text, &buf);
    IS(buf_string(&buf), wanted, sentence);
    buf_done(&buf);
}

static void test_long_line(void)
{
    static char text[5001], found[5001];
    struct buf buf;
    memset(text, 'x', 1023); /* a letter of three bytes astride each place where the line is cut */
    for (size_t i = 1023; i + 3 <= 5000; i += 3)
        memcpy(text + i, "\xE2\x88\x9E", 3);
    buf_init(&buf, 1 << 20);
    clip_clean(text, &buf);
    memcpy(found, buf_string(&buf), buf.length < 5000 ? buf.length + 1 : 0);
    IS(found, text, "a long line keeps all its letters");
    buf_done(&buf);
}

/* The pieces without what screen takes off; false when one is too long for it. */
static bool unwrap(const struct buf *from, struct buf *to)
{
    const char *at = from->data, *end = from->data + from->length;
    while (at < end) {
        const char *stop = strstr(at, "\033\\");
        if (strncmp(at, "\033P", 2) != 0 || !stop || stop - at > 250)
            return false;
        buf_add(to, at + 2, (size_t)(stop - at) - 2);
        at = stop + 2;
    }
    return true;
}

static void test_sequence(void)
{
    char text[1000];
    struct buf plain, wrapped, whole;
    memset(text, 'a', sizeof(text));
    buf_init(&plain, 1 << 20);
    buf_init(&wrapped, 1 << 20);
    buf_init(&whole, 1 << 20);
    clip_put_sequence("hi", 2, false, &plain);
    IS(buf_string(&plain), "\033]52;c;aGk=\a", "a terminal's clipboard is set");
    buf_clear(&plain);
    clip_put_sequence(text, sizeof(text), false, &plain);
    clip_put_sequence(text, sizeof(text), true, &wrapped);
    OK(unwrap(&wrapped, &whole), "inside screen it goes in pieces that screen takes");
    IS(buf_string(&whole), buf_string(&plain), "which together are the same");
    buf_done(&plain);
    buf_done(&wrapped);
    buf_done(&whole);
}

int main(void)
{
    is_base64("", "");
    is_base64("f", "Zg==");
    is_base64("fo", "Zm8=");
    is_base64("foo", "Zm9v");
    is_base64("foob", "Zm9vYg==");
    is_base64("\xFF\xFE\xFB", "//77");
    is_clean("a\nb\n", "a\nb\n", "lines stay lines");
    is_clean("a\033]52;c;QQ\ab\tc\r",
             "a\xC2\xB7]52;c;QQ\xC2\xB7"
             "b\xC2\xB7"
             "c\xC2\xB7",
             "no control byte is copied");
    is_clean("\xFF", "\xEF\xBF\xBD", "nor what is no UTF-8");
    test_long_line();
    test_sequence();
    return tap_done();
}
