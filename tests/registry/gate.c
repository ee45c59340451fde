/* SPDX-License-Identifier: MIT */
/* Rules for promotion, judged on facts: what passes, what fails, what is not asked. */
#include "registry/gate.h"

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "registry/version.h"
#include "tap.h"

static struct pare_error err;
static struct arena arena;

static const char candidate_config[] = "{\"tier\": \"gold\", \"signed\": true, \"epochs\": 7}";
static const char candidate_metrics[] = "{\"f1\": 0.7, \"huge\": 1e400, \"nan\": \"NaN\"}";

/* Each result as "rule=verdict;"; or NULL. Rules end with NULL. */
static const char *judge(const char *const rules[], const char *measured,
                         const char *measured_default, bool against, bool with_default)
{
    static struct buf buf;
    struct gate list[8] = { { 0 } };
    struct gate_facts facts = { .gates = list,
                                .measured = measured,
                                .measured_default = measured_default,
                                .measured_against_default = against };
    struct version to = { .id = 2,
                          .name = "m",
                          .version = "v2",
                          .size_bytes = 10e6,
                          .latency_ms = 5,
                          .accuracy = 0.9,
                          .optimization = "int8",
                          .config = candidate_config,
                          .metrics = candidate_metrics };
    struct version dflt = to;
    dflt.id = 1;
    dflt.latency_ms = 4;
    dflt.config = dflt.metrics = NULL;
    struct gate_result *results;
    size_t count;
    for (; rules[facts.gate_count]; facts.gate_count++)
        list[facts.gate_count].expression = rules[facts.gate_count];
    if (!gate_judge(&facts, &to, with_default ? &dflt : NULL, &arena, &results, &count, &err))
        return NULL;
    buf_done(&buf);
    buf_init(&buf, 4096);
    for (size_t i = 0; i < count; i++)
        buf_printf(&buf, "%s=%s;", results[i].rule, gate_verdict_word(results[i].verdict));
    buf_text(&buf, gate_all_pass(results, count) ? "all" : "not all");
    return buf_string(&buf);
}

#define RULES(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define NO_RULES                                                                                   \
    (const char *const[])                                                                          \
    {                                                                                              \
        NULL                                                                                       \
    }

static void test_built_in(void)
{
    IS(judge(NO_RULES, NULL, NULL, false, true), "all", "nothing measured, nothing asked");
    IS(judge(NO_RULES, "{\"accuracy\": 0.945}", "{\"accuracy\": 0.95}", false, true),
       "accuracy >= default - 0.005=pass;all", "a drop of 0.005 passes");
    IS(judge(NO_RULES, "{\"accuracy\": 0.9449}", "{\"accuracy\": 0.95}", false, true),
       "accuracy >= default - 0.005=fail;not all", "a hair more fails");
    IS(judge(NO_RULES, "{\"accuracy\": 0.945}", "{}", false, true), "all",
       "one side alone asks nothing");
    IS(judge(NO_RULES, "{\"agreement\": 0.97}", "{}", true, true), "agreement >= 0.98=fail;not all",
       "agreement with the default");
    IS(judge(NO_RULES, "{\"agreement\": 0.97}", "{}", false, true), "all",
       "agreement with another says nothing");
    IS(judge(NO_RULES, "{\"accuracy\": \"NaN\", \"agreement\": 1e400}", "{\"accuracy\": 1}", true,
             true),
       "all", "what is no number is not there");
    IS(judge(NO_RULES, "[1", "x", true, true), "all", "nor what is no JSON");
}

static void test_set(void)
{
    IS(judge(RULES("size < 11MB"), NULL, NULL, false, true), "size < 11MB=pass;all",
       "a rule that holds");
    IS(judge(RULES("size < 1MB lat<9"), NULL, NULL, false, true),
       "size < 1MB=fail;lat<9=pass;not all", "each term by itself");
    IS(judge(RULES("p95_ms <= default"), NULL, NULL, false, true),
       "p95_ms <= default=missing;not all", "missing fails closed");
    IS(judge(RULES("huge > 0"), NULL, NULL, false, true), "huge > 0=missing;not all",
       "so does a number that does not count");
    IS(judge(RULES("nan > 0"), NULL, NULL, false, true), "nan > 0=missing;not all",
       "and one that is none");
    IS(judge(RULES("lat <= default", "size<11"), NULL, NULL, false, false),
       "lat <= default=not asked;size<11=pass;all",
       "a rule about the default asks nothing while there is none");
    IS(judge(RULES("lat <= default"), NULL, NULL, false, true), "lat <= default=fail;not all",
       "and something when there is");
    IS(judge(RULES("f1 >= 0.7"), NULL, NULL, false, true), "f1 >= 0.7=pass;all",
       "a metric of the row");
    IS(judge(RULES("f1 >= 0.8"), "{\"f1\": 0.9}", "{}", false, true), "f1 >= 0.8=pass;all",
       "what was measured goes before it");
    IS(judge(RULES("config.tier=gold config.signed=true config.epochs>5"), NULL, NULL, false, true),
       "config.tier=gold=pass;config.signed=true=pass;config.epochs>5=pass;all",
       "texts and truths of the config");
    IS(judge(RULES("config.tier=silver"), NULL, NULL, false, true),
       "config.tier=silver=fail;not all", "both ways");
    IS(judge(RULES("config.none=x"), NULL, NULL, false, true), "config.none=x=missing;not all",
       "missing there too");
    IS(judge(RULES("opt=int8"), NULL, NULL, false, true), "opt=int8=pass;all",
       "the row's own words");
    IS(judge(RULES("no ((rule"), NULL, NULL, false, true), "no ((rule=missing;not all",
       "what nobody can read is not passed");
}

static void test_replacing(void)
{
    static const char low[] = "{\"accuracy\": 0.5, \"agreement\": 0.5}",
                      high[] = "{\"accuracy\": 0.9}";
    IS(judge(RULES("accuracy >= 0.4"), low, high, true, true),
       "agreement >= 0.98=fail;accuracy >= 0.4=pass;not all",
       "a rule on accuracy replaces the built-in one");
    IS(judge(RULES("acc >= 0.4", "metrics.agreement>0.1"), low, high, true, true),
       "acc >= 0.4=pass;metrics.agreement>0.1=pass;all", "by any of its names");
    IS(judge(RULES("accuracy_top5 < 1", "name!=acc"), low, high, false, true),
       "accuracy >= default - 0.005=fail;accuracy_top5 < 1=missing;name!=acc=pass;not all",
       "one that only begins alike does not");
}

static void test_json(void)
{
    const struct gate_result results[] = {
        { .rule = "a \"b\"", .verdict = GATE_FAIL, .found = 0.5, .of_default = NAN },
        { .rule = "c", .verdict = GATE_NOT_ASKED, .found = NAN, .of_default = 1 }
    };
    struct buf buf;
    buf_init(&buf, 1000);
    gate_put_json(results, 2, &buf);
    IS(buf_string(&buf),
       "[{\"rule\": \"a \\\"b\\\"\", \"verdict\": \"fail\", \"found\": 0.5, \"of_default\": null}, "
       "{\"rule\": \"c\", \"verdict\": \"not asked\", \"found\": null, \"of_default\": 1}]",
       "results as JSON");
    buf_done(&buf);
}

int main(void)
{
    test_built_in();
    test_set();
    test_replacing();
    test_json();
    judge(NO_RULES, NULL, NULL, false, false);
    arena_done(&arena);
    return tap_done();
}
