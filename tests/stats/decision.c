/* SPDX-License-Identifier: MIT */
/* What a test says to do: the table, the order of the gates, and the words. */
#include "stats/decision.h"

#include <math.h>

#include "vectors.h"

static const struct decision_guard passing = { DECISION_GUARD_PASS, -.02, .03, .05 };
static const struct decision_guard waiting = { DECISION_GUARD_OPEN, -.02, .08, .05 };
static const struct decision_guard failing = { DECISION_GUARD_FAIL, .07, .2, .05 };

/* A test that would promote B. */
static struct decision_facts good(void)
{
    return (struct decision_facts){ .n_a = 3000,
                                    .n_b = 3010,
                                    .min_n = 100,
                                    .runtime_hours = 30,
                                    .min_hours = 24,
                                    .srm_ln_p = log(.7),
                                    .flow_a = { 3000, 3000 },
                                    .flow_b = { 3010, 3010 },
                                    .flow_margin = .005,
                                    .primary = DECISION_B,
                                    .primary_ln_p = -9,
                                    .alpha = .05,
                                    .guards = &passing,
                                    .guard_count = 1 };
}

static double number_of(const cJSON *row, const char *key)
{
    return vector_member(row, key)->valuedouble;
}

static enum decision_verdict verdict_named(const char *word)
{
    if (strcmp(word, "equivalent") == 0)
        return DECISION_EQUAL;
    return word[0] == 'A' ? DECISION_A : word[0] == 'B' ? DECISION_B : DECISION_NONE;
}

static void table(const struct vector *v)
{
    const cJSON *row;
    int i = 0;
    cJSON_ArrayForEach(row, vector_member(v->input, "rows"))
    {
        struct decision_facts facts = good();
        const char *guard = vector_member(row, "guard")->valuestring;
        const struct decision_guard *of = guard[0] == 'o' ? &waiting : &failing;
        facts.guards = guard[0] == 'p' ? &passing : of;
        facts.guard_count = guard[0] != 'n';
        facts.n_a = (int64_t)number_of(row, "nA");
        facts.n_b = (int64_t)number_of(row, "nB");
        facts.min_n = (int64_t)number_of(row, "min_n");
        facts.runtime_hours = number_of(row, "runtime_h");
        facts.min_hours = number_of(row, "min_h");
        facts.srm_ln_p = log(number_of(row, "srm_p"));
        facts.primary = verdict_named(vector_member(row, "primary")->valuestring);
        facts.primary_ln_p = facts.primary == DECISION_NONE ? -1 : -9;
        IS(decision_words(decision_make(&facts).state)->word,
           cJSON_GetArrayItem(vector_member(v->expected, "state"), i++)->valuestring, v->id);
    }
}

static void is(const struct decision_facts *facts, const char *word, enum decision_gate gate,
               const char *what)
{
    struct decision got = decision_make(facts);
    IS(decision_words(got.state)->word, word, what);
    IS(decision_gate_word(got.gate), decision_gate_word(gate), "... by that gate");
}

/* All gates fail at once; mended one by one from the first, the next one speaks. */
static void order_of_the_gates(void)
{
    const struct decision_guard guards[] = { passing, failing, waiting };
    struct decision_facts facts = good();
    facts.n_b = 40;
    facts.srm_ln_p = -INFINITY;
    facts.flow_a.recorded = 2900;
    facts.runtime_hours = 2;
    facts.drift = true;
    facts.primary = DECISION_NONE;
    facts.primary_ln_p = -1;
    facts.guards = guards;
    facts.guard_count = 3;
    is(&facts, "WARMING", DECISION_GATE_REQUESTS, "too few requests come before everything");
    OK(decision_make(&facts).wants == 60, "60 more in the smaller arm");
    OK(decision_make(&facts).open == (1u << DECISION_GATES) - 1, "and all gates are open");
    facts.n_b = 3010;
    is(&facts, "INVALID_SRM", DECISION_GATE_SPLIT, "then the split");
    facts.srm_ln_p = -6.9;
    is(&facts, "INVALID_RECORD", DECISION_GATE_RECORDED, "then requests that were not recorded");
    OK(decision_make(&facts).wants == 85 && fabs(decision_make(&facts).value - 100. / 3000) < 1e-12,
       "100 of 3000 are missing, 85 of them have to be found");
    facts.flow_a.recorded = 2985;
    is(&facts, "STOP_B_HARM", DECISION_GATE_GUARDRAIL, "then harm, before the minimum runtime");
    OK(decision_make(&facts).guard == 1 && decision_make(&facts).value == .07 &&
           decision_make(&facts).limit == .05,
       "naming the guardrail that failed, its bound and margin");
    facts.primary = DECISION_B;
    is(&facts, "STOP_B_HARM", DECISION_GATE_GUARDRAIL, "also of a B that wins too early");
    facts.guards = &waiting;
    facts.guard_count = 1;
    is(&facts, "DRIFT", DECISION_GATE_DRIFT, "then drift");
    facts.drift = false;
    is(&facts, "EARLY_B", DECISION_GATE_RUNTIME, "then the minimum runtime");
    OK(decision_make(&facts).wants == 22, "22 hours to go");
    facts.runtime_hours = 24;
    is(&facts, "WAIT_GUARDRAIL", DECISION_GATE_GUARDRAIL, "then a guardrail that is open");
    OK(fabs(decision_make(&facts).wants - .03) < 1e-12, "which has to come down by .03");
    facts.guards = guards;
    facts.guard_count = 3;
    is(&facts, "TRADE_OFF", DECISION_GATE_GUARDRAIL, "a failed one is a trade-off by then");
    facts.guards = &passing;
    facts.guard_count = 1;
    is(&facts, "PROMOTE_B", DECISION_GATE_PRIMARY, "and with nothing left B is promoted");
    OK(decision_make(&facts).open == 0, "no gate is open");
}

static void other_ends(void)
{
    struct decision_facts facts = good();
    facts.primary = DECISION_A;
    facts.guards = &waiting;
    is(&facts, "KEEP_A", DECISION_GATE_PRIMARY, "A is kept without waiting for guardrails");
    facts.runtime_hours = -5;
    is(&facts, "EARLY_A", DECISION_GATE_RUNTIME, "a clock that ran backwards is early");
    facts.runtime_hours = NAN;
    is(&facts, "EARLY_A", DECISION_GATE_RUNTIME, "so is a time that nobody knows");
    facts.primary = DECISION_EQUAL;
    is(&facts, "RUNNING", DECISION_GATE_RUNTIME, "equivalence, too, waits for its time");
    facts.runtime_hours = 30;
    is(&facts, "EQUIVALENT", DECISION_GATE_PRIMARY, "and then is one");
    facts.primary = DECISION_NONE;
    facts.primary_ln_p = -1;
    is(&facts, "RUNNING", DECISION_GATE_PRIMARY, "nothing shown: running");
    OK(fabs(decision_make(&facts).wants - (-1 - log(.05))) < 1e-12, "ln p has 2 to go");
    facts.flow_a = (struct decision_flow){ 0, 3000 };
    facts.flow_b = (struct decision_flow){ 0, 0 };
    is(&facts, "RUNNING", DECISION_GATE_PRIMARY, "where nobody counts assignments nothing is lost");
    facts.flow_b = (struct decision_flow){ 1000, 1100 };
    is(&facts, "INVALID_RECORD", DECISION_GATE_RECORDED,
       "more rows than assignments are wrong too");
    facts = good();
    facts.guards = NULL;
    facts.guard_count = 0;
    is(&facts, "PROMOTE_B", DECISION_GATE_PRIMARY, "without guardrails none is waited for");
}

static struct sequence seen(double low, double high, double ln_p)
{
    return (
        struct sequence){ .looks = 3, .low = low, .high = high, .ln_p = ln_p, .empty = low > high };
}

static void verdicts(void)
{
    struct sequence faster = seen(-30, -2, -5), slower = seen(2, 9, -5), near = seen(-2, 3, -.1);
    struct sequence apart = seen(5, 3, -9), none;
    sequence_init(&none);
    OK(decision_verdict_of(&faster, .05, 5, true) == DECISION_B, "a shorter latency is better");
    OK(decision_verdict_of(&slower, .05, 5, true) == DECISION_A, "a longer one is worse");
    OK(decision_verdict_of(&slower, .05, 5, false) == DECISION_B, "a higher rating is better");
    OK(decision_verdict_of(&faster, .05, 5, false) == DECISION_A, "a lower one is worse");
    OK(decision_verdict_of(&near, .05, 5, true) == DECISION_EQUAL, "within the margin: equal");
    OK(decision_verdict_of(&near, .05, 2.5, true) == DECISION_NONE, "not within it: unknown");
    OK(decision_verdict_of(&near, .05, 0, true) == DECISION_NONE, "no margin: unknown");
    OK(decision_verdict_of(&apart, .05, 5, true) == DECISION_NONE, "drift: unknown");
    OK(decision_verdict_of(&none, .05, 5, true) == DECISION_NONE, "no look: unknown");
    OK(decision_verdict_of(&faster, .001, 0, true) == DECISION_NONE, "p above alpha: unknown");
}

static void guardrails(void)
{
    struct sequence inside = seen(-.1, .04, 0), straddling = seen(-.1, .07, 0), none;
    struct sequence outside = seen(.06, .2, -9), wider = seen(.04, .3, -7);
    sequence_init(&none);
    OK(decision_guard_of(&inside, &straddling, .05, true).verdict == DECISION_GUARD_PASS,
       "inside at alpha passes");
    OK(decision_guard_of(&straddling, &straddling, .05, true).verdict == DECISION_GUARD_OPEN,
       "straddling is open");
    OK(decision_guard_of(&outside, &wider, .05, true).verdict == DECISION_GUARD_OPEN,
       "outside at alpha, not at alpha by the number of guardrails: open");
    OK(decision_guard_of(&outside, &outside, .05, true).verdict == DECISION_GUARD_FAIL,
       "outside at both fails");
    struct decision_guard guard = decision_guard_of(&none, &none, .05, true);
    OK(guard.verdict == DECISION_GUARD_OPEN && guard.worst == INFINITY, "no look is open");
    struct sequence worse = seen(-.3, -.1, -9), better = seen(-.01, .3, -1);
    guard = decision_guard_of(&worse, &worse, .05, false);
    OK(guard.verdict == DECISION_GUARD_FAIL && guard.best == .1 && guard.worst == .3,
       "a rating that fell by .1 to .3 fails, turned so that more is worse");
    OK(decision_guard_of(&better, &better, .05, false).verdict == DECISION_GUARD_PASS,
       "one that fell by .01 at most passes");
}

static void words(void)
{
    bool fine = true, distinct = true;
    for (int i = 0; i < DECISION_STATES; i++) {
        const struct decision_words *of = decision_words((enum decision_state)i);
        fine = fine && of->word && of->says && of->change && strlen(of->says) > 4 &&
               (of->arm != 0) == (i == DECISION_PROMOTE_B || i == DECISION_KEEP_A);
        for (int j = 0; j < i; j++)
            distinct = distinct && strcmp(of->word, decision_words((enum decision_state)j)->word);
    }
    for (int i = 0; i < DECISION_GATES; i++)
        fine = fine && decision_gate_word((enum decision_gate)i);
    OK(fine, "each state has its words, and only PROMOTE_B and KEEP_A preselect an arm");
    OK(distinct, "no two states share a word");
}

int main(void)
{
    vectors("decision", table);
    order_of_the_gates();
    other_ends();
    verdicts();
    guardrails();
    words();
    return tap_done();
}
