/* SPDX-License-Identifier: MIT */
/* Text from anywhere: cleaned, measured, cut, and numbers in words. */
#include "base/text.h"

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "tap.h"

static const char *clean(const char *from)
{
    static char to[400];
    text_clean(from, strlen(from), to, sizeof(to));
    return to;
}

static void test_clean(void)
{
    IS(clean("plain \xC3\xA9 \xE6\xBC\xA2 \xF0\x9F\x98\x80"),
       "plain \xC3\xA9 \xE6\xBC\xA2 \xF0\x9F\x98\x80", "text stays");
    IS(clean("\033]52;c;x\007"), "\u00b7]52;c;x\u00b7", "an OSC 52 is harmless");
    IS(clean("a\nb\tc\rd"), "a\u00b7b\u00b7c\u00b7d", "newlines and tabs too");
    IS(clean("\x7f\xC2\x80\xC2\x9F"), "\u00b7\u00b7\u00b7", "DEL and C1");
    IS(clean("\xE2\x80\xAE\xE2\x81\xA6\xE2\x80\x8F\xD8\x9C"), "\u00b7\u00b7\u00b7\u00b7",
       "bidi controls");
    IS(clean("\xE2\x80\xA8\xE2\x80\xA9"), "\u00b7\u00b7", "line separators");
    IS(clean("\xff\xC3(\xE2\x82"), "\uFFFD\uFFFD(\uFFFD\uFFFD", "what is no UTF-8");
    IS(clean("\xC0\xAF\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD", "overlong and surrogates");
    char room[5];
    OK(text_clean("ab\xE6\xBC\xA2", 5, room, sizeof(room)) == 2, "it is cut at a whole character");
    IS(room, "ab", "with a zero behind");
    OK(text_clean("abc", 3, room, 1) == 0 && room[0] == '\0', "even in room for none");
    OK(text_clean("abc", 3, room, 0) == 0, "or without any");
    struct arena arena = { 0 };
    char raw[1000];
    memset(raw, '\xff', 999);
    raw[999] = '\0';
    OK(strlen(text_clean_dup(&arena, raw)) == 3 * 999, "into an arena it comes whole");
    OK(text_clean_dup(&arena, NULL) == NULL, "NULL is NULL");
    arena_done(&arena);
    bool all = true;
    for (int i = 0; i < 20000; i++) {
        char bytes[16], to[64];
        for (size_t j = 0; j < sizeof(bytes); j++)
            bytes[j] = (char)(rand() >> 7);
        size_t n = text_clean(bytes, sizeof(bytes), to, sizeof(to));
        all &= text_is_clean(to, n) && (memchr(to, 0, n) || text_is_utf8(to, n));
    }
    OK(all, "what passed it is clean, of any bytes");
}

static void test_judging(void)
{
    OK(text_is_utf8("\xC3\xA9", 2) && !text_is_utf8("\xC3", 1), "UTF-8 or not");
    OK(!text_is_utf8("a\0b", 3), "U+0000 is not taken");
    OK(text_is_utf8("\033", 1) && !text_is_clean("\033", 1), "clean is more than UTF-8");
    OK(text_is_clean("", 0), "nothing is clean");
}

static void test_width(void)
{
    int columns;
    OK(text_width("abc") == 3, "letters are one column");
    OK(text_width("\xE6\xBC\xA2\xE5\xAD\x97") == 4, "ideographs two");
    OK(text_width("e\xCC\x81\xCC\x81") == 1, "marks none");
    OK(text_width("\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9") == 2, "a family is one picture");
    OK(text_width("\xE2\x9D\xA4\xEF\xB8\x8F") == 2, "VS16 makes it wide");
    OK(text_cluster("e\xCC\x81x", 4, &columns) == 3 && columns == 1,
       "a cluster is its letter and marks");
    OK(text_cluster("", 0, &columns) == 0, "at the end there is none");
    OK(text_fit("a\xE6\xBC\xA2"
                "b",
                2, &columns) == 1 &&
           columns == 1,
       "a wide one is not halved");
    OK(text_fit("a\xE6\xBC\xA2"
                "b",
                3, &columns) == 4 &&
           columns == 3,
       "and fits whole");
    OK(text_fit("abc", 0, &columns) == 0 && columns == 0, "nothing fits nowhere");
}

static void test_lines(void)
{
    OK(text_line("one two", 5) == 3 && text_line("one two", 7) == 7, "a line ends before a blank");
    OK(text_line("onetwo", 4) == 4, "a word that is too long is cut");
    OK(text_lines("one two three", 7) == 2 && text_lines("one two three", 3) == 4,
       "as many lines as it takes");
    OK(text_lines("", 3) == 1, "nothing is a line");
    OK(text_lines("\xE6\xBC\xA2\xE6\xBC\xA2", 1) == 1, "what fits nowhere ends");
}

static const char *size(int64_t bytes)
{
    static char to[32];
    text_size(bytes, to, sizeof(to));
    return to;
}

static const char *number(double value)
{
    static char to[32];
    text_number(value, to, sizeof(to));
    return to;
}

static void test_numbers(void)
{
    double d;
    int64_t i;
    IS(size(0), "0 B", "sizes");
    IS(size(999), "999 B", "bytes");
    IS(size(1000), "1.00 kB", "thousands");
    IS(size(3163737), "3.16 MB", "three digits");
    IS(size(9994999), "9.99 MB", "rounded");
    IS(size(9995000), "10.0 MB", "up");
    IS(size(999499999), "999 MB", "below the next unit");
    IS(size(999500000), "1.00 GB", "in the next unit");
    IS(size(INT64_MAX), "9223 PB", "the largest");
    IS(number(0.1), "0.1", "short");
    IS(number(5e-324), "4.94065645841247e-324", "the smallest");
    bool same = true;
    for (int n = 0; n < 20000; n++) {
        double value = ldexp((double)rand() / 3, rand() % 600 - 300);
        same &= strtod(number(value), NULL) == value;
    }
    OK(same, "every number reads back the same");
    OK(text_to_double("-1.5e3", &d) && d == -1500, "text to number");
    static const char *const no_double[] = {
        "", " 1", "1 ", "1x", "nan", "inf", "0x1", "1e999", "-"
    };
    for (size_t n = 0; n < ARRAY_SIZE(no_double); n++)
        OK(!text_to_double(no_double[n], &d), "no number");
    OK(text_to_int64("-9223372036854775808", &i) && i == INT64_MIN, "the least integer");
    static const char *const no_integer[] = { "",    " 1",  "+1",
                                              "1.0", "1e3", "9223372036854775808",
                                              "0x1", "-" };
    for (size_t n = 0; n < ARRAY_SIZE(no_integer); n++)
        OK(!text_to_int64(no_integer[n], &i), "no integer");
    OK(text_glob("v*_int[48]", "v1.0_int8") && !text_glob("v?", "v10") && text_glob("*", ""),
       "globs");
}

int main(void)
{
    srand(1);
    test_clean();
    test_lines();
    test_judging();
    test_width();
    test_numbers();
    return tap_done();
}
