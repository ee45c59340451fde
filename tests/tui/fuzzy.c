/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "tui/fuzzy.h"

/* The text with the matched letters in brackets, "-" when it does not match. */
static const char *marked(const char *typed, const char *text)
{
    static char shown[3 * FUZZY_TEXT_MAX];
    struct fuzzy fuzzy;
    struct fuzzy_match match;
    size_t used = 0, next = 0;
    fuzzy_init(&fuzzy, typed);
    if (!fuzzy_match(&fuzzy, text, &match))
        return "-";
    for (size_t i = 0; text[i]; i++) {
        bool is = next < match.count && match.at[next] == i;
        used += (size_t)snprintf(shown + used, sizeof(shown) - used, is ? "[%c]" : "%c", text[i]);
        next += is;
    }
    shown[used] = '\0';
    return next == match.count ? shown : "out of order";
}

static int score(const char *typed, const char *text)
{
    struct fuzzy fuzzy;
    int score = -1000000;
    fuzzy_init(&fuzzy, typed);
    return fuzzy_score(&fuzzy, text, strlen(text), &score) ? score : -1000000;
}

static void test_places(void)
{
    IS(marked("nj", "new job"), "[n]ew [j]ob", "starts of words");
    IS(marked("ver", "over version"), "over [v][e][r]sion", "a start rather than the first");
    IS(marked("int8", "point v8_int8"), "point v8_[i][n][t][8]", "a run rather than pieces");
    IS(marked("BERT", "a_bert:v1"), "a_[b][e][r][t]:v1", "case does not matter");
    IS(marked("new job", "new_job"), "[n][e][w]_[j][o][b]", "nor do typed blanks");
    IS(marked("bv2", "bert_embedding:v2.0"), "[b]ert_embedding:[v][2].0", "far apart");
    IS(marked("xyz", "xy"), "-", "a letter that is missing");
    IS(marked("ba", "ab"), "-", "the order counts");
    IS(marked("", "abc"), "abc", "nothing typed matches");
    IS(marked("图", "意图"), "意[\xe5][\x9b][\xbe]", "a character of several bytes is whole");
    IS(marked("\xe6\x9b\xbe", "意图"), "-", "and not put together of others' bytes");
}

static void test_order(void)
{
    OK(score("pr", "promote") > score("pr", "compare"), "at the start before in the middle");
    OK(score("job", "jobs") > score("job", "join a blob"), "together before apart");
    OK(score("jobs", "jobs") > score("jobs", "jobs of all"), "the shorter of two");
    OK(score("v2int8", "bert:v2_int8") > score("v2int8", "av2i_n_t_8x"), "words and runs");
}

/* Against all ways there are: the scores of both functions agree, and what is marked is there. */
static void test_anything(void)
{
    unsigned seed = 11;
    bool agree = true, there = true;
    for (int round = 0; round < 40000; round++) {
        char typed[12] = "", text[40] = "";
        struct fuzzy fuzzy;
        struct fuzzy_match match;
        int alone;
        for (int i = rand_r(&seed) % 7; i > 0; i--)
            strncat(typed, &"a\0b\0_\0\xe6\0\x84\0"[2 * (rand_r(&seed) % 5)], 1);
        for (int i = rand_r(&seed) % 30; i > 0; i--)
            strncat(text, &"a\0b\0_\0\xe6\0\x84\0B"[2 * (rand_r(&seed) % 6)], 1);
        fuzzy_init(&fuzzy, typed);
        bool one = fuzzy_match(&fuzzy, text, &match);
        bool other = fuzzy_score(&fuzzy, text, strlen(text), &alone);
        agree = agree && one == other && (!one || match.score == alone);
        for (size_t i = 0; one && i < match.count; i++) {
            char c = text[match.at[i]];
            c = c == 'B' ? 'b' : c;
            there = there && (unsigned char)c == fuzzy.typed[i];
            there = there && (i == 0 || match.at[i] > match.at[i - 1]);
        }
    }
    OK(agree, "how good and where agree");
    OK(there, "each typed letter is marked at one of its own, in order");
}

static void test_long(void)
{
    char typed[400], text[4000];
    int result;
    struct fuzzy fuzzy;
    struct fuzzy_match match;
    memset(typed, 'a', sizeof(typed));
    memset(text, 'a', sizeof(text));
    typed[sizeof(typed) - 1] = text[sizeof(text) - 1] = '\0';
    fuzzy_init(&fuzzy, typed);
    OK(fuzzy.length == FUZZY_TYPED_MAX, "more than can be typed is cut");
    OK(fuzzy_score(&fuzzy, text, strlen(text), &result) && fuzzy_match(&fuzzy, text, &match),
       "a text of any length");
}

int main(void)
{
    test_places();
    test_order();
    test_anything();
    test_long();
    return tap_done();
}
