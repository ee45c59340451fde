/* SPDX-License-Identifier: MIT */
#include "tui/view/test_brief.h"

#include <string.h>

#include "base/buf.h"
#include "tui/number.h"
#include "tui/theme.h"
#include "tui/view/test_table.h"
#include "tui/view/test_words.h"

enum { WORDS_MAX = 4096 };

static void put_row(struct lines *lines, const struct browse_test *found,
                    const struct abtest_row *row)
{
    struct buf words;
    buf_init(&words, WORDS_MAX);
    int role = test_table_put_row(found, row, &words);
    lines_add(lines, role, row->word, buf_string(&words));
    buf_done(&words);
}

static void put_requests(struct lines *lines, const struct browse_test *found)
{
    const struct abtest_arm_data *arms = found->data.arms;
    const struct srm *srm = &found->report.srm;
    char a[NUMBER_ROOM], b[NUMBER_ROOM];
    number_count((size_t)MAX(arms[0].n, 0), a);
    number_count((size_t)MAX(arms[1].n, 0), b);
    lines_printf(lines, srm->alarm ? ROLE_ERROR : ROLE_PLAIN, "requests",
                 "A %s, B %s; %d %% is meant for A%s", a, b, found->test.split_percent,
                 srm->alarm   ? ", the split is OFF"
                 : srm->known ? ", split ok"
                              : "");
}

/* A worry stands out. */
static void put_texts(struct lines *lines, const char *text)
{
    for (size_t length; *text; text += length + (text[length] != '\0')) {
        length = strcspn(text, "\n");
        lines_printf(lines, *text == '!' ? ROLE_WARNING : ROLE_DIM, "note", "%.*s", (int)length,
                     text);
    }
}

static void put_rest(struct lines *lines, const struct browse_test *found, const struct rows *rows,
                     struct buf *words)
{
    lines_heading(lines, "arms and gates");
    test_put_arm(&found->test.a, rows, words);
    lines_add(lines, ROLE_PLAIN, "A", buf_string(words));
    buf_clear(words);
    test_put_arm(&found->test.b, rows, words);
    lines_add(lines, ROLE_PLAIN, "B", buf_string(words));
    buf_clear(words);
    test_put_gates(found, words);
    lines_add(lines, ROLE_PLAIN, "gates", buf_string(words));
    buf_clear(words);
    abtest_put_badges(&found->test, &found->data, &found->report, words);
    put_texts(lines, buf_string(words));
}

void test_brief_fill(struct lines *lines, const struct browse_test *found, const struct rows *rows,
                     const char *more)
{
    const struct abtest_report *report = &found->report;
    enum decision_state state = report->decision.state;
    struct buf words;
    lines_done(lines);
    buf_init(&words, WORDS_MAX);
    lines_add(lines, test_state_role(state), "verdict", abtest_words(&found->test, state)->word);
    for (int i = 0; i < ABTEST_ROWS; i++)
        if (report->rows[i].is_primary)
            put_row(lines, found, &report->rows[i]);
    test_put_verdict(found, &words);
    lines_add(lines, ROLE_PLAIN, "why", buf_string(&words));
    buf_clear(&words);
    test_put_next(found, &words);
    lines_add(lines, ROLE_DIM, "next", buf_string(&words));
    buf_clear(&words);
    put_requests(lines, found);
    for (int i = 0; i < ABTEST_ROWS; i++)
        if (!report->rows[i].is_primary)
            put_row(lines, found, &report->rows[i]);
    put_rest(lines, found, rows, &words);
    put_texts(lines, more);
    buf_done(&words);
}
