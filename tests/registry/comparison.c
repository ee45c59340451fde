/* SPDX-License-Identifier: MIT */
/* Versions side by side: what may be compared, which way is better, and what it says in words. */
#include "registry/comparison.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "registry/leaves.h"
#include "tests/tap.h"

static struct arena arena;
static struct comparison_side sides[COMPARISON_MAX];
static struct comparison c;

static void side(size_t at, const char *version, double size, double latency_ms, double accuracy)
{
    sides[at] = (struct comparison_side){ .version = { .id = (int64_t)at + 1,
                                                       .name = "m",
                                                       .version = version,
                                                       .raw_name = "m",
                                                       .raw_version = version,
                                                       .size_bytes = size,
                                                       .latency_ms = latency_ms,
                                                       .accuracy = accuracy } };
}

static void alike(size_t at, const char *own, const char *base, bool together)
{
    sides[at].alike = (struct alike){ .first = own,
                                      .second = base,
                                      .conditions = "{\"host\": \"h\"}",
                                      .together = together,
                                      .first_beside = true };
    sides[at].conditions = sides[0].conditions = "{\"host\": \"h\"}";
}

static void make(size_t count, size_t baseline)
{
    struct pare_error err;
    if (!comparison_make(sides, count, baseline, &arena, &c, &err))
        printf("# %s\n", err.text);
}

static const struct comparison_row *row(const char *key)
{
    for (size_t i = 0; i < c.row_count; i++)
        if (!strcmp(c.rows[i].key, key))
            return &c.rows[i];
    return NULL;
}

static bool reads(const char *key, size_t at, const char *wanted)
{
    char value[COMPARISON_TEXT_ROOM] = "", change[COMPARISON_TEXT_ROOM] = "", all[256];
    const struct comparison_row *found = row(key);
    if (found) {
        comparison_value(found, &found->cells[at], value);
        comparison_change(found, &found->cells[at], false, change);
    }
    snprintf(all, sizeof(all), "%s|%s|%s", value, change,
             found ? comparison_verdict_word(&found->cells[at]) : "no row");
    if (strcmp(all, wanted) != 0)
        printf("# %s of %zu: %s, wanted %s\n", key, at, all, wanted);
    return !strcmp(all, wanted);
}

static void measured(void)
{
    side(0, "fp32", 400e6, 45, 0.9412);
    side(1, "int8", 100e6, 18, 0.9287);
    side(2, "other", NAN, 20, NAN);
    alike(1,
          "{\"inference_ms\": 18, \"accuracy\": 0.93, \"agreement\": 0.96, \"broken\": 20, "
          "\"fixed\": 9, "
          "\"change\": -0.011, \"change_low\": -0.02, \"change_high\": -0.001}",
          "{\"inference_ms\": 45, \"accuracy\": 0.941}", true);
    make(3, 0);
    OK(reads("size", 0, "400 MB||"), "the baseline has no change");
    OK(reads("size", 1, "100 MB|-75 %|best"), "stored bytes compare, and the best is marked");
    OK(reads("size", 2, "-||"), "what is missing is missing");
    OK(reads("inference_ms", 1, "18|-60 %|better"), "times of one job compare");
    OK(reads("inference_ms", 2, "20|~|"), "what was not measured does not");
    OK(reads("accuracy", 1, "0.9300|-1.10 pp|worse"), "accuracy changes in points");
    OK(reads("accuracy change 95 %", 1, "[-2.00,-0.10]||"), "where the change lies");
    OK(reads("broke/fixed", 1, "20/9||"), "how many examples broke and were fixed");
    OK(reads("agreement", 1, "0.9600||"), "agreement is of the pair");
    OK(strstr(c.test, "~ not measured as A: C not measured; B as A: host h"),
       "who was measured how");
    sides[1].alike.together = false;
    make(2, 0);
    OK(reads("inference_ms", 1, "18|~|"), "times of two jobs do not compare");
    OK(reads("accuracy", 1, "0.9300|-1.10 pp|worse"), "their accuracies do");
    OK(strstr(c.test, "same test for both: host h; times apart from the baseline's: B"),
       "and the sentence says so");
}

static void turned(void)
{
    side(0, "fp32", 400e6, NAN, NAN);
    side(1, "int8", 100e6, NAN, NAN);
    alike(
        1, "{\"accuracy\": 0.94}",
        "{\"accuracy\": 0.93, \"agreement\": 0.96, \"broken\": 20, \"fixed\": 9, \"sqnr_db\": 20, "
        "\"change_low\": -0.02, \"change_high\": -0.001}",
        true);
    sides[1].alike.first_beside = false;
    sides[1].alike.second_beside = true;
    make(2, 0);
    OK(reads("broke/fixed", 1, "9/20||"), "a pair that was measured the other way round is turned");
    OK(reads("accuracy change 95 %", 1, "[+0.10,+2.00]||"), "its interval too");
    OK(reads("agreement", 1, "0.9600||"), "agreement is the same from both sides");
    OK(!row("sqnr_db"), "noise is not");
    sides[1].alike.second_beside = false;
    make(2, 0);
    OK(!row("agreement") && !row("broke/fixed"),
       "what was judged beside another one says nothing here");
}

static void undecided(void)
{
    side(0, "a", 1, NAN, NAN);
    side(1, "b", 1, NAN, NAN);
    alike(
        1,
        "{\"accuracy\": 0.93, \"inference_ms\": 9, \"speed\": \"no difference\", \"broken\": 2, "
        "\"fixed\": 1, \"change_low\": -0.02, \"change_high\": 0.01, \"f1\": 0.5, \"loss\": 2, "
        "\"n\": 3, "
        "\"w\": 0}",
        "{\"accuracy\": 0.94, \"inference_ms\": 10, \"f1\": 0.4, \"loss\": 1, \"n\": 4, \"w\": 1}",
        true);
    make(2, 0);
    OK(reads("accuracy", 1, "0.9300|-1.00 pp|open"), "an interval around nothing decides nothing");
    OK(reads("inference_ms", 1, "9|-10 %|open"), "nor does one of times");
    OK(!row("accuracy")->cells[0].best && !row("accuracy")->cells[1].best, "so nobody is best");
    OK(reads("f1", 1, "0.5|+25 %|best"), "another metric, more is better");
    OK(reads("loss", 1, "2|+100 %|worse"), "another metric, less is better");
    OK(reads("n", 1, "3|-25 %|"), "a metric of unknown direction only changes");
    OK(reads("size", 1, "1 B|=|"), "the same is the same");
    OK(!row("speed") && !row("change_low"), "how it was measured is no metric");
}

static void settings(void)
{
    struct buf buf;
    side(0, "a", 1, NAN, NAN);
    side(1, "b|x`y", 1, NAN, NAN);
    sides[0].version.config = "{\"layers\": 12, \"head\": {\"dim\": 64}, \"act\": \"gelu\"}";
    sides[1].version.config =
        "{\"layers\": 12, \"head\": {\"dim\": 32}, \"act\": \"<b>|\\u001b[31m\"}";
    sides[1].version.metrics = "{\"f1\": 1e400, \"g\": \"NaN\", \"h\": 5}";
    make(2, 0);
    OK(!row("config.layers"), "what is set alike is no row");
    OK(row("config.head.dim") && !strcmp(row("config.head.dim")->cells[1].word, "32"),
       "what is set otherwise is");
    OK(!row("f1") && !row("g"), "what does not count as a number is no metric");
    OK(reads("h", 0, "-||") && reads("h", 1, "5||"), "a metric that only one has stands alone");
    buf_init(&buf, 1 << 20);
    comparison_put_markdown(&c, false, &buf);
    OK(strstr(buf_string(&buf), "| B m:b\\|x\\`y |"), "pipes and backticks of a name are escaped");
    OK(strstr(buf_string(&buf), "\\<b\\>\\|"), "and HTML");
    OK(!strchr(buf_string(&buf), '\x1b'), "no control byte comes out");
    OK(strstr(buf_string(&buf), "``` pare compare m:a 'm:b|x`y' --differences --format md ```") ||
           strstr(buf_string(&buf), "`` pare compare m:a 'm:b|x`y' --differences --format md ``"),
       "the command can be pasted");
    buf_done(&buf);
    make(2, 1);
    OK(c.baseline == 1 && reads("h", 1, "5||"), "any of them can be the baseline");
}

static void directions(void)
{
    OK(leaves_direction("recall@10") > 0 && leaves_direction("eval.macro_f1") > 0,
       "more is better");
    OK(leaves_direction("p99_ms") < 0 && leaves_direction("eval/val_loss") < 0, "less is better");
    OK(leaves_direction("accuracy_loss") == 0 && leaves_direction("epoch") == 0 &&
           leaves_direction("") == 0 && leaves_direction("tems") == 0,
       "nobody knows");
}

int main(void)
{
    measured();
    turned();
    undecided();
    settings();
    directions();
    arena_done(&arena);
    return tap_done();
}
